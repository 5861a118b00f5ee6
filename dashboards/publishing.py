"""Publishing the boards on a Grafana: what would change, and the change."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from boundary.terminal import one_line
from catalogue.model import Catalogue
from dashboards.board_mark import Model, intact, marked, normalised, unmarked
from dashboards.boards.board import TAG
from dashboards.boards.render import render
from dashboards.conventions import Links
from dashboards.grafana import CHANGED, Grafana, LiveBoard, PublishingError, read_token

MESSAGE: Final = "smart-region boards apply"


@dataclass(frozen=True, slots=True)
class BoardFolder:
    """The folder of our boards on a Grafana, and the tag that identifies them."""

    folder: str = TAG
    """The folder's uid."""
    title: str = "Smart Région"
    """The title of a new folder; it may be renamed later."""
    tag: str = TAG


HOME: Final = BoardFolder()


class Action(StrEnum):
    """The action for a board, in the words that count it."""

    CREATE = "new"
    UPDATE = "changed"
    NOTHING = "as they should be"
    REFUSE = "changed by hand and refused"
    REMOVE = "removed"
    LEAVE = "gone from the catalogue and left"
    """The board has our tag, and pruning was not requested or somebody changed it."""


_SIGNS: Final = dict(zip(Action, "+~=!-?", strict=True))


@dataclass(frozen=True, slots=True)
class BoardChange:
    """The action for one board, and which of its fields and panels differ."""

    uid: str
    title: str
    action: Action
    model: Model
    """The marked board to write; empty for one that is no longer in the catalogue."""
    live: LiveBoard | None = None
    by_hand: bool = False
    """Whether the board on Grafana was changed or moved by hand."""
    differing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """All changes, in the order in which they are applied."""

    boards: tuple[BoardChange, ...]
    home: BoardFolder = HOME
    folder_missing: bool = False
    kinds_missing: tuple[str, ...] = ()
    """Types of data sources that the boards query and Grafana does not have."""

    def having(self, *actions: Action) -> tuple[BoardChange, ...]:
        """Return the boards with one of these actions."""
        return tuple(board for board in self.boards if board.action in actions)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write and nothing to refuse."""
        writing = (Action.CREATE, Action.UPDATE, Action.REMOVE, Action.REFUSE)
        return not self.folder_missing and not self.having(*writing)

    def lines(self) -> Iterator[str]:
        """Yield the plan's lines for a terminal; unchanged boards are only counted.

        Titles come from a server, and are escaped.
        """
        if self.folder_missing:
            yield f"+ folder {self.home.title} ({self.home.folder})"
        for board in self.boards:
            if board.action is not Action.NOTHING:
                title = f"{one_line(board.title)} ({board.uid})"
                yield f"{_SIGNS[board.action]} {title}{_remark(board)}"
                yield from (f"    ~ {one_line(name)}" for name in board.differing)
        for kind in self.kinds_missing:
            yield f"! no data source of the kind {kind}: apply will refuse"
        counts = Counter(board.action for board in self.boards)
        parts = [f"{counts[action]} {action}" for action in Action if counts[action]]
        yield f"{len(self.boards)} boards: {', '.join(parts)}"


def wanted_boards(
    catalogue: Catalogue, links: Links | None = None, since: str | None = None
) -> Sequence[Model]:
    """Return the JSON of a catalogue's boards; links and first day as in `render`."""
    return [json.loads(text) for text in render(catalogue, links, since).values()]


def survey(
    grafana: Grafana,
    wanted: Sequence[Model],
    home: BoardFolder = HOME,
    *,
    force: bool = False,
    prune: bool = False,
) -> Plan:
    """Read the boards on a Grafana and return the plan; nothing is written."""
    uids = dict.fromkeys([*(board["uid"] for board in wanted), *grafana.tagged(home.tag)])
    found = {uid: live for uid in uids if (live := grafana.board(uid)) is not None}
    offered = grafana.data_source_kinds()
    return Plan(
        planned(wanted, found, home.folder, force=force, prune=prune),
        home,
        folder_missing=not grafana.has_folder(home.folder),
        kinds_missing=() if offered is None else tuple(sorted(_kinds(wanted) - set(offered))),
    )


def planned(
    wanted: Sequence[Model],
    found: Mapping[str, LiveBoard],
    folder: str,
    *,
    force: bool = False,
    prune: bool = False,
) -> tuple[BoardChange, ...]:
    """Return the changes from the boards on Grafana, by uid, to the wanted ones.

    `found` contains those of `wanted` that exist, and all others with our tag; `folder` is the uid
    of our folder.
    """
    uids = {model["uid"] for model in wanted}
    strays = sorted(found.keys() - uids)
    return (
        *(_wanted(model, found.get(model["uid"]), folder, force=force) for model in wanted),
        *(_stray(uid, found[uid], force=force, prune=prune) for uid in strays),
    )


