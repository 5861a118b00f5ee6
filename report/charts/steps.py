"""A history as the steps of a line: clipped to what is shown, and no more of them than are seen."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import groupby, pairwise
from typing import Final, TypeAlias

from report.charts.axes import Scale, is_drawable
from report.charts.svg import number

MOST_STEPS: Final = 200
"""A step has two vertices."""

#: A bin keeps up to four of its steps: the first, the last and the extremes.
_KEPT: Final = 4

Points: TypeAlias = Sequence[tuple[date, float | None]]
"""Ordered steps: a value from its day on; None: not known from that day on."""


def shown_steps(points: Points, first: date, until: date) -> list[tuple[date, float | None]]:
    """Return the steps from `first` to `until`: the first is what holds on `first`.

    What has no place on an axis is not known. Steps that change nothing are left out.
    """
    held = bisect_right(points, first, key=lambda point: point[0])
    within = [(max(day, first), value) for day, value in points[max(held - 1, 0) :] if day <= until]
    # Of several on one day the last holds.
    of_days = dict(within)
    values = [(day, value if is_drawable(value) else None) for day, value in of_days.items()]
    return [next(same) for _, same in groupby(values, key=lambda point: point[1])]


def thinned(points: Points, most: int = MOST_STEPS) -> list[tuple[date, float | None]]:
    """Return at most so many steps, with the first, the last and both extremes among them."""
    if len(points) <= most:
        return list(points)
    days = [day.toordinal() - points[0][0].toordinal() for day, _ in points]
    width = (days[-1] + 1) / (most // _KEPT)
    edges = [bisect_left(days, number * width) for number in range(most // _KEPT)]
    groups = [points[one:other] for one, other in pairwise([*edges, len(days)]) if one < other]
    return [point for group in groups for point in _kept(group)]


def _kept(group: Points) -> list[tuple[date, float | None]]:
    known = [(value, index) for index, (_, value) in enumerate(group) if value is not None]
    extremes = {min(known)[1], max(known)[1]} if known else set()
    return [group[index] for index in sorted({0, len(group) - 1} | extremes)]


def steps_path(points: Points, until: date, x: Scale, y: Scale) -> str:
    """Return the path of steps: level until the next one, interrupted where nothing is known."""
    commands: list[str] = []
    is_drawing = False
    for index, (day, value) in enumerate(points):
        if value is None:
            is_drawing = False
            continue
        end = points[index + 1][0] if index + 1 < len(points) else until
        height = number(y.at(value))
        commands.append(f"V{height}" if is_drawing else f"M{number(x.on(day))} {height}")
        commands.append(f"H{number(x.on(end))}")
        is_drawing = True
    return "".join(commands)


def gaps_path(points: Points, until: date, x: Scale, y: Scale) -> str:
    """Return the path of the bands over the days on which nothing is known."""
    height = abs(y.start - y.end)
    return "".join(
        f"M{number(left)} {number(min(y.start, y.end))}h{number(right - left)}v{number(height)}"
        f"h{number(left - right)}z"
        for left, right in _gaps(points, until, x)
        if right - left >= 1
    )


def _gaps(points: Points, until: date, x: Scale) -> Iterator[tuple[float, float]]:
    for index, (day, value) in enumerate(points):
        if value is None:
            end = points[index + 1][0] if index + 1 < len(points) else until
            yield round(x.on(day), 1), round(x.on(end), 1)
