"""The commands `smart-region boards …`: what is generated from the catalogue for Grafana."""

from __future__ import annotations

from pathlib import Path

import click

from boundary.terminal import echo
from dashboards.options import CATALOGUE, RUNBOOKS, SINCE, out_to

__all__ = ["commands"]


@click.group()
def boards() -> None:
    """Make Grafana's boards of the catalogue."""


@boards.command()
@out_to(
    "deploy/grafana/boards",
    what="Where the boards are written; those of programmes that are gone are removed.",
)
@CATALOGUE
@SINCE
@RUNBOOKS
def render(*, out: Path, programmes: Path | None, since: str | None, runbooks: str | None) -> None:
    """Write one JSON file for each board: the same catalogue always gives the same bytes.

    Where the catalogue is wrong the reason is written to the terminal, and no file.
    """
    from catalogue.loader import load_catalogue
    from dashboards.boards.render import board_files, boards_of
    from dashboards.boards.render import render as render_files
    from dashboards.conventions import Links

    links = Links(runbooks or Links().runbooks)
    files = render_files(boards_of(load_catalogue(programmes), links, since))
    board_files(files, out).write()
    echo(f"{out}: {len(files)} boards")


commands: list[click.Command] = [boards]
