"""Progress rate, projection and status of a milestone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.model import Direction
from catalogue.progress import (
    MilestoneStatus,
    is_attained,
    is_stale,
    milestone_status,
    progress_rate,
    projected_day,
)

RISING, FALLING = Direction.RISING, Direction.FALLING
START, DEADLINE = date(2016, 1, 1), date(2020, 12, 31)

values = st.fractions(-1_000, 1_000, max_denominator=1_000)
directions = st.sampled_from(Direction)
steps = st.fractions(1, 500, max_denominator=1_000)


@pytest.mark.parametrize(
    ("baseline", "current", "target", "direction", "rate"),
    [
        (0, 229, 458, RISING, 50),
        (41, 43, 41, RISING, 100),
        (41, 40, 41, RISING, 0),
        (50, 45, 41, RISING, 100),
        (50, 40, 41, RISING, 0),
        (80, 60, 20, FALLING, Fraction(100, 3)),
        (20, 20, 20, FALLING, 100),
        (20, 21, 20, FALLING, 0),
        (10, 30, 20, FALLING, 0),
        (-50, -25, 0, RISING, 50),
        (100, 150, 200, RISING, 50),
        (0, 300, 200, RISING, 100),
        (10, 5, 20, RISING, 0),
    ],
)
def test_the_rate_of_known_cases(
    baseline: int, current: int, target: int, direction: Direction, rate: Fraction
) -> None:
    assert progress_rate(baseline, current, target, direction) == float(rate)


@given(values, values, values, directions)
def test_the_rate_is_full_exactly_when_the_target_is_attained(
    baseline: Fraction, current: Fraction, target: Fraction, direction: Direction
) -> None:
    rate = progress_rate(baseline, current, target, direction)
    assert (rate == 100) is is_attained(current, target, direction)


@given(values, values, values)
def test_falling_mirrors_rising(baseline: Fraction, current: Fraction, target: Fraction) -> None:
    assert progress_rate(baseline, current, target, FALLING) == progress_rate(
        -baseline, -current, -target, RISING
    )


@given(values, values, values, values, directions)
def test_the_rate_never_falls_when_the_value_improves(
    baseline: Fraction, one: Fraction, other: Fraction, target: Fraction, direction: Direction
) -> None:
    worse, better = sorted((one, other), reverse=direction is FALLING)
    low = progress_rate(baseline, worse, target, direction)
    high = progress_rate(baseline, better, target, direction)
    assert low is not None
    assert high is not None
    assert low <= high


@pytest.mark.parametrize("missing", range(3))
def test_the_rate_is_blank_where_a_part_is_missing(missing: int) -> None:
    parts = [None if part == missing else part for part in range(3)]
    assert progress_rate(parts[0], parts[1], parts[2], RISING) is None


@given(values, steps, steps, st.integers(1, 4_000), directions)
def test_the_projected_day_is_where_the_line_meets_the_target(
    baseline: Fraction, gained: Fraction, left: Fraction, elapsed: int, direction: Direction
) -> None:
    sign = 1 if direction is RISING else -1
    as_of = START + timedelta(days=elapsed)
    current = baseline + sign * gained
    target = current + sign * left
    projected = projected_day(
        baseline=baseline,
        baseline_day=START,
        current=current,
        as_of=as_of,
        target=target,
        direction=direction,
    )

    def on_the_line(day: date) -> Fraction:
        return current + sign * gained / elapsed * (day - as_of).days

    assert projected is not None
    assert projected > as_of
    assert is_attained(on_the_line(projected), target, direction)
    assert not is_attained(on_the_line(projected - timedelta(days=1)), target, direction)


HALFWAY: Mapping[str, Any] = {
    "baseline": 0,
    "baseline_day": START,
    "current": 10,
    "as_of": date(2018, 1, 1),
    "target": 20,
    "direction": RISING,
}
NOT_PROJECTED: Mapping[str, Mapping[str, Any]] = {
    "no baseline": {"baseline": None},
    "no day of the baseline": {"baseline_day": None},
    "no value": {"current": None},
    "no target": {"target": None},
    "no progress": {"current": 0},
    "backwards": {"baseline": 5, "current": 4},
    "backwards, falling": {"baseline": 5, "current": 6, "target": 2, "direction": FALLING},
    "attained": {"current": 20},
    "on the first day": {"as_of": START},
    "before the first day": {"as_of": date(2015, 1, 1)},
    "beyond the calendar": {"current": 1, "target": 100_000},
}


@pytest.mark.parametrize("changes", NOT_PROJECTED.values(), ids=NOT_PROJECTED)
def test_there_is_no_projected_day(changes: Mapping[str, Any]) -> None:
    assert projected_day(**{**HALFWAY, **changes}) is None


@pytest.mark.parametrize(("target", "projected"), [(20, date.max), (21, None)])
def test_the_calendar_s_last_day_is_projected_and_none_after(
    target: int, projected: date | None
) -> None:
    as_of = date.max - timedelta(days=10)
    days = {"baseline_day": as_of - timedelta(days=10), "as_of": as_of}
    assert projected_day(**{**HALFWAY, **days, "target": target}) == projected


AS_OF = date(2019, 6, 30)
GOING_ON: Mapping[str, Any] = {
    "value": 50,
    "target": 100,
    "day": DEADLINE,
    "direction": RISING,
    "stale": False,
    "projected": None,
    "as_of": AS_OF,
}
STATUSES: Mapping[str, tuple[Mapping[str, Any], MilestoneStatus]] = {
    "no value": ({"value": None}, MilestoneStatus.UNREPORTED),
    "stale, even when attained": ({"value": 100, "stale": True}, MilestoneStatus.UNREPORTED),
    "attained": ({"value": 100}, MilestoneStatus.ACHIEVED),
    "attained after its day": ({"value": 100, "as_of": date(2021, 6, 1)}, MilestoneStatus.ACHIEVED),
    "day passed": ({"value": 99, "as_of": date(2021, 1, 1)}, MilestoneStatus.MISSED),
    "its last day is not passed": (
        {"value": 99, "projected": DEADLINE, "as_of": DEADLINE},
        MilestoneStatus.ON_TRACK,
    ),
    "projected too late": ({"projected": date(2021, 1, 1)}, MilestoneStatus.AT_RISK),
    "no pace": ({}, MilestoneStatus.AT_RISK),
    "projected on its last day": ({"projected": DEADLINE}, MilestoneStatus.ON_TRACK),
    "no day, some pace": ({"day": None, "projected": date(2030, 1, 1)}, MilestoneStatus.ON_TRACK),
    "no day, no pace": ({"day": None}, MilestoneStatus.AT_RISK),
}


@pytest.mark.parametrize(("changes", "status"), STATUSES.values(), ids=STATUSES)
def test_the_status_of_a_milestone(changes: Mapping[str, Any], status: MilestoneStatus) -> None:
    assert milestone_status(**{**GOING_ON, **changes}) is status


LATER = date(2025, 1, 1)
REPORTED: Mapping[str, tuple[date | None, date | None, int | None, date, bool]] = {
    "never reported": (None, DEADLINE, 100, AS_OF, True),
    "never reported, irregular": (None, DEADLINE, None, AS_OF, True),
    "irregular never grows old": (date(2016, 1, 1), DEADLINE, None, AS_OF, False),
    "just recent enough": (AS_OF - timedelta(days=100), DEADLINE, 100, AS_OF, False),
    "just too old": (AS_OF - timedelta(days=101), DEADLINE, 100, AS_OF, True),
    "recent enough on its day": (DEADLINE - timedelta(days=100), DEADLINE, 100, LATER, False),
    "too old on its day": (DEADLINE - timedelta(days=101), DEADLINE, 100, LATER, True),
    "without a day, today counts": (DEADLINE, None, 100, LATER, True),
}


@pytest.mark.parametrize(
    ("last_reported", "day", "delay", "as_of", "stale"), REPORTED.values(), ids=REPORTED
)
def test_the_last_report_is_stale(
    last_reported: date | None, day: date | None, delay: int | None, as_of: date, *, stale: bool
) -> None:
    judged = is_stale(last_reported, day=day, reporting_delay_days=delay, as_of=as_of)
    assert judged is stale
