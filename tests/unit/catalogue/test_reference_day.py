"""The day that a projection is made for."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta

import pytest
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


MAY, JUNE = date(2019, 5, 31), date(2019, 6, 12)


@pytest.mark.parametrize(
    ("change", "carries_forward", "known_until"),
    [
        # A figure that is reported is known up to its last report.
        (date(2019, 3, 4), False, date(2019, 3, 4)),
        # One that holds until the next fact is known up to the end of the month before.
        (date(2019, 3, 4), True, MAY),
        (date(2019, 6, 5), True, date(2019, 6, 5)),
        (None, True, None),
        (None, False, None),
    ],
)
def test_a_figure_is_known_up_to(
    change: date | None, *, carries_forward: bool, known_until: date | None
) -> None:
    assert reference_day(change, JUNE, carries_forward=carries_forward) == known_until
