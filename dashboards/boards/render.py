"""All boards of a catalogue, as files of JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Final

from boundary.generated_files import GeneratedFiles
from catalogue.model import Catalogue
from dashboards.boards.board import Board, document
from dashboards.boards.delegate import delegate_board
from dashboards.boards.programme import programme_board
from dashboards.boards.written import written_board
from dashboards.conventions import Links

FIRST_DAY: Final = date(2016, 1, 1)
"""Where no indicator has a baseline: the programme's first day."""


def boards_of(
    catalogue: Catalogue, links: Links | None = None, since: str | None = None
) -> tuple[Board, ...]:
    """Build every board of a catalogue, in the order in which they are read.

    `since` is where the axis of the promises' boards begins, as Grafana says it (`now-30m`); by
    default the first day of the catalogue's baselines.
    """
    links = Links() if links is None else links
    start = f"{first_day(catalogue)}T00:00:00.000Z" if since is None else since
    return (
        delegate_board(catalogue, links, start),
        *(programme_board(programme, links, start) for programme in catalogue.programmes),
        written_board("pipeline", links),
        written_board("producers", links),
    )


def first_day(catalogue: Catalogue) -> date:
    """Return the first day from which anything is counted."""
    starts = [start for one in catalogue.indicators for start in one.starts]
    return min((start.day for start in starts), default=FIRST_DAY)


def render(boards: Sequence[Board]) -> Mapping[str, str]:
    """Return the text of each board's file, by the file's name."""
    return {f"{board.uid}.json": document(board) for board in boards}


def board_files(files: Mapping[str, str], folder: Path) -> GeneratedFiles:
    """Return the files of a folder, which then has the boards of no other programme."""
    return GeneratedFiles(folder, files, ours=("smart-region-*.json",))
