"""Judgements as metric series: name, labels, value. A scrape and a backfill show the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from catalogue import metric_names as names
from catalogue.assessment import territories
from catalogue.judgement import CHANGE_DAYS
from catalogue.progress import MilestoneStatus
from streams.metric_families import midnight

if TYPE_CHECKING:
    from catalogue.judgement import Judgement
    from catalogue.metric_names import Metric
    from catalogue.model import Catalogue, Indicator
    from streams.histories import PersonTable

__all__ = ["Point", "cell_points", "judgement_points", "suppresses"]

_WINDOW = f"{CHANGE_DAYS}d"
#: The `category` of a figure of all categories together.
_ALL = ""

#: Persons by indicator id, for the indicators whose small cells are suppressed.
PersonTables: TypeAlias = "Mapping[str, PersonTable]"


class Point(NamedTuple):
    """A sample of a series, whatever its day; label values are in the metric's order."""

    metric: Metric
    labels: tuple[str, ...]
    value: float


def judgement_points(
    catalogue: Catalogue, judgements: Iterable[Judgement], tables: PersonTables
) -> Iterator[Point]:
    """Yield what judgements of one day show, each series once.

    Of a territory whose persons are suppressed nothing is shown from which their number could be
    computed: no value, pace or progress, only the status.
    """
    programmes = _programmes(catalogue)
    shown: tuple[str, str | None] | None = None
    for judgement in judgements:
        indicator, department = judgement.indicator, judgement.department
        who = (programmes[indicator.id], indicator.id, department or names.REGION)
        suppressed = suppresses(tables, indicator, department)
        # The milestones of a territory follow one another, and share the indicator's own series.
        if not suppressed and shown != (indicator.id, department):
            yield from _indicator_points(who, judgement)
        shown = (indicator.id, department)
        if judgement.milestone is not None and judgement.milestone.target is not None:
            promise = (*who, judgement.milestone.id)
            yield from _status_points(promise, judgement)
            if not suppressed:
                yield from _milestone_points(promise, judgement)


def cell_points(catalogue: Catalogue, tables: PersonTables) -> Iterator[Point]:
    """Yield the tables of persons: the cells that may be shown, and which are suppressed.

    A cell that nobody is in is shown as 0; a figure of all categories together says here only
    whether it is suppressed.
    """
    programmes = _programmes(catalogue)
    for identifier, table in tables.items():
        indicator = catalogue.indicator(identifier)
        for department in territories(indicator):
            who = (programmes[identifier], identifier, department or names.REGION)
            for category in (None, *indicator.categories):
                count = table.get((department, category), 0)
                labels = (*who, _ALL if category is None else category)
                yield Point(names.CELL_SUPPRESSED, labels, int(count is None))
                if count is not None and category is not None:
                    yield Point(names.CELL_VALUE, labels, count)


def suppresses(tables: PersonTables, indicator: Indicator, department: str | None) -> bool:
    """Tell whether the figure of a territory, all categories together, must not be shown."""
    table = tables.get(indicator.id)
    return table is not None and table.get((department, None), 0) is None


def _programmes(catalogue: Catalogue) -> dict[str, str]:
    return {
        indicator.id: programme.id
        for programme in catalogue.programmes
        for indicator in programme.indicators
    }


def _indicator_points(who: tuple[str, ...], judgement: Judgement) -> Iterator[Point]:
    if judgement.value is not None:
        yield Point(names.INDICATOR_ASSESSED_VALUE, who, float(judgement.value))
    if judgement.country_value is not None:
        yield Point(names.INDICATOR_COUNTRY, who[:2], float(judgement.country_value))
    if judgement.observed_pace is not None:
        yield Point(names.INDICATOR_PACE, who, float(judgement.observed_pace))
    change = judgement.change
    if change is not None:
        parts = (
            ("value", change.value),
            ("numerator", change.due_to_numerator),
            ("denominator", change.due_to_denominator),
        )
        for part, amount in parts:
            yield Point(names.INDICATOR_CHANGE, (*who, part, _WINDOW), float(amount))


def _status_points(promise: tuple[str, ...], judgement: Judgement) -> Iterator[Point]:
    for status in MilestoneStatus:
        holds = int(judgement.status is status)
        yield Point(names.MILESTONE_STATUS, (*promise, str(status)), holds)
    yield Point(names.MILESTONE_LOST, promise, int(judgement.lost_on is not None))


def _milestone_points(promise: tuple[str, ...], judgement: Judgement) -> Iterator[Point]:
    if judgement.progress_rate is not None:
        yield Point(names.MILESTONE_PROGRESS, promise, judgement.progress_rate / 100)
    days = [
        (names.MILESTONE_ATTAINED, judgement.attained_on),
        (names.MILESTONE_LOST_ON, judgement.lost_on),
    ]
    if judgement.projected is not None:
        days += [
            (names.MILESTONE_PROJECTED, judgement.projected.day),
            (names.MILESTONE_PROJECTED_EARLIEST, judgement.projected.earliest),
            (names.MILESTONE_PROJECTED_LATEST, judgement.projected.latest),
        ]
    for metric, day in days:
        if day is not None:
            yield Point(metric, promise, midnight(day))
    if judgement.required_pace is not None:
        yield Point(names.MILESTONE_REQUIRED_PACE, promise, float(judgement.required_pace))
