"""Curves, and the simulated quarters and working days."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulation.curve import Curve
from simulation.period import quarter_ends, working_day

CURVE = Curve(
    ((date(2016, 1, 1), 0.0), (date(2016, 1, 11), 10.0), (date(2016, 1, 21), 10.0),
     (date(2016, 1, 31), 30.0))
)  # fmt: skip


@pytest.mark.parametrize(
    ("day", "value"),
    [
        (date(2015, 1, 1), 0),
        (date(2016, 1, 1), 0),
        (date(2016, 1, 4), 3),
        (date(2016, 1, 15), 10),
        (date(2016, 1, 26), 20),
        (date(2020, 1, 1), 30),
    ],
)
def test_values_lie_on_straight_lines_between_points(day: date, value: float) -> None:
    assert CURVE.on(day) == pytest.approx(value)


@given(st.floats(0.0, 30.0))
def test_the_day_reaching_a_value_is_the_first_one(value: float) -> None:
    day = CURVE.day_reaching(value)
    assert day is not None
    assert CURVE.on(day) >= value - 1e-9
    assert day == date(2016, 1, 1) or CURVE.on(date.fromordinal(day.toordinal() - 1)) < value


def test_a_value_above_the_curve_is_never_reached() -> None:
    assert CURVE.day_reaching(30.1) is None


def test_a_yearly_curve_has_its_values_in_november() -> None:
    curve = Curve.yearly(0.2, 0.5)
    assert [curve.on(date(year, 11, 30)) for year in (2011, 2015, 2016, 2020)] == [0, 0.2, 0.5, 0.5]


def test_quarters_end_within_their_bounds() -> None:
    assert list(quarter_ends(date(2015, 12, 31), date(2016, 9, 29))) == [
        date(2015, 12, 31),
        date(2016, 3, 31),
        date(2016, 6, 30),
    ]


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2020, 11, 27), date(2020, 11, 27)),
        (date(2020, 11, 28), date(2020, 11, 30)),
        (date(2020, 11, 29), date(2020, 11, 30)),
    ],
)
def test_weekends_give_way_to_monday(day: date, works: date) -> None:
    assert working_day(day) == works
