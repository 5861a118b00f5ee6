"""Curves: values between points, and the day on which a rising one gets somewhere."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulation.curve import Curve

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
    """Flat before the first point and after the last."""
    assert CURVE.on(day) == pytest.approx(value)


@given(st.floats(0.0, 30.0))
def test_the_day_reaching_a_value_is_the_first_one(value: float) -> None:
    """On that day the curve is there, on the day before it was not."""
    day = CURVE.day_reaching(value)
    assert day is not None
    assert CURVE.on(day) >= value - 1e-9
    assert day == date(2016, 1, 1) or CURVE.on(date.fromordinal(day.toordinal() - 1)) < value


def test_a_value_above_the_curve_is_never_reached() -> None:
    """None, not the last day."""
    assert CURVE.day_reaching(30.1) is None


def test_a_yearly_curve_has_its_values_in_november() -> None:
    """From zero in September 2012 through one value each year since 2015."""
    curve = Curve.yearly(0.2, 0.5)
    assert [curve.on(date(year, 11, 30)) for year in (2011, 2015, 2016, 2020)] == [0, 0.2, 0.5, 0.5]
