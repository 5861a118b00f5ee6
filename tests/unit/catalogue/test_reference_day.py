"""The day that a projection is made for."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from catalogue.reference_day import month_end, month_end_before, reference_day

days = st.dates(date(1, 2, 1), date(2099, 12, 31))


@given(days)
def test_a_month_ends_on_its_last_day(day: date) -> None:
    assert month_end(day) == day.replace(day=monthrange(day.year, day.month)[1])
    assert month_end_before(day) == day.replace(day=1) - timedelta(days=1)


@given(days, st.integers(1, 60))
def test_months_are_counted_back_one_by_one(day: date, months: int) -> None:
    one_by_one = day
    for _ in range(months):
        one_by_one = month_end_before(one_by_one)
    assert month_end_before(day, months=months) == max(one_by_one, date.min)


@given(st.none() | days, days)
def test_what_does_not_stand_still_is_known_up_to_its_last_change(
    change: date | None, as_of: date
) -> None:
    assert reference_day(change, as_of, carries_forward=False) == change


@given(days, days)
def test_what_stands_still_is_known_up_to_the_end_of_a_month(change: date, as_of: date) -> None:
    assert reference_day(change, as_of, carries_forward=True) == max(
        change, month_end_before(as_of)
    )
