"""Judgements as metric samples, for /metrics and for a backfill."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import NamedTuple

from catalogue import metrics
from catalogue.explanations import Explained, Explanations
from catalogue.judgement import CHANGE_DAYS, Judgement
from catalogue.metrics import Metric
from catalogue.model import Catalogue, Promise
from catalogue.progress import MilestoneStatus
from catalogue.territories import territory_key
from streams.histories import Parts
from streams.metric_families import midnight

_WINDOW = f"{CHANGE_DAYS}d"
#: The `category` label of a figure over all categories.
_ALL = ""


class Point(NamedTuple):
    """A sample without its time; label values are in the metric's order."""

    metric: Metric
    labels: tuple[str, ...]
    value: float


def judgement_points(catalogue: Catalogue, judgements: Iterable[Judgement]) -> Iterator[Point]:
    """Yield the samples of one day's judgements, each series once.

    Figures about persons also have their day of publication and, for each territory, whether the
    figure is withheld.
    """
    programmes = _programmes(catalogue)
    previous: tuple[str, str | None] | None = None
    for judgement in judgements:
        indicator, department = judgement.indicator, judgement.department
        who = (programmes[indicator.id], indicator.id, territory_key(department))
        # The milestones of a territory are adjacent and share the indicator's own series.
        if previous != (indicator.id, department):
            yield from _indicator_points(who, judgement)
        previous = (indicator.id, department)
        if judgement.status is not None and judgement.milestone is not None:
            labels = (*who, judgement.milestone.id)
            yield from _status_points(labels, judgement)
            yield from _milestone_points(labels, judgement)


def cell_points(catalogue: Catalogue, parts: Parts, as_of: date) -> Iterator[Point]:
    """Yield the published number of persons by territory and category, and which are withheld."""
    programmes = _programmes(catalogue)
    for indicator in catalogue.indicators:
        if indicator.publication is None:
            continue
        day = indicator.publication.day(as_of)
        for department in indicator.territories:
            who = (programmes[indicator.id], indicator.id, territory_key(department))
            for category in indicator.categories:
                count = parts[indicator.id, department, category].at(day)
                yield Point(metrics.CELL_SUPPRESSED, (*who, category), int(not count))
                if count:
                    yield Point(metrics.CELL_VALUE, (*who, category), count)


def unexplained_points(
    catalogue: Catalogue, explained: Mapping[Promise, Explained]
) -> Iterator[Point]:
    """Yield the day since which each unexplained milestone is missed or at risk."""
    programmes = _programmes(catalogue)
    for (indicator, milestone, department), one in explained.items():
        if one.last is None:
            who = (programmes[indicator], indicator, territory_key(department), milestone)
            yield Point(metrics.MILESTONE_UNEXPLAINED, who, midnight(one.since))


def explanation_counts(catalogue: Catalogue, explanations: Explanations) -> Iterator[Point]:
    """Yield the number of explanations, by whether the catalogue has their milestone."""
    counts = dict.fromkeys((True, False), 0)
    for promise, said in explanations.items():
        counts[promise in catalogue.promises] += len(said)
    for is_known, count in counts.items():
        yield Point(metrics.EXPLANATIONS, (str(is_known).lower(),), count)


def _programmes(catalogue: Catalogue) -> dict[str, str]:
    return {
        indicator.id: programme.id
        for programme in catalogue.programmes
        for indicator in programme.indicators
    }


def _indicator_points(who: tuple[str, ...], judgement: Judgement) -> Iterator[Point]:
    if judgement.indicator.publication is not None:
        yield Point(metrics.CELL_SUPPRESSED, (*who, _ALL), int(judgement.withheld))
        if judgement.department is None:
            yield Point(metrics.INDICATOR_PUBLISHED, who[:2], midnight(judgement.as_of))
    if judgement.value is not None:
        yield Point(metrics.INDICATOR_ASSESSED_VALUE, who, float(judgement.value))
    if judgement.country_value is not None:
        yield Point(metrics.INDICATOR_COUNTRY, who[:2], float(judgement.country_value))
    if judgement.observed_pace is not None:
        yield Point(metrics.INDICATOR_PACE, who, float(judgement.observed_pace))
    change = judgement.change
    if change is not None:
        parts = (
            ("value", change.value),
            ("numerator", change.due_to_numerator),
            ("denominator", change.due_to_denominator),
        )
        for part, amount in parts:
            yield Point(metrics.INDICATOR_CHANGE, (*who, part, _WINDOW), float(amount))


def _status_points(promise: tuple[str, ...], judgement: Judgement) -> Iterator[Point]:
    for status in MilestoneStatus:
        holds = int(judgement.status is status)
        yield Point(metrics.MILESTONE_STATUS, (*promise, str(status)), holds)
    yield Point(metrics.MILESTONE_LOST, promise, int(judgement.lost_on is not None))


def _milestone_points(promise: tuple[str, ...], judgement: Judgement) -> Iterator[Point]:
    if judgement.progress_rate is not None:
        yield Point(metrics.MILESTONE_PROGRESS, promise, judgement.progress_rate / 100)
    days = [
        (metrics.MILESTONE_ATTAINED, judgement.attained_on),
        (metrics.MILESTONE_LOST_ON, judgement.lost_on),
    ]
    if judgement.projected is not None:
        days += [
            (metrics.MILESTONE_PROJECTED, judgement.projected.day),
            (metrics.MILESTONE_PROJECTED_EARLIEST, judgement.projected.earliest),
            (metrics.MILESTONE_PROJECTED_LATEST, judgement.projected.latest),
        ]
    for metric, day in days:
        if day is not None:
            yield Point(metric, promise, midnight(day))
    if judgement.required_pace is not None:
        yield Point(metrics.MILESTONE_REQUIRED_PACE, promise, float(judgement.required_pace))
