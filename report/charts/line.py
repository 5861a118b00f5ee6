"""A figure's history against its target, and where its pace leads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any, Final

from catalogue.formatting import NO_BREAK, day_text
from catalogue.progress import MilestoneStatus
from catalogue.trend import Projection
from report.charts.axes import Scale, Tick, day_ticks, is_drawable, value_ticks
from report.charts.labels import EM, Anchor, Box, Labels, Side, Spot, shortened, text_width
from report.charts.steps import Points, gaps_path, shown_steps, steps_path, thinned
from report.charts.svg import draw, number

WIDTH: Final = 560
HEIGHT: Final = 300
#: The height of a row of labels above the plot.
ROW: Final = 26
BOTTOM: Final = HEIGHT - 34
RIGHT: Final = WIDTH - 8
ROOM: Final = Box(0, 0, WIDTH, HEIGHT)

#: Between the labels of the values and the line.
_GUTTER: Final = 10
_WIDEST_GUTTER: Final = 200
#: Between a text and what it belongs to.
_BESIDE: Final = 8
_POINT: Final = 5
#: Half the thickness of a line, as what labels are kept from.
_THICK: Final = 2
#: The length of a line that a label is tested against at once.
_PIECES: Final = 24


@dataclass(frozen=True, slots=True)
class Timeline:
    """What a line chart shows, from `first` to `last`; None is "not known", or "not there"."""

    points: Points
    """The history's ordered steps; None: not known from that day on, a gap."""
    as_of: date
    """The day of the figure: the history ends there."""
    first: date
    last: date
    target: float | None = None
    deadline: date | None = None
    baseline: float | None = None
    projection: Projection | None = None
    attained_on: date | None = None
    lost_on: date | None = None


def line_chart(
    prefix: str,
    title: str,
    description: str,
    timeline: Timeline,
    *,
    text: Callable[[float], str],
) -> str:
    """Return the chart; `text` gives the French text of a value.

    It has no more than about 400 vertices, whatever the history, and keeps its extremes.
    """
    parts = _LineChart(timeline, text).parts()
    return draw("line", prefix, title, description, **parts)


