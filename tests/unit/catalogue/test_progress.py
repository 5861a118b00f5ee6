"""Progress rate, projection and status of a milestone."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

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


@pytest.mark.parametrize(
    ("baseline", "baseline_day", "current", "as_of", "target", "direction"),
    [
        (None, START, 10, date(2018, 1, 1), 20, RISING),
        (0, None, 10, date(2018, 1, 1), 20, RISING),
        (0, START, None, date(2018, 1, 1), 20, RISING),
        (0, START, 10, date(2018, 1, 1), None, RISING),
        (0, START, 0, date(2018, 1, 1), 20, RISING),
        (5, START, 4, date(2018, 1, 1), 20, RISING),
        (5, START, 6, date(2018, 1, 1), 2, FALLING),
        (0, START, 20, date(2018, 1, 1), 20, RISING),
        (0, START, 10, START, 20, RISING),
        (0, START, 10, date(2015, 1, 1), 20, RISING),
        (0, START, 1, date(2018, 1, 1), 100_000, RISING),
    ],
    ids=[
        "no baseline",
        "no day of the baseline",
        "no value",
        "no target",
        "no progress",
        "backwards",
        "backwards, falling",
        "attained",
        "on the first day",
        "before the first day",
        "beyond the calendar",
    ],
)
def test_there_is_no_projected_day(
    baseline: int | None,
    baseline_day: date | None,
    current: int | None,
    as_of: date,
    target: int | None,
    direction: Direction,
) -> None:
    projected = projected_day(
        baseline=baseline,
        baseline_day=baseline_day,
        current=current,
        as_of=as_of,
        target=target,
        direction=direction,
    )
    assert projected is None


@pytest.mark.parametrize(("target", "projected"), [(20, date.max), (21, None)])
def test_the_calendar_s_last_day_is_projected_and_none_after(
    target: int, projected: date | None
) -> None:
    as_of = date.max - timedelta(days=10)
    found = projected_day(
        baseline=0,
        baseline_day=as_of - timedelta(days=10),
        current=10,
        as_of=as_of,
        target=target,
        direction=RISING,
    )
    assert found == projected


AS_OF = date(2019, 6, 30)


@pytest.mark.parametrize(
    ("value", "day", "stale", "projected", "as_of", "status"),
    [
        (None, DEADLINE, False, None, AS_OF, MilestoneStatus.UNREPORTED),
        (100, DEADLINE, True, None, AS_OF, MilestoneStatus.UNREPORTED),
        (100, DEADLINE, False, None, AS_OF, MilestoneStatus.ACHIEVED),
        (100, DEADLINE, False, None, date(2021, 6, 1), MilestoneStatus.ACHIEVED),
        (99, DEADLINE, False, None, date(2021, 1, 1), MilestoneStatus.MISSED),
        (99, DEADLINE, False, DEADLINE, DEADLINE, MilestoneStatus.ON_TRACK),
        (50, DEADLINE, False, date(2021, 1, 1), AS_OF, MilestoneStatus.AT_RISK),
        (50, DEADLINE, False, None, AS_OF, MilestoneStatus.AT_RISK),
        (50, DEADLINE, False, DEADLINE, AS_OF, MilestoneStatus.ON_TRACK),
        (50, None, False, date(2030, 1, 1), AS_OF, MilestoneStatus.ON_TRACK),
        (50, None, False, None, AS_OF, MilestoneStatus.AT_RISK),
    ],
    ids=[
        "no value",
        "stale, even when attained",
        "attained",
        "attained after its day",
        "day passed",
        "its last day is not passed",
        "projected too late",
        "no pace",
        "projected on its last day",
        "no day, some pace",
        "no day, no pace",
    ],
)
def test_the_status_of_a_milestone(
    *,
    value: int | None,
    day: date | None,
    stale: bool,
    projected: date | None,
    as_of: date,
    status: MilestoneStatus,
) -> None:
    judged = milestone_status(
        value=value,
        target=100,
        day=day,
        direction=RISING,
        stale=stale,
        projected=projected,
        as_of=as_of,
    )
    assert judged is status


@pytest.mark.parametrize(
    ("last_reported", "day", "reporting_delay_days", "as_of", "stale"),
    [
        (None, DEADLINE, 100, AS_OF, True),
        (None, DEADLINE, None, AS_OF, True),
        (date(2016, 1, 1), DEADLINE, None, AS_OF, False),
        (AS_OF - timedelta(days=100), DEADLINE, 100, AS_OF, False),
        (AS_OF - timedelta(days=101), DEADLINE, 100, AS_OF, True),
        (DEADLINE - timedelta(days=100), DEADLINE, 100, date(2025, 1, 1), False),
        (DEADLINE - timedelta(days=101), DEADLINE, 100, date(2025, 1, 1), True),
        (DEADLINE, None, 100, date(2025, 1, 1), True),
    ],
    ids=[
        "never reported",
        "never reported, irregular",
        "irregular never grows old",
        "just recent enough",
        "just too old",
        "recent enough on its day",
        "too old on its day",
        "without a day, today counts",
    ],
)
def test_the_last_report_is_stale(
    *,
    last_reported: date | None,
    day: date | None,
    reporting_delay_days: int | None,
    as_of: date,
    stale: bool,
) -> None:
    judged = is_stale(
        last_reported, day=day, reporting_delay_days=reporting_delay_days, as_of=as_of
    )
    assert judged is stale
