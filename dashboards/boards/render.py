"""All boards of a catalogue, as files of JSON."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Final

from boundary.generated_files import GeneratedFiles
from catalogue.model import Catalogue
from dashboards.boards.board import board, department_variable, document, programme_variable
from dashboards.conventions import Links

FIRST_DAY: Final = date(2016, 1, 1)
"""Where no indicator has a baseline: the programme's first day."""


def render(
    catalogue: Catalogue, links: Links | None = None, since: str | None = None
) -> Mapping[str, str]:
    """Return the text of each board's file, by the file's name, in the order of reading.

    `since` is where the axis of the promises' boards begins, as Grafana says it (`now-30m`); by
    default the first day of the catalogue's baselines.
    """
    links = Links() if links is None else links
    department = department_variable()
    own = {
        "catalogue": catalogue,
        "since": f"{first_day(catalogue)}T00:00:00.000Z" if since is None else since,
        "variables": [department],
    }
    choices = [department, programme_variable(catalogue)]
    boards = (
        board("delegate", links, **own | {"variables": choices}),
        *(board("programme", links, programme=one, **own) for one in catalogue.programmes),
        board("pipeline", links),
        board("producers", links),
    )
    return {f"{one['uid']}.json": document(one) for one in boards}


def first_day(catalogue: Catalogue) -> date:
    """Return the first day from which anything is counted."""
    starts = [start for one in catalogue.indicators for start in one.all_baselines]
    return min((start.day for start in starts), default=FIRST_DAY)


def board_files(files: Mapping[str, str], folder: Path) -> GeneratedFiles:
    """Return the files of a folder, which then has the boards of no other programme."""
    return GeneratedFiles(folder, files, ours=("smart-region-*.json",))
