"""The changes of a Grafana by board and by panel; pure functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from dashboards.publishing.fingerprint import Model, intact, marked, normalised, unmarked

FOLDER: Final = "folder"
MARK: Final = "mark"
ORDER: Final = "order of the panels"


class Action(StrEnum):
    """The action for a board."""

    CREATE = "create"
    UPDATE = "update"
    NOTHING = "nothing"
    REFUSE = "refuse"
    """The board differs, and was changed by hand."""
    REMOVE = "remove"
    LEAVE = "leave"
    """The board is ours and no longer in the catalogue, and pruning was not requested."""


@dataclass(frozen=True, slots=True)
class LiveBoard:
    """A board as it is on a Grafana."""

    model: Model
    folder: str
    """The folder's uid; empty at the root."""
    version: int
    author: str = ""
    """Grafana's name of who changed it last."""


@dataclass(frozen=True, slots=True)
class ExpressionChange:
    """A query of a panel by its letter; None where it is new or removed."""

    ref: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class PanelChange:
    """A panel that is new, removed or changed."""

    title: str
    action: Action
    """CREATE, UPDATE or REMOVE."""
    fields: tuple[str, ...] = ()
    """The fields that differ, without the expressions."""
    expressions: tuple[ExpressionChange, ...] = ()


@dataclass(frozen=True, slots=True)
class BoardChange:
    """The action for one board, with its reasons."""

    uid: str
    title: str
    action: Action
    model: Model | None = None
    """The marked board to write."""
    live: LiveBoard | None = None
    by_hand: bool = False
    """Whether the board on Grafana was changed or moved by hand."""
    settings: tuple[str, ...] = ()
    """The board's own fields that differ."""
    panels: tuple[PanelChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """All changes, in the order in which they are applied."""

    boards: tuple[BoardChange, ...]
    folder_missing: bool = False
    kinds_missing: tuple[str, ...] = ()
    """Types of data sources that the boards query and Grafana does not have."""

    def having(self, *actions: Action) -> tuple[BoardChange, ...]:
        """Return the boards with one of these actions."""
        return tuple(board for board in self.boards if board.action in actions)

    @property
    def empty(self) -> bool:
        """Return whether there is nothing to write and nothing to refuse."""
        writing = (Action.CREATE, Action.UPDATE, Action.REMOVE, Action.REFUSE)
        return not self.folder_missing and not self.having(*writing)


def planned(
    wanted: Sequence[Model],
    found: Mapping[str, LiveBoard],
    folder: str,
    *,
    force: bool = False,
    prune: bool = False,
) -> Plan:
    """Return the changes from the boards on Grafana, by uid, to the wanted ones.

    `found` contains those of `wanted` that exist, and all others with our tag; `folder` is the uid
    of our folder.
    """
    uids = {model["uid"] for model in wanted}
    strays = sorted(found.keys() - uids)
    return Plan(
        boards=(
            *(_wanted(model, found.get(model["uid"]), folder, force=force) for model in wanted),
            *(_stray(uid, found[uid], force=force, prune=prune) for uid in strays),
        ),
    )


def _wanted(model: Model, live: LiveBoard | None, folder: str, *, force: bool) -> BoardChange:
    uid, title, ours = model["uid"], model["title"], marked(model)
    if live is None:
        return BoardChange(uid, title, Action.CREATE, ours)
    if live.folder == folder and normalised(live.model) == normalised(ours):
        return BoardChange(uid, title, Action.NOTHING, ours, live)
    before, after = unmarked(live.model), unmarked(ours)
    panels = tuple(_panels(before, after))
    settings = [name for name in _differing(before, after) if name != "panels"]
    if live.folder != folder:
        settings.append(FOLDER)
    if before.get("panels") != after.get("panels") and not panels:
        settings.append(ORDER)
    if not panels and not settings:
        settings.append(MARK)
    # A board that differs in its mark alone was imported by hand: it is taken over.
    by_hand = settings != [MARK] and (live.folder != folder or not intact(live.model))
    action = Action.REFUSE if by_hand and not force else Action.UPDATE
    return BoardChange(uid, title, action, ours, live, by_hand, tuple(settings), panels)


def _stray(uid: str, live: LiveBoard, *, force: bool, prune: bool) -> BoardChange:
    by_hand = not intact(live.model)
    action = Action.REMOVE if prune and (force or not by_hand) else Action.LEAVE
    return BoardChange(uid, str(live.model.get("title", uid)), action, None, live, by_hand)


def _panels(before: Model, after: Model) -> Iterator[PanelChange]:
    """Yield the changes of a board's panels, which are identified by their titles."""
    old, new = dict(_titled(_flat(before))), dict(_titled(_flat(after)))
    for title, panel in new.items():
        if title not in old:
            yield PanelChange(title, Action.CREATE)
        elif panel != old[title]:
            yield _panel(title, old[title], panel)
    for title in old:
        if title not in new:
            yield PanelChange(title, Action.REMOVE)


def _panel(title: str, before: Model, after: Model) -> PanelChange:
    old, new = dict(_expressions(before)), dict(_expressions(after))
    expressions = tuple(
        ExpressionChange(ref, old.get(ref), new.get(ref))
        for ref in sorted(old | new)
        if old.get(ref) != new.get(ref)
    )
    fields = [name for name in _differing(before, after) if name != "targets"]
    if _rests(before, old.keys() & new.keys()) != _rests(after, old.keys() & new.keys()):
        fields.append("targets")
    if not fields and not expressions:
        fields = _differing(before, after)
    return PanelChange(title, Action.UPDATE, tuple(fields), expressions)


def _differing(before: Model, after: Model) -> list[str]:
    return [name for name in sorted({**before, **after}) if before.get(name) != after.get(name)]


def _listed(model: Model, name: str) -> list[Model]:
    """Return a field's objects; a foreign board may have any value there."""
    items = model.get(name)
    return [one for one in items if isinstance(one, Mapping)] if isinstance(items, list) else []


def _flat(model: Model) -> Iterator[Model]:
    """Yield all panels; those of a collapsed row are inside it."""
    for panel in _listed(model, "panels"):
        inner = _listed(panel, "panels")
        yield {name: value for name, value in panel.items() if name != "panels"} if inner else panel
        yield from inner


def _titled(panels: Iterable[Model]) -> Iterator[tuple[str, Model]]:
    seen: Counter[str] = Counter()
    for panel in panels:
        title = str(panel.get("title") or f"({panel.get('type', 'panel')})")
        seen[title] += 1
        yield (title if seen[title] == 1 else f"{title} ({seen[title]})"), panel


def _expressions(panel: Model) -> Iterator[tuple[str, str]]:
    for target in _listed(panel, "targets"):
        if "expr" in target:
            yield str(target.get("refId")), str(target["expr"])


def _rests(panel: Model, refs: Collection[str]) -> list[dict[str, Any]]:
    """Return the queries of these letters without their expressions."""
    return [
        {name: value for name, value in target.items() if name != "expr"}
        for target in _listed(panel, "targets")
        if str(target.get("refId")) in refs
    ]
