"""The simulated years: quarters, months, working days."""

from __future__ import annotations

from datetime import date

import pytest

from simulation.period import month_end, months, quarter_ends, working_day


def test_quarters_end_within_their_bounds() -> None:
    """Both bounds are included."""
    assert list(quarter_ends(date(2015, 12, 31), date(2016, 9, 29))) == [
        date(2015, 12, 31),
        date(2016, 3, 31),
        date(2016, 6, 30),
    ]


def test_months_begin_with_that_of_the_first_day() -> None:
    """And end with that of the last."""
    assert list(months(date(2019, 11, 15), date(2020, 1, 1))) == [
        date(2019, 11, 1),
        date(2019, 12, 1),
        date(2020, 1, 1),
    ]


def test_february_is_longer_in_leap_years() -> None:
    """A month's last day knows the calendar."""
    assert (month_end(date(2019, 2, 3)).day, month_end(date(2020, 2, 3)).day) == (28, 29)


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2020, 11, 27), date(2020, 11, 27)),
        (date(2020, 11, 28), date(2020, 11, 30)),
        (date(2020, 11, 29), date(2020, 11, 30)),
    ],
)
def test_weekends_give_way_to_monday(day: date, works: date) -> None:
    """Friday stays Friday."""
    assert working_day(day) == works
