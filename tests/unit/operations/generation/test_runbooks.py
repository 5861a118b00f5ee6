"""The runbooks: one for each alert, complete, and with links that lead somewhere."""

import re
from pathlib import Path

import click
import pytest

from dashboards.conventions import runbook_file
from dashboards.rules.alerts import KINDS, AlertKind
from smart_region import main

ROOT = Path(__file__).parents[4]
FOLDER = ROOT / "docs" / "runbooks"
SECTIONS = ["## Meaning", "## Impact", "## What to look at", "## What to do"]

each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
each_page = pytest.mark.parametrize(
    "page", [*FOLDER.glob("*.md"), ROOT / "docs" / "alerting.md"], ids=lambda page: page.name
)


@each_kind
def test_a_runbook_has_its_sections(kind: AlertKind) -> None:
    """Whoever is woken finds the same four questions answered."""
    lines = (FOLDER / runbook_file(kind.name)).read_text(encoding="utf-8").splitlines()

    assert lines[0] == f"# {kind.name}"
    assert [line for line in lines if line.startswith("## ")] == SECTIONS


def test_no_runbook_is_of_an_alert_that_is_gone() -> None:
    there = {page.name for page in FOLDER.glob("*.md")} - {"README.md"}

    assert there == {runbook_file(kind.name) for kind in KINDS}


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))
    own = [link for link in links if not link.startswith("http")]

    assert [link for link in own if not (page.parent / link).is_file()] == []


def leaf(words: list[str]) -> click.Command:
    """Find the command that some words of a command line lead to."""
    command: click.Command = main
    while isinstance(command, click.Group):
        command = command.commands[words.pop(0)]
    return command


@each_page
def test_commands_are_as_they_are_written(page: Path) -> None:
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    for line in re.findall(r"smart-region ([a-z][^`\n#|]*)", text):
        command = leaf(line.split())
        known = {option for one in command.params for option in one.opts}
        assert set(re.findall(r"--[a-z-]+", line)) <= known, line
