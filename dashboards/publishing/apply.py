"""Planning what to publish on a Grafana, carrying the plan out, and checking it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from boundary.terminal import one_line
from catalogue.model import Catalogue
from dashboards.boards.board import TAG
from dashboards.boards.render import boards_of, render
from dashboards.conventions import Links
from dashboards.publishing.access import Address, read_token
from dashboards.publishing.adapter import Grafana
from dashboards.publishing.errors import AnswerError, PublishingError
from dashboards.publishing.fingerprint import Model, normalised
from dashboards.publishing.plan import Action, BoardChange, Plan, planned


def look_at_boards(
    catalogue: Catalogue, address: str, *, token_file: Path | None, plain_http: bool = False
) -> str:
    """Return a line with Grafana's version and how many of the catalogue's boards it has.

    Raises PublishingError where boards or a data source are missing. A board that differs is no
    error: it may have been published with other options; `boards plan` shows it.
    """
    grafana_address = Address.parse(address)
    boards = wanted_boards(catalogue)
    with Grafana(grafana_address, read_token(token_file), plain_http=plain_http) as grafana:
        version = grafana.version()
        plan = survey(grafana, boards)
    _check_data_sources(plan)
    missing = plan.having(Action.CREATE)
    if missing:
        raise PublishingError(
            "boards",
            f"{len(missing)} are not on Grafana, value {str(grafana_address)!r},"
            f" {missing[0].title!r} the first",
            remedy="publish them with `smart-region boards apply`",
        )
    return f"{grafana_address}: Grafana {version}".rstrip() + f", {len(boards)} boards"


def wanted_boards(
    catalogue: Catalogue, links: Links | None = None, since: str | None = None
) -> Sequence[Model]:
    """Return the JSON of a catalogue's boards; links and first day as in `boards_of`."""
    files = render(boards_of(catalogue, links, since))
    return [json.loads(text) for text in files.values()]


@dataclass(frozen=True, slots=True)
class BoardFolder:
    """The folder of our boards on a Grafana, and the tag that identifies them."""

    folder: str = TAG
    """The folder's uid."""
    title: str = "Smart Région"
    """The title of a new folder; it may be renamed later."""
    tag: str = TAG


HOME: Final = BoardFolder()
CONFLICT: Final = 409
CHANGED: Final = 412
"""Something was changed, or made, since it was read."""
MESSAGE: Final = "smart-region boards apply"


def survey(
    grafana: Grafana,
    boards: Sequence[Model],
    home: BoardFolder = HOME,
    *,
    force: bool = False,
    prune: bool = False,
) -> Plan:
    """Read the boards on a Grafana and return the plan; nothing is written."""
    uids = dict.fromkeys([*(board["uid"] for board in boards), *grafana.tagged(home.tag)])
    found = {uid: live for uid in uids if (live := grafana.board(uid)) is not None}
    plan = planned(boards, found, home.folder, force=force, prune=prune)
    kinds = grafana.data_source_kinds()
    missing = () if kinds is None else tuple(sorted(_kinds(boards) - set(kinds)))
    return replace(plan, folder_missing=not grafana.has_folder(home.folder), kinds_missing=missing)


def carry_out(grafana: Grafana, plan: Plan, home: BoardFolder = HOME) -> None:
    """Carry a plan out.

    Raises PublishingError before anything is written where a board was changed by hand or a data
    source is missing. A later error leaves the rest undone, for the next plan. Grafana may take a
    minute until the account that created a folder has rights on it.
    """
    if refused := plan.having(Action.REFUSE):
        names = ", ".join(one_line(board.title) for board in refused)
        raise PublishingError(
            "boards",
            f"changed by hand, value {names}",
            remedy="nothing was written; carry what is worth keeping into the code, then overwrite"
            " with --force",
        )
    _check_data_sources(plan)
    if plan.folder_missing:
        _make_folder(grafana, home)
    for board in plan.having(Action.CREATE, Action.UPDATE):
        _save(grafana, board, home)
    for board in plan.having(Action.REMOVE):
        grafana.remove(board.uid)


def _check_data_sources(plan: Plan) -> None:
    if plan.kinds_missing:
        raise PublishingError(
            "data source",
            f"Grafana has none of this kind, value {plan.kinds_missing[0]!r}",
            remedy="add one under Connections, then apply again; without it every panel is empty",
        )


def _make_folder(grafana: Grafana, home: BoardFolder) -> None:
    try:
        grafana.create_folder(home.folder, home.title)
    except AnswerError as error:
        if error.status not in {CONFLICT, CHANGED}:
            raise
        # A retry after a lost answer; or the folder exists, and the rights on it are late.
        grafana.expect_rights()
        if not grafana.has_folder(home.folder):
            raise


def _save(grafana: Grafana, board: BoardChange, home: BoardFolder) -> None:
    model = {} if board.model is None else board.model
    version = None if board.live is None else board.live.version
    try:
        grafana.save(model, home.folder, MESSAGE, version=version)
    except AnswerError as error:
        if error.status != CHANGED:
            raise
        # A retry after a lost answer: then the board is the one that was written.
        live = grafana.board(board.uid)
        if live is None or normalised(live.model) != normalised(model):
            raise


def _kinds(boards: Iterable[Model]) -> set[str]:
    """Return the types of data sources that the boards' variables offer."""
    return {
        variable["query"]
        for board in boards
        for variable in board.get("templating", {}).get("list", [])
        if variable.get("type") == "datasource"
    }
