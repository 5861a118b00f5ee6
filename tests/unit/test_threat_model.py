"""The threat model names tests that there are, and none of its measures is without one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
FILES: Final = dict(re.findall(r"^\| `([a-z]+)` \| `(tests/\S+\.py)` \|$", PAGE, re.MULTILINE))
NAMED: Final = re.findall(r"`([a-z]+)::(test_\w+)`", PAGE)


def measures() -> list[list[str]]:
    _, _, table = PAGE.partition("\n## Measures\n")
    table, _, _ = table.partition("\n## What is accepted\n")
    rows = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("| ")]
    return [row for row in rows if len(row) == 3 and row[0].strip() != "threat"]


def names_in(file: str) -> set[str]:
    return set(re.findall(r"^ *(?:async )?def (\w+)", (ROOT / file).read_text(), re.MULTILINE))


@pytest.mark.parametrize("short", sorted(FILES))
def test_every_test_that_is_named_exists(short: str) -> None:
    """In the file that its short name stands for, which is used at least once."""
    named = {test for file, test in NAMED if file == short}

    assert named
    assert named - names_in(FILES[short]) == set()


def test_every_short_name_is_explained() -> None:
    assert {file for file, _ in NAMED} == FILES.keys()


def test_every_measure_is_tested() -> None:
    assert len(measures()) > 25
    assert [row[0] for row in measures() if "::test_" not in row[2]] == []


def test_the_promises_point_to_it() -> None:
    assert "docs/threat-model.md" in (ROOT / "SECURITY.md").read_text(encoding="utf-8")
