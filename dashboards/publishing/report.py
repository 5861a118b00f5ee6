"""A plan as lines for the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from boundary.terminal import one_line
from dashboards.publishing.apply import HOME, BoardFolder
from dashboards.publishing.plan import Action, BoardChange, PanelChange, Plan

SIGNS: Final = {
    Action.CREATE: "+",
    Action.UPDATE: "~",
    Action.NOTHING: "=",
    Action.REFUSE: "!",
    Action.REMOVE: "-",
    Action.LEAVE: "?",
}
COUNTED: Final = {
    Action.CREATE: "new",
    Action.UPDATE: "changed",
    Action.NOTHING: "as they should be",
    Action.REFUSE: "changed by hand and refused",
    Action.REMOVE: "removed",
    Action.LEAVE: "gone from the catalogue and left",
}


def report(plan: Plan, home: BoardFolder = HOME) -> Iterator[str]:
    """Yield the lines of a plan: boards, panels, expressions; unchanged boards are only counted.

    Titles come from a server, and are escaped.
    """
    if plan.folder_missing:
        yield f"+ folder {home.title} ({home.folder})"
    for board in plan.boards:
        if board.action is not Action.NOTHING:
            yield f"{SIGNS[board.action]} {one_line(board.title)} ({board.uid}){_remark(board)}"
            yield from (f"    ~ {setting}" for setting in board.settings)
            for panel in board.panels:
                yield from _panel(panel)
    for kind in plan.kinds_missing:
        yield f"! no data source of the kind {kind}: apply will refuse"
    yield _summary(plan)


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


def _panel(panel: PanelChange) -> Iterator[str]:
    fields = f": {', '.join(map(one_line, panel.fields))}" if panel.fields else ""
    yield f"    {SIGNS[panel.action]} panel {one_line(panel.title)}{fields}"
    for change in panel.expressions:
        for sign, expression in (("-", change.before), ("+", change.after)):
            if expression is not None:
                yield f"        {sign} {one_line(change.ref)}: {_whole(expression)}"


def _whole(expression: str) -> str:
    """Return a whole expression in one line: often its end is what differs."""
    return " ".join("".join(c if c.isprintable() else " " for c in expression).split())


def _summary(plan: Plan) -> str:
    counts = Counter(board.action for board in plan.boards)
    parts = [f"{counts[action]} {words}" for action, words in COUNTED.items() if counts[action]]
    return f"{len(plan.boards)} boards: {', '.join(parts)}"
