"""Where a figure is heading: what is expected on the deadline, and the way to the target.

Both are drawn from what the assessor exposes: the day on which the target is reached at the
observed pace, and by the faster and the slower quartile of the paces. The straight line from the
last value to the target on that day is all that is added here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from catalogue import metrics
from catalogue.metrics import Metric
from dashboards import conventions
from dashboards.boards.queries import throughout
from dashboards.promql import DAY_SECONDS, MILESTONE, on, select

#: By which pace, as it stands after a line's name, and how it is drawn; the observed one first.
PACES: Final = (
    (metrics.MILESTONE_PROJECTED, "", "expected"),
    (metrics.MILESTONE_PROJECTED_EARLIEST, ", au rythme le plus rapide", "bound"),
    (metrics.MILESTONE_PROJECTED_LATEST, ", au rythme le plus lent", "bound"),
)

#: Returns the expression that reads a selector.
Reader = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Target:
    """A target of one territory, as expressions over the series of one moment."""

    day: str
    """The deadline as it stands after a line's name; empty where there is none."""
    of: dict[str, str]
    """The labels of the figure: programme, indicator, department."""
    milestone: str
    """A matcher of the label: of several milestones the territory is held to one."""
    scale: str
    """What a value is multiplied by before it is displayed: empty, or `100 * `."""
    series: str
    """The selector of the target's series."""
    held: str = ""
    """The selector of the milestones that apply to the territory; empty if all do."""

    def value(self, read: Reader) -> str:
        """Return the target, each selector read in the given way."""
        series = read(self.series)
        if self.held:
            series = f"{series} and {on(*MILESTONE)} {read(self.held)}"
        return f"{self.scale}max({series})"


class Line(NamedTuple):
    """A line that is no measurement, as a board's template declares it."""

    expr: str
    legend: str
    dash: str


def expected_lines(target: Target, read: Reader) -> Iterator[Line]:
    """Yield over time what was expected of the deadline, at each day's value and pace.

    `value + (target − value) × (deadline − day) / (projected day − day)`, and the target where that
    lies beyond it: a line that touches the target's is a promise kept. It ends on the deadline, and
    where nothing is projected.
    """
    if not target.day:
        return
    for metric, name, dash in PACES:
        parts = _LineParts(target, metric, read)
        left = f"({parts.deadline} - {parts.as_of} > 0)"
        share = f"clamp_max({left} / {parts.ahead}, 1)"
        expression = f"{parts.value} + ({parts.target} - {parts.value}) * {share}"
        yield Line(expression, f"Attendu{target.day}{name}", dash)


def lines_to_the_target(target: Target) -> Iterator[Line]:
    """Yield the way from the last value to the target, where the range reaches beyond the last day.

    Each line ends where it meets the target.
    """
    for metric, name, dash in PACES:
        parts = _LineParts(target, metric, lambda series: series)
        projected, as_of = throughout(parts.projected), throughout(parts.as_of)
        left = f"({projected} - time() >= 0)"
        pace = f"({parts.target} - {parts.value}) / {parts.ahead}"
        way = f"{throughout(parts.target)} - {throughout(pace)} * {left}"
        expression = f"{way} and on () vector(time()) >= {as_of}"
        yield Line(expression, f"Projection vers la cible{target.day}{name}", dash)


class _LineParts:
    """What a line is made of, each one series without labels."""

    def __init__(self, target: Target, projected: Metric, read: Reader) -> None:
        promise = {**target.of, "milestone": target.milestone}
        promised = {name: value for name, value in promise.items() if name != "department"}
        self.value = f"{target.scale}max({read(select(conventions.TERRITORY_VALUE, **target.of))})"
        self.target = target.value(read)
        self.deadline = f"max({read(select(metrics.MILESTONE_DEADLINE, **promised))})"
        self.projected = f"max({read(select(projected, **promise))})"
        self.as_of = f"max({read(conventions.AS_OF.name)})"
        # The day may have come since the last report: then it is as near as a day can be.
        self.ahead = f"clamp_min({self.projected} - {self.as_of}, {DAY_SECONDS})"
