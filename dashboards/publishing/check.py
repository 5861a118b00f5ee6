"""The check of a Grafana's boards and data sources; nothing is written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from catalogue.model import Catalogue
from dashboards.boards.render import boards_of, render
from dashboards.conventions import Links
from dashboards.publishing.access import Address, read_token
from dashboards.publishing.adapter import Grafana
from dashboards.publishing.apply import survey
from dashboards.publishing.errors import BoardsMissingError, DataSourceMissingError
from dashboards.publishing.fingerprint import Model
from dashboards.publishing.plan import Action


def look_at_boards(
    catalogue: Catalogue, address: str, *, token_file: Path | None, plain_http: bool = False
) -> str:
    """Return a line with Grafana's version and how many of the catalogue's boards it has.

    Raises BoardsMissingError, DataSourceMissingError, and as every request of `Grafana`. A board
    that differs is no error: it may have been published with other options; `boards plan` shows it.
    """
    grafana_address = Address.parse(address)
    boards = wanted_boards(catalogue)
    with Grafana(grafana_address, read_token(token_file), plain_http=plain_http) as grafana:
        version = grafana.version()
        plan = survey(grafana, boards)
    if plan.kinds_missing:
        raise DataSourceMissingError(plan.kinds_missing[0])
    missing = plan.having(Action.CREATE)
    if missing:
        raise BoardsMissingError(str(grafana_address), titles=[board.title for board in missing])
    return f"{grafana_address}: Grafana {version}".rstrip() + f", {len(boards)} boards"


def wanted_boards(
    catalogue: Catalogue, links: Links | None = None, since: str | None = None
) -> Sequence[Model]:
    """Return the JSON of a catalogue's boards; links and first day as in `boards_of`."""
    files = render(boards_of(catalogue, links, since))
    return [json.loads(text) for text in files.values()]
