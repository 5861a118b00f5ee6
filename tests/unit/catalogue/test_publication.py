"""Counts of persons, as they are published."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.history import History, StepFunction
from catalogue.publication import Publication, PublicationStep

publications = st.builds(
    Publication, st.integers(2, 1000), st.sampled_from(PublicationStep), st.integers(0, 400)
)
days = st.dates(date(2010, 1, 1), date(2099, 12, 31))
cells = st.dictionaries(days, st.integers(-40, 60), max_size=12).map(
    lambda steps: StepFunction.of({day.toordinal(): amount for day, amount in steps.items()})
)


@given(publications, st.integers(0, 10_000))
def test_a_count_is_withheld_or_the_nearest_multiple(rules: Publication, persons: int) -> None:
    shown = rules.count(persons)
    assert shown % rules.min_cell == 0
    assert bool(shown) is (persons >= rules.min_cell)
    if shown:
        assert -rules.min_cell <= 2 * (shown - persons) < rules.min_cell


@given(publications, cells)
def test_a_cell_changes_by_no_few_persons(rules: Publication, exact: StepFunction) -> None:
    shown = exact.published(rules)
    assert all(
        abs(after - before) >= rules.min_cell for before, after in pairwise((0, *shown.totals))
    )
    assert all(rules.period_end(day) == day for day in shown.days)


@given(publications, cells, days)
def test_a_cell_is_that_of_the_period_s_end(
    rules: Publication, exact: StepFunction, as_of: date
) -> None:
    day = rules.day(as_of)
    assert exact.published(rules).at(day) == rules.count(exact.at(day))


@given(publications, days)
def test_the_day_shown_is_the_last_that_is_published(rules: Publication, as_of: date) -> None:
    delay = timedelta(days=rules.delay_days)
    shown = rules.day(as_of)
    assert rules.period_end(shown) == shown
    assert shown + delay <= as_of
    assert rules.period_end(shown + timedelta(days=1)) + delay > as_of


@pytest.mark.parametrize(
    ("step", "end"),
    [
        ("monthly", date(2020, 2, 29)),
        ("quarterly", date(2020, 3, 31)),
        ("annual", date(2020, 12, 31)),
    ],
)
def test_periods_are_those_of_the_calendar(step: str, end: date) -> None:
    rules = Publication(10, PublicationStep(step), 0)
    assert rules.period_end(date(2020, 2, 3)) == end
    assert rules.day(end) == end


@given(publications, st.lists(st.dates(), max_size=30))
def test_each_period_of_ordered_days_ends_once(rules: Publication, days: list[date]) -> None:
    assert rules.period_ends(sorted(days)) == tuple(sorted({*map(rules.period_end, days)}))


def test_the_ends_of_the_calendar_are_no_mistake() -> None:
    rules = Publication(10, PublicationStep.MONTHLY, 15)
    assert rules.day(date.min) == date.min
    assert rules.period_end(date.max) == date.max


@pytest.mark.parametrize(("count", "known"), [(0, 0), (10, 10)])
def test_a_withheld_count_is_known_to_be_at_least_nothing(count: int, known: int) -> None:
    """So that it can be judged: no target is below the smallest cell."""
    day = date(2020, 1, 31)
    counted = StepFunction((day,), (count,))
    history = History(
        counted, None, (day,), publication=Publication(10, PublicationStep.MONTHLY, 0)
    )
    assert history.at_least(day) == known
    assert history.withholds(day) is (count == 0)
    assert not history.withholds(date(2020, 1, 30))