def _wanted(model: Model, live: LiveBoard | None, folder: str, *, force: bool) -> BoardChange:
    uid, title, ours = model["uid"], model["title"], marked(model)
    if live is None:
        return BoardChange(uid, title, Action.CREATE, ours)
    is_moved = live.folder != folder
    if not is_moved and normalised(live.model) == normalised(ours):
        return BoardChange(uid, title, Action.NOTHING, ours, live)
    differing = [*_differing(unmarked(live.model), unmarked(ours)), *(["folder"] * is_moved)]
    # A board that differs in its mark alone was imported by hand: it is taken over.
    by_hand = bool(differing) and (is_moved or not intact(live.model))
    action = Action.REFUSE if by_hand and not force else Action.UPDATE
    return BoardChange(uid, title, action, ours, live, by_hand, tuple(differing or ["mark"]))


def _stray(uid: str, live: LiveBoard, *, force: bool, prune: bool) -> BoardChange:
    by_hand = not intact(live.model)
    action = Action.REMOVE if prune and (force or not by_hand) else Action.LEAVE
    return BoardChange(uid, str(live.model.get("title", uid)), action, {}, live, by_hand)


def _differing(before: Model, after: Model) -> Iterator[str]:
    """Yield the fields of a board that differ, and the titles of its panels that do."""
    for name in sorted({**before, **after}):
        if before.get(name) == after.get(name):
            continue
        old, new = _panels(before.get(name)), _panels(after.get(name))
        titles = [title for title in {**old, **new} if old.get(title) != new.get(title)]
        yield from (f"panel {title}" for title in titles) if titles else (name,)


def _panels(value: object) -> dict[str, object]:
    """Return panels by title, those of a collapsed row too; a foreign board may have any value."""
    found: dict[str, object] = {}
    for panel in value if isinstance(value, list) else ():
        if isinstance(panel, Mapping) and ("title" in panel or "type" in panel):
            found[str(panel.get("title") or panel.get("type"))] = panel
            found |= _panels(panel.get("panels"))
    return found


def _kinds(boards: Sequence[Model]) -> set[str]:
    """Return the types of data sources that the boards' variables offer."""
    return {
        variable["query"]
        for board in boards
        for variable in board.get("templating", {}).get("list", [])
        if variable.get("type") == "datasource"
    }


def _remark(board: BoardChange) -> str:
    author = one_line(board.live.author) if board.live is not None else ""
    hand = f"changed by hand{f' ({author})' if author else ''}"
    match board.action:
        case Action.REFUSE:
            return f": {hand}; --force overwrites it"
        case Action.UPDATE | Action.REMOVE if board.by_hand:
            return f": {hand}, forced"
        case Action.LEAVE if board.by_hand:
            return f": gone from the catalogue, but {hand}; --prune --force removes it"
        case Action.LEAVE:
            return ": gone from the catalogue; --prune removes it"
        case _:
            return ""


def carry_out(grafana: Grafana, plan: Plan) -> None:
    """Carry a plan out.

    Raises PublishingError before anything is written where a board was changed by hand or a data
    source is missing. A later error leaves the rest undone, for the next plan.
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
        grafana.create_folder(plan.home.folder, plan.home.title)
    for board in plan.having(Action.CREATE, Action.UPDATE):
        version = None if board.live is None else board.live.version
        try:
            grafana.save(board.model, plan.home.folder, MESSAGE, version=version)
        except PublishingError as error:
            # A retry after a lost answer: then the board is the one that was written.
            live = grafana.board(board.uid) if error.status == CHANGED else None
            if live is None or normalised(live.model) != normalised(board.model):
                raise
    for board in plan.having(Action.REMOVE):
        grafana.remove(board.uid)


def _check_data_sources(plan: Plan) -> None:
    if plan.kinds_missing:
        raise PublishingError(
            "data source",
            f"Grafana has none of this kind, value {plan.kinds_missing[0]!r}",
            remedy="add one under Connections, then apply again; without it every panel is empty",
        )


def look_at_boards(
    catalogue: Catalogue, address: str, *, token_file: Path | None, plain_http: bool = False
) -> str:
    """Return a line with Grafana's version and how many of the catalogue's boards it has.

    Raises PublishingError where boards or a data source are missing. A board that differs is no
    error: it may have been published with other options; `boards plan` shows it.
    """
    boards = wanted_boards(catalogue)
    with Grafana(address, read_token(token_file), plain_http=plain_http) as grafana:
        version = grafana.version()
        plan = survey(grafana, boards)
        shown = grafana.address
    _check_data_sources(plan)
    missing = plan.having(Action.CREATE)
    if missing:
        raise PublishingError(
            "boards",
            f"{len(missing)} are not on Grafana, value {shown!r}, {missing[0].title!r} the first",
            remedy="publish them with `smart-region boards apply`",
        )
    return f"{shown}: Grafana {version}".rstrip() + f", {len(boards)} boards"
