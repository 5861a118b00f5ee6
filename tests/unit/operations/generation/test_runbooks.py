"""The runbooks: one for each alert, complete, and with links that lead somewhere."""

from pathlib import Path

import pytest

from dashboards.conventions import runbook_file
from dashboards.rules.alerts import AlertKind, alert_kinds

ROOT = Path(__file__).parents[4]
FOLDER = ROOT / "docs" / "runbooks"
SECTIONS = ["## Meaning", "## Impact", "## What to look at", "## What to do"]

each_kind = pytest.mark.parametrize("kind", alert_kinds(), ids=lambda kind: kind.name)


@each_kind
def test_a_runbook_has_its_sections(kind: AlertKind) -> None:
    lines = (FOLDER / runbook_file(kind.name)).read_text(encoding="utf-8").splitlines()

    assert lines[0] == f"# {kind.name}"
    assert [line for line in lines if line.startswith("## ")] == SECTIONS


def test_no_runbook_is_of_an_alert_that_is_gone() -> None:
    there = {page.name for page in FOLDER.glob("*.md")} - {"README.md"}

    assert there == {runbook_file(kind.name) for kind in alert_kinds()}
