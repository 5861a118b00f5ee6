"""Curves, and the simulated quarters and working days."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulation.times import Curve, working_day

CURVE = Curve(
    ((date(2016, 1, 1), 0.0), (date(2016, 1, 11), 10.0), (date(2016, 1, 21), 10.0),
     (date(2016, 1, 31), 30.0))
)  # fmt: skip


@given(st.floats(0.0, 30.0))
def test_the_day_reaching_a_value_is_the_first_one(value: float) -> None:
    day = CURVE.day_reaching(value)
    assert day is not None
    assert CURVE.on(day) >= value - 1e-9
    assert day == date(2016, 1, 1) or CURVE.on(date.fromordinal(day.toordinal() - 1)) < value


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
