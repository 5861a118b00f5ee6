"""What follows from the catalogue and from the list of alerts, as it lies in a clone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from boundary.generated_files import GeneratedFiles
from catalogue.loader import load_catalogue
from dashboards.boards.render import board_files, boards_of
from dashboards.boards.render import render as render_boards
from dashboards.kubernetes.render import render_beside_boards
from dashboards.rules.render import Site, checked, rule_files
from dashboards.rules.render import render as render_rules
from dashboards.rules.runbooks import runbooks_page

__all__ = ["generated"]


def generated(root: Path) -> Iterator[GeneratedFiles]:
    """Give the rules, the routes, the boards and the index of the runbooks.

    Raises CatalogueError, and RefusedError where a tool that is installed refuses a file.
    """
    catalogue = load_catalogue()
    rules = render_rules(catalogue, Site())
    checked(rules)
    yield rule_files(rules, root / "deploy")
    boards = root / "deploy/grafana/boards"
    yield board_files(render_boards(boards_of(catalogue)), boards)
    yield GeneratedFiles(boards, render_beside_boards(catalogue, Site()))
    yield GeneratedFiles(root / "docs/runbooks", {"README.md": runbooks_page()})
