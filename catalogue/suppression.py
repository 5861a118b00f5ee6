"""Small counts of persons: which cells of a table must not be shown, nor those that betray them.

A table of persons by row (département) and column (audience) is published with its margins, so a
small cell that is left out can be computed from the others: what is left out beside it (secondary
suppression) must prevent that. A table with margins is a network, in which every cell is an arc
between its row and its column, and a way to change some cells while every sum stays true is a cycle
(L. H. Cox, “Network models for complementary cell suppression”, 1995). So a small cell is hidden by
a cycle of hidden cells through it, and what else is hidden is chosen by shortest paths.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from heapq import heappop, heappush
from itertools import count
from typing import Final, TypeAlias

__all__ = ["Place", "protect", "published"]

Place: TypeAlias = tuple[str | None, str | None]
"""A row and a column; None is all of them, so (row, None) and (None, column) are margins."""

_Node: TypeAlias = tuple[str, str | None]
_Move: TypeAlias = tuple[Place, int]
"""A cell, and whether it is raised (1) or lowered (-1)."""

#: A hidden cell is known to be at least this, as zeros are shown.
_KNOWN_MINIMUM: Final = 1


def published(cells: Mapping[tuple[str, str], int], min_cell: int) -> dict[Place, int | None]:
    """Give the whole table, with its margins, as it may be shown; a suppressed cell is None."""
    hidden = protect(cells, min_cell)
    return {
        place: None if place in hidden else value for place, value in _with_margins(cells).items()
    }


def protect(cells: Mapping[tuple[str, str], int], min_cell: int) -> frozenset[Place]:
    """Tell which cells and margins of a table of persons must be suppressed.

    `cells` are counts from 0 by (row, column); one that is not there is 0. Those from 1 to
    `min_cell - 1` are suppressed, margins too; and so many others, preferably small ones, that each
    of them could as well be `min_cell` or more for all that the published ones tell. A 0 is
    published: it shows nobody. The same table always gives the same cells.

    This protects one table of one day. It does not see other tables on the same persons, nor how
    the table differs from yesterday's.
    """
    table = {place: value for place, value in _with_margins(cells).items() if value}
    small = sorted(
        (place for place, value in table.items() if value < min_cell),
        key=lambda place: (-table[place], _order(place)),
    )
    hidden = set(small)
    for place in small:
        _hide(place, table, hidden, min_cell)
    return frozenset(hidden)


def _with_margins(cells: Mapping[tuple[str, str], int]) -> dict[Place, int]:
    table: defaultdict[Place, int] = defaultdict(int)
    for (row, column), value in sorted(cells.items()):
        for place in ((row, column), (row, None), (None, column), (None, None)):
            table[place] += value
    return dict(table)


def _hide(place: Place, table: Mapping[Place, int], hidden: set[Place], min_cell: int) -> None:
    """Add to the hidden cells, until the one at `place` could be `min_cell`.

    Each path from its end back to its start, through cells that are raised or lowered, is a way to
    raise it by as much as the lowered ones allow.
    """
    possible = dict(table)
    start, end = _arc(place)
    while possible[place] < min_cell:
        path = _cheapest_path(end, start, possible, {**table, **dict.fromkeys(hidden, 0)}, place)
        room = [possible[lowered] - _KNOWN_MINIMUM for lowered, sign in path if sign < 0]
        amount = min([min_cell - possible[place], *room])
        for moved, sign in [(place, 1), *path]:
            possible[moved] += sign * amount
        hidden.update(moved for moved, _ in path)


def _cheapest_path(
    start: _Node,
    goal: _Node,
    possible: Mapping[Place, int],
    costs: Mapping[Place, int],
    apart: Place,
) -> list[_Move]:
    """Find the moves from one node to another that hide the fewest persons more (Dijkstra).

    There is always one: with both margins and the total hidden, any cell can be raised.
    """
    moves: defaultdict[_Node, list[tuple[_Node, _Move]]] = defaultdict(list)
    for place, value in possible.items():
        if place != apart:
            tail, head = _arc(place)
            moves[tail].append((head, (place, 1)))
            if value > _KNOWN_MINIMUM:
                moves[head].append((tail, (place, -1)))
    # Of equal costs the shorter path comes first, then the one met first: the choice is settled.
    met = count()
    found: dict[_Node, list[_Move]] = {}
    waiting: list[tuple[int, int, int, _Node, list[_Move]]] = [(0, 0, next(met), start, [])]
    while goal not in found:
        cost, length, _, node, path = heappop(waiting)
        if node in found:
            continue
        found[node] = path
        for following, move in moves[node]:
            reached = cost + costs[move[0]]
            heappush(waiting, (reached, length + 1, next(met), following, [*path, move]))
    return found[goal]


def _arc(place: Place) -> tuple[_Node, _Node]:
    """The nodes that a cell leads from and to, so that what comes into a node also leaves it.

    From the total to the rows' margins, to the cells, to the columns' margins, to the total.
    """
    row, column = place
    left, right = ("row", row), ("column", column)
    return (left, right) if (row is None) is (column is None) else (right, left)


def _order(place: Place) -> tuple[tuple[bool, str], ...]:
    return tuple((name is None, name or "") for name in place)
