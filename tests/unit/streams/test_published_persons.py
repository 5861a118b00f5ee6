"""Five simulated years of persons, as each reader is shown them: no change is of few persons."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from functools import cache
from itertools import pairwise
from typing import Final, TypeAlias

import pytest

from audit.backfill.series import BackfillSeries
from audit.export.rows import rows_of
from catalogue import metrics
from catalogue.judgement import judge_all
from catalogue.loader import load_catalogue
from catalogue.model import Catalogue
from dashboards import conventions
from events.cloudevent import decode_json
from events.fact import Family
from simulation.emitter import RecordKind
from simulation.simulator import simulate
from streams.assessor.series import Point, cell_points, judgement_points
from streams.exposition import WorkerCollector, WorkerStatus
from streams.histories import exact_persons, histories_of, person_categories_of
from streams.meters import Meters
from streams.state_store import StateStore
from tests.support.past_figures import state_store_of

# They share five simulated years.
pytestmark = pytest.mark.slow

LIVE: Final = conventions.TERRITORY_LAST_REPORTED.name

FIRST: Final = date(2016, 1, 1)
#: Every day of three years: the cells fill, and are full.
DAYS: Final = [FIRST + timedelta(days=number) for number in range(3 * 365 + 1)]
#: The days around each publication of a year, on which an export is looked at.
AROUND: Final = [day for day in DAYS[366:732] if day.day in (14, 15, 16)]

Shown: TypeAlias = Mapping[tuple[str, ...], float | None]
"""What a reader sees on a day, by what names a number; None: withheld."""


@cache
def catalogue() -> Catalogue:
    [formation] = (one for one in load_catalogue().programmes if one.id == "formation")
    persons = tuple(one for one in formation.indicators if one.publication is not None)
    return Catalogue(programmes=(formation.model_copy(update={"indicators": persons}),))


@cache
def state_store() -> StateStore:
    sent = [
        record
        for record in simulate(1)
        if record.family is Family.TRAININGS and record.kind is not RecordKind.INVALID
    ]
    return state_store_of(catalogue(), [decode_json(record.line) for record in sent])


def smallest() -> int:
    return min(one.min_cell for one in catalogue().indicators if one.min_cell is not None)


def changes(days: list[Shown]) -> list[float]:
    """Return by how much the numbers changed from each day to the next; a withheld one is 0."""
    return [
        after
        for before, following in pairwise(days)
        for name in before.keys() | following.keys()
        if (after := abs((following.get(name) or 0) - (before.get(name) or 0)))
    ]


def assessed(day: date) -> Iterator[Point]:
    histories = histories_of(state_store(), catalogue())
    yield from judgement_points(catalogue(), judge_all(catalogue(), histories, day))
    yield from cell_points(catalogue(), person_categories_of(state_store(), catalogue()), day)


@cache
def backfilled() -> dict[date, dict[tuple[str, ...], float]]:
    past = BackfillSeries(catalogue(), state_store(), DAYS)
    territories = (one for territory in past.judged() for one in territory)
    found: dict[date, dict[tuple[str, ...], float]] = {day: {} for day in DAYS}
    for series in (*past.persons(), *territories):
        for moment, value in series.samples:
            day = date(1970, 1, 1) + timedelta(days=round(moment / 86_400))
            found[day][series.metric.name, *series.labels] = value
    return found


def counts(numbers: Mapping[tuple[str, ...], float]) -> Shown:
    """Keep the numbers of persons: no share, no day, no flag."""
    kept = {
        metrics.CELL_VALUE.name,
        metrics.INDICATOR_ASSESSED_VALUE.name,
        metrics.INDICATOR_CHANGE.name,
        conventions.REGION_VALUE.name,
        conventions.DEPARTMENT_VALUE.name,
        conventions.TERRITORY_VALUE.name,
    }
    return {
        name: value
        for name, value in numbers.items()
        if name[0] in kept and "priority_audience_ratio" not in name
    }


def test_a_backfill_changes_by_no_few_persons() -> None:
    found = changes([counts(numbers) for numbers in backfilled().values()])
    assert len(found) > 500
    assert min(found) >= smallest()
    assert {change % smallest() for change in found} == {0}


def test_the_assessor_shows_what_the_backfill_writes() -> None:
    for day in (DAYS[100], DAYS[500], DAYS[1000]):
        live = {(point.metric.name, *point.labels): point.value for point in assessed(day)}
        assert len(live) > 100
        assert {name: backfilled()[day].get(name) for name in live} == live


def test_an_export_changes_by_no_few_persons() -> None:
    days: list[Shown] = []
    for day in AROUND:
        numbers: dict[tuple[str, ...], float | None] = {}
        for row in rows_of(catalogue(), state_store(), day):
            if row.unit == "count":
                name = (row.indicator, row.territory, row.category or "")
                numbers[name] = row.value
                assert row.suppressed <= (row.value is None)
        days.append(numbers)
    found = changes(days)
    assert len(found) > 50
    assert min(found) >= smallest()


def test_nothing_changes_between_two_publications() -> None:
    """Not one series about persons, shares and judgements among them, but on the declared day.

    The region's last report is none about a cell, and live.
    """
    shown = {
        day: {key: value for key, value in series.items() if key[0] != LIVE}
        for day, series in backfilled().items()
    }
    differ = [
        after for (_, before), (after, following) in pairwise(shown.items()) if before != following
    ]
    assert len(differ) >= 30
    assert {day.day for day in differ} <= {13, 14, 15, 16}


def test_every_figure_follows_from_the_cells() -> None:
    """Totals and shares are computed from them, so that they disclose nothing more."""
    chosen = ("job_seeker", "early_leaver", "low_qualified")
    for shown in backfilled().values():
        cells: defaultdict[tuple[str, str], dict[str, float]] = defaultdict(dict)
        for (metric, *labels), value in shown.items():
            if metric == metrics.CELL_VALUE.name and labels[2] != metrics.REGION:
                _, indicator, department, category = labels
                cells[indicator, department][category] = value
        for (metric, *labels), value in shown.items():
            if metric != metrics.INDICATOR_ASSESSED_VALUE.name:
                continue
            _, indicator, department = labels
            source = indicator.replace("priority_audience_ratio", "trainees_enrolled")
            own = [
                (category, count)
                for (of, where), counted in cells.items()
                if of == source and department in (where, metrics.REGION)
                for category, count in counted.items()
            ]
            total = sum(count for _, count in own)
            if indicator == "priority_audience_ratio":
                part = sum(count for category, count in own if category in chosen)
                assert value == pytest.approx(part / total)
            else:
                assert value == total


def test_what_is_published_is_near_the_truth() -> None:
    """Within a few in a hundred once there are many persons: a delegate can still steer by it."""
    histories = histories_of(state_store(), catalogue())
    for indicator in ("trainees_enrolled", "trainees_completed"):
        exact = exact_persons(state_store(), catalogue(), date(2020, 12, 31))[indicator]
        published = histories[indicator, None].value(date(2020, 12, 31))
        assert float(published or 0) == pytest.approx(sum(exact.values()), rel=0.02)


def test_a_worker_shows_no_number_of_persons() -> None:
    states = state_store()
    status = WorkerStatus(DAYS[1000], ready=True, partitions_expected=8, shown=range(8), lag={})
    exposition = WorkerCollector(catalogue(), states, Meters(), lambda: status)
    about = [
        (family.name, sample.labels["department"])
        for family in exposition.collect()
        for sample in family.samples
        if "indicator" in sample.labels and "partition" in sample.labels
    ]
    assert set(about) == {(metrics.INDICATOR_LAST_REPORTED.name, metrics.REGION)}