class _LineChart:
    """One chart while it is made."""

    def __init__(self, timeline: Timeline, text: Callable[[float], str]) -> None:
        self._line = timeline
        self._text = text
        self._until = max(min(timeline.as_of, timeline.last), timeline.first)
        steps = shown_steps(timeline.points, timeline.first, self._until)
        self._points = thinned(steps)
        self._target = _drawable(timeline.target)
        self._baseline = _drawable(timeline.baseline)
        known = [value for _, value in steps if value is not None]
        levels = [level for level in (self._target, self._baseline) if level is not None]
        self._ticks = [
            Tick(tick.value, shortened(tick.text, _WIDEST_GUTTER))
            for tick in value_ticks([*known, *levels], text)
        ]
        widest = max(text_width(tick.text) for tick in self._ticks) * EM
        self._left = widest + _GUTTER
        first, last = timeline.first.toordinal(), timeline.last.toordinal()
        self._x = Scale(first, last, self._left, RIGHT)
        self._deadline = timeline.deadline if self._shows(timeline.deadline) else None
        # A deadline's label is above that of the projected day.
        rows = 2 if self._deadline is not None and timeline.projection is not None else 1
        self._top = 4 + rows * ROW
        self._y = Scale(self._ticks[0].value, self._ticks[-1].value, BOTTOM, self._top)
        self._value = steps[-1][1] if steps else None
        self._now = self._x.on(self._until)

    def parts(self) -> dict[str, Any]:
        """Return what the template draws, from what lies behind to what lies before."""
        band, course, end = self._projection()
        labels = Labels(ROOM, self._obstacles(course))
        self._label_axes(labels)
        self._label_lines(labels, end)
        self._label_points(labels)
        self._label_rest(labels)
        drawn = self._points, self._until, self._x, self._y
        levels = (f"M{number(self._left)} {number(self._y.at(one.value))}" for one in self._ticks)
        axis, *grid = (f"{level}H{RIGHT}" for level in levels)
        days = (f"M{number(self._x.at(day.value))} {BOTTOM}v5" for day in self._days())
        return {
            "width": WIDTH,
            "height": HEIGHT,
            "grid": "".join(grid),
            "axis": "".join((axis, *days)),
            "gaps": gaps_path(*drawn),
            "lines": {
                "baseline": self._level(self._baseline),
                "projection-range": f"{_open(band)}z" if band else "",
                "target": self._level(self._target),
                "deadline": self._at_deadline(),
                "projection": _open(course),
                "history": steps_path(*drawn),
            },
            "points": list(self._marks(end)),
            "radius": _POINT,
            "turns": list(self._turns()),
            "labels": labels.written,
        }

    # What is drawn.

    def _days(self) -> list[Tick]:
        return day_ticks(self._line.first, self._line.last, RIGHT - self._left)

    def _level(self, value: float | None) -> str:
        return "" if value is None else f"M{number(self._left)} {number(self._y.at(value))}H{RIGHT}"

    def _at_deadline(self) -> str:
        return (
            ""
            if self._deadline is None
            else f"M{number(self._x.on(self._deadline))} {ROW}V{BOTTOM}"
        )

    def _projection(
        self,
    ) -> tuple[list[tuple[float, float]], list[tuple[float, float]], date | None]:
        """Return the outline of the range, the expected course, and its day where that is shown."""
        projected, target, value = self._line.projection, self._target, self._value
        if projected is None or target is None or value is None or self._now >= RIGHT:
            return [], [], None
        day = max(projected.day, self._until)
        latest = None if projected.latest is None else max(projected.latest, day)
        slow = [self._course(latest, value, target)] if latest else [(RIGHT, self._y.at(value))]
        start = self._now, self._y.at(value)
        fast = self._course(max(min(projected.earliest, day), self._until), value, target)
        corner = [] if latest and self._shows(latest) else [(RIGHT, self._y.at(target))]
        beyond = corner if self._shows(projected.earliest) else []
        band = [start, fast, *beyond, *slow]
        return band, [start, self._course(day, value, target)], day if self._shows(day) else None

    def _course(self, day: date, value: float, target: float) -> tuple[float, float]:
        """Return where a straight course to the target ends: on its day, or at the right edge."""
        if self._shows(day):
            return self._x.on(day), self._y.at(target)
        part = (self._line.last - self._until).days / (day - self._until).days
        return RIGHT, self._y.at(value + (target - value) * part)

    def _shows(self, day: date | None) -> bool:
        return day is not None and self._line.first <= day <= self._line.last

    def _marks(self, end: date | None) -> Iterator[tuple[str, float, float]]:
        if self._value is not None:
            yield "now", self._now, self._y.at(self._value)
        if end is not None and self._target is not None:
            yield "goal", self._x.on(end), self._y.at(self._target)

    def _turns(self) -> Iterator[tuple[str, MilestoneStatus, float, float]]:
        """Yield the days on which the target was attained or lost: text, mark, and its place."""
        if self._target is None:
            return
        for word, status, day in (
            ("Atteint", MilestoneStatus.ACHIEVED, self._line.attained_on),
            ("Perdu", MilestoneStatus.MISSED, self._line.lost_on),
        ):
            if day is not None and self._line.first <= day <= self._until:
                x = min(max(self._x.on(day) - EM / 2, 0), WIDTH - EM)
                y = min(self._y.at(self._target) + EM * 0.7, BOTTOM - EM / 2)
                yield f"{word} le {day_text(day)}", status, x, y

    # What is written.

    def _obstacles(self, course: list[tuple[float, float]]) -> Iterator[Box]:
        for index, (day, value) in enumerate(self._points):
            if value is None:
                continue
            end = self._points[index + 1][0] if index + 1 < len(self._points) else self._until
            y = self._y.at(value)
            yield _thick(Box(self._x.on(day), y, self._x.on(end), y))
        known = [(day, value) for day, value in self._points if value is not None]
        for (_, before), (day, after) in pairwise(known):
            x = self._x.on(day)
            yield _thick(Box.around((x, self._y.at(before)), (x, self._y.at(after))))
        for (ax, ay), (bx, by) in pairwise(course):
            corners = [
                (ax + (bx - ax) * i / _PIECES, ay + (by - ay) * i / _PIECES)
                for i in range(_PIECES + 1)
            ]
            yield from (_thick(Box.around(one, other)) for one, other in pairwise(corners))
        for level in (self._target, self._baseline):
            if level is not None:
                yield _thick(Box(self._left, self._y.at(level), RIGHT, self._y.at(level)))
        if self._deadline is not None:
            x = self._x.on(self._deadline)
            yield _thick(Box(x, ROW, x, BOTTOM))
        for _, _, x, y in self._turns():
            yield Box(x, y - EM / 2, x + EM, y + EM / 2)

    def _label_axes(self, labels: Labels) -> None:
        for tick in self._ticks:
            level = self._y.at(tick.value)
            spots = [Spot(self._left - _GUTTER, level + up, "end") for up in (0, 2, -2)]
            labels.place(tick.text, spots, "tick")
        for tick in self._days():
            x = self._x.at(tick.value)
            y = BOTTOM + 7
            inwards = Spot(x, y, "end" if x > WIDTH / 2 else "start", Side.BELOW)
            spots = [Spot(x, y, "middle", Side.BELOW), inwards]
            labels.place(tick.text, spots, "tick")

    def _label_lines(self, labels: Labels, end: date | None) -> None:
        if self._deadline is not None:
            x = self._x.on(self._deadline)
            written = _named("Échéance", day_text(self._deadline))
            half = text_width(written) * EM / 2
            inside = min(max(x, half), WIDTH - half)
            sides: tuple[Anchor, ...] = ("end", "start") if x > WIDTH / 2 else ("start", "end")
            spots = [Spot(x, ROW - 1, side, Side.ABOVE) for side in sides]
            spots.append(Spot(inside, ROW - 1, "middle", Side.ABOVE))
            labels.place(written, spots, "label deadline-label")
        self._label_goal(labels, end)
        if self._target is not None:
            written = shortened(_named("Cible", self._text(self._target)), RIGHT - self._left)
            y, x = self._y.at(self._target), self._left
            spots = [
                Spot(x + 2, y, "start", Side.ABOVE),
                Spot(x + 2, y, "start", Side.BELOW),
                Spot(RIGHT - 2, y, "end", Side.ABOVE),
                Spot(RIGHT - 2, y, "end", Side.BELOW),
                Spot((x + RIGHT) / 2, y, "middle", Side.ABOVE),
                Spot((x + RIGHT) / 2, y, "middle", Side.BELOW),
            ]
            labels.place(written, spots, "label target-label")

    def _label_goal(self, labels: Labels, end: date | None) -> None:
        if end is None or self._target is None:
            return
        written = _named("Projeté", day_text(end))
        half = text_width(written) * EM / 2
        x, y = self._x.on(end), self._y.at(self._target)
        inside = min(max(x, half), WIDTH - half)
        above, below = y - _POINT, y + _POINT
        spots = [
            Spot(x, above, "middle", Side.ABOVE),
            Spot(x + _POINT, above, "end", Side.ABOVE),
            Spot(x - _POINT, above, "start", Side.ABOVE),
            Spot(inside, above, "middle", Side.ABOVE),
            Spot(x, below, "middle", Side.BELOW),
            Spot(inside, below, "middle", Side.BELOW),
            *_around(x, y),
        ]
        labels.place(written, spots, "label projection-label")

    def _label_points(self, labels: Labels) -> None:
        if self._value is not None:
            y = self._y.at(self._value)
            written = shortened(self._text(self._value), WIDTH / 2)
            labels.place(written, list(_around(self._now, y)), "label now-label")
        for written, _, x, y in self._turns():
            spots = [Spot(x - 2, y, "end"), Spot(x + EM + 2, y, "start")]
            spots += [Spot(x + EM / 2, y + EM / 3, "middle", Side.BELOW)]
            spots += list(_around(x + EM / 2, y + EM / 2))
            labels.place(written, spots, "label")

    def _label_rest(self, labels: Labels) -> None:
        if self._baseline is not None and self._baseline != self._ticks[0].value:
            written = _named("Départ", self._text(self._baseline))
            y = self._y.at(self._baseline)
            middle = (self._left + RIGHT) / 2
            for spot in (Spot(RIGHT - 2, y, "end"), Spot(middle, y, "middle")):
                spots = [Spot(spot.x, y, spot.anchor, side) for side in (Side.ABOVE, Side.BELOW)]
                if labels.place(written, spots, "label", optional=True):
                    break
        if all(value is None for _, value in self._points):
            middle = (self._left + RIGHT) / 2
            spots = [Spot(middle, y, "middle") for y in (160, 200, 110)]
            labels.place("Aucune valeur connue", spots, "label")


