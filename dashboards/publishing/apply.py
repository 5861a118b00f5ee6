"""From boards to a plan, and from a plan to a Grafana that has them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from dashboards.boards.board import TAG
from dashboards.publishing.adapter import Grafana
from dashboards.publishing.errors import (
    ConflictError,
    DataSourceMissingError,
    HandChangedError,
    PreconditionError,
)
from dashboards.publishing.fingerprint import Model, normalised
from dashboards.publishing.plan import Action, BoardChange, Plan, planned

__all__ = ["HOME", "BoardFolder", "carry_out", "survey"]


@dataclass(frozen=True, slots=True)
class BoardFolder:
    """Where our boards live on a Grafana, and how they are told from others."""

    folder: str = TAG
    """The folder's uid."""
    title: str = "Smart Région"
    """The title that the folder gets when it is made; it may be renamed later."""
    tag: str = TAG


HOME: Final = BoardFolder()
MESSAGE: Final = "smart-region boards apply"


def survey(
    grafana: Grafana,
    boards: Sequence[Model],
    home: BoardFolder = HOME,
    *,
    force: bool = False,
    prune: bool = False,
) -> Plan:
    """Look at what is there, and plan what is to be done; nothing is written."""
    uids = dict.fromkeys([*(board["uid"] for board in boards), *grafana.tagged(home.tag)])
    found = {uid: live for uid in uids if (live := grafana.board(uid)) is not None}
    plan = planned(boards, found, home.folder, force=force, prune=prune)
    kinds = grafana.data_source_kinds()
    missing = () if kinds is None else tuple(sorted(_kinds(boards) - set(kinds)))
    return replace(plan, folder_missing=not grafana.has_folder(home.folder), kinds_missing=missing)


def carry_out(grafana: Grafana, plan: Plan, home: BoardFolder = HOME) -> None:
    """Do what is planned.

    Raises HandChangedError or DataSourceMissingError before anything is written. A later error
    leaves the rest undone: planning and applying again does it. A new folder may take a minute to
    be open to its own maker.
    """
    if refused := plan.having(Action.REFUSE):
        raise HandChangedError([board.title for board in refused])
    if plan.kinds_missing:
        raise DataSourceMissingError(plan.kinds_missing[0])
    if plan.folder_missing:
        _make_folder(grafana, home)
    for board in plan.having(Action.CREATE, Action.UPDATE):
        _save(grafana, board, home, overwrite=plan.forced)
    for board in plan.having(Action.REMOVE):
        grafana.remove(board.uid)


def _make_folder(grafana: Grafana, home: BoardFolder) -> None:
    try:
        grafana.create_folder(home.folder, home.title)
    except (ConflictError, PreconditionError):
        # An answer lost on its way made us ask twice; or it is there, and not yet ours to see.
        grafana.expect_rights()
        if not grafana.has_folder(home.folder):
            raise


def _save(grafana: Grafana, board: BoardChange, home: BoardFolder, *, overwrite: bool) -> None:
    model = {} if board.model is None else board.model
    version = None if board.live is None else board.live.version
    try:
        grafana.save(model, home.folder, MESSAGE, version=version, overwrite=overwrite)
    except PreconditionError:
        # As with the folder: then what is there is what we wrote.
        live = grafana.board(board.uid)
        if live is None or normalised(live.model) != normalised(model):
            raise


def _kinds(boards: Iterable[Model]) -> set[str]:
    """Give the kinds of data sources among which readers of the boards choose."""
    return {
        variable["query"]
        for board in boards
        for variable in board.get("templating", {}).get("list", [])
        if variable.get("type") == "datasource"
    }