def _drawable(value: float | None) -> float | None:
    return value if is_drawable(value) else None


def _named(name: str, text: str) -> str:
    return f"{name}{NO_BREAK}: {text}"


def _around(x: float, y: float) -> Iterator[Spot]:
    """Yield places near a point, the most usual first."""
    for aside in (_BESIDE, 3 * _BESIDE):
        yield Spot(x - aside, y - 3, "end", Side.ABOVE)
        yield Spot(x + aside, y + 3, "start", Side.BELOW)
        yield Spot(x + aside, y - 3, "start", Side.ABOVE)
        yield Spot(x - aside, y + 3, "end", Side.BELOW)
        yield Spot(x + aside, y, "start")
        yield Spot(x - aside, y, "end")
    for away in (EM, 2 * EM, 3 * EM):
        yield Spot(x, y - away, "end", Side.ABOVE)
        yield Spot(x, y + away, "end", Side.BELOW)
        yield Spot(x, y + away, "start", Side.BELOW)
        yield Spot(x, y - away, "start", Side.ABOVE)


def _thick(line: Box) -> Box:
    return Box(line.left - _THICK, line.top - _THICK, line.right + _THICK, line.bottom + _THICK)


def _open(corners: list[tuple[float, float]]) -> str:
    return "".join(
        f"{'L' if index else 'M'}{number(x)} {number(y)}" for index, (x, y) in enumerate(corners)
    )
