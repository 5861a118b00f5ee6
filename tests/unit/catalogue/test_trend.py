"""Where a figure is heading."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from statistics import quantiles

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from catalogue.history import History, StepFunction
from catalogue.model import Direction, TrendWindow
from catalogue.progress import is_attained
from catalogue.reference_day import month_end_before
from catalogue.trend import Projection, Trend, observed_trend, project, theil_sen
from tests.support.figure_histories import history_of

RISING, FALLING = Direction.RISING, Direction.FALLING
AS_OF = date(2019, 7, 1)
WINDOW = TrendWindow()

Points = list[tuple[int, Fraction]]

values = st.fractions(-1_000, 1_000, max_denominator=60)
day_numbers = st.integers(730_000, 740_000)
points = st.dictionaries(day_numbers, values, min_size=2, max_size=9).map(
    lambda found: list(found.items())
)
paces = st.fractions(Fraction(1, 100), 100, max_denominator=100)


@given(points)
def test_the_trend_is_the_quartiles_of_the_slopes_of_all_pairs(found: Points) -> None:
    slopes = [
        (value - other) / (day - earlier)
        for day, value in found
        for earlier, other in found
        if earlier < day
    ]
    trend = theil_sen(found)
    ranks = quantiles(slopes, method="inclusive") if len(slopes) > 1 else slopes * 3
    assert trend is not None
    assert [trend.lower, trend.slope, trend.upper] == ranks


@pytest.mark.parametrize(
    "found",
    [[], [(1, Fraction(1))], [(1, Fraction(1)), (1, Fraction(2))]],
    ids=["none", "one", "two on one day"],
)
def test_there_is_no_trend_of_a_single_day(found: Points) -> None:
    assert theil_sen(found) is None


def test_two_values_of_one_day_are_no_pace() -> None:
    found = [(0, Fraction(0)), (1, Fraction(1)), (1, Fraction(3))]
    assert theil_sen(found) == Trend(Fraction(2), Fraction(3, 2), Fraction(5, 2))


@example(Fraction(0), Fraction(1), Fraction(1), RISING)
@given(values, paces, st.fractions(1, 1_000, max_denominator=60), st.sampled_from(Direction))
def test_the_projected_day_is_where_the_line_meets_the_target(
    value: Fraction, pace: Fraction, left: Fraction, direction: Direction
) -> None:
    sign = 1 if direction is RISING else -1
    slope, target = sign * pace, value + sign * left
    projected = project(
        Trend(slope, slope, slope),
        value=value,
        target=target,
        direction=direction,
        as_of=AS_OF,
        deadline=date.max,
    )

    def on_the_line(day: date) -> Fraction:
        return value + slope * (day - AS_OF).days

    assert projected is not None
    assert projected.day == projected.earliest == projected.latest
    assert is_attained(on_the_line(projected.day), target, direction)
    assert not is_attained(on_the_line(projected.day - timedelta(days=1)), target, direction)


@given(st.lists(values, min_size=3, max_size=3), values, values, st.sampled_from(Direction))
def test_a_projection_lies_within_its_range(
    slopes: list[Fraction], value: Fraction, target: Fraction, direction: Direction
) -> None:
    lower, slope, upper = sorted(slopes)
    projected = project(
        Trend(slope, lower, upper), value=value, target=target, direction=direction, as_of=AS_OF
    )
    if projected is not None:
        assert AS_OF < projected.earliest <= projected.day
        assert projected.latest is None or projected.latest >= projected.day


@given(values, values, paces)
def test_falling_is_projected_as_rising_upside_down(
    value: Fraction, target: Fraction, pace: Fraction
) -> None:
    up = Trend(pace, pace / 2, pace * 2)
    down = Trend(-pace, -pace * 2, -pace / 2)
    assert project(up, value=value, target=target, direction=RISING, as_of=AS_OF) == project(
        down, value=-value, target=-target, direction=FALLING, as_of=AS_OF
    )


STEADY = Trend(Fraction(1), Fraction(1), Fraction(1))


@pytest.mark.parametrize(
    ("trend", "value", "target", "direction"),
    [
        (None, 10, 20, RISING),
        (Trend(Fraction(0), Fraction(-1), Fraction(1)), 10, 20, RISING),
        (Trend(Fraction(-1), Fraction(-2), Fraction(1)), 10, 20, RISING),
        (STEADY, 20, 10, FALLING),
        (STEADY, 20, 20, RISING),
        (STEADY, 21, 20, RISING),
        (STEADY, 0, 10_000_000, RISING),
    ],
    ids=["no trend", "no pace", "backwards", "rising, to fall", "attained", "beyond", "too far"],
)
def test_there_is_no_projection(
    trend: Trend | None, value: int, target: int, direction: Direction
) -> None:
    projected = project(trend, value=value, target=target, direction=direction, as_of=AS_OF)
    assert projected is None


@pytest.mark.parametrize(
    ("left", "deadline", "is_reached"),
    [(3652, None, True), (3653, None, False), (5000, 4999, False), (5000, 5000, True)],
)
def test_a_target_in_more_than_ten_years_is_out_of_reach(
    left: int, deadline: int | None, *, is_reached: bool
) -> None:
    """Unless more time is given: the pace of some months says nothing of the year 2079."""
    projected = project(
        STEADY,
        value=0,
        target=left,
        direction=RISING,
        as_of=AS_OF,
        deadline=None if deadline is None else AS_OF + timedelta(days=deadline),
    )
    assert (projected is not None) is is_reached


@pytest.mark.parametrize(("left", "projected"), [(10, date.max), (11, None)])
def test_the_calendar_s_last_day_is_projected_and_none_after(
    left: int, projected: date | None
) -> None:
    as_of = date.max - timedelta(days=10)
    found = project(STEADY, value=0, target=left, direction=RISING, as_of=as_of)
    assert (found and found.day) == projected


def test_a_slow_quartile_that_never_arrives_leaves_the_end_open() -> None:
    trend = Trend(Fraction(1), Fraction(0), Fraction(2))
    assert project(trend, value=0, target=10, direction=RISING, as_of=AS_OF) == Projection(
        AS_OF + timedelta(days=10), AS_OF + timedelta(days=5), None
    )


def pace_of(history: History, window: TrendWindow = WINDOW) -> Trend | None:
    return observed_trend(history, window, AS_OF, carries_forward=True)


@given(st.integers(-100, 100), st.integers(0, 3))
def test_the_trend_of_a_steady_history_is_its_pace(pace: int, extra: int) -> None:
    steady = history_of(lambda day: pace * day, since=AS_OF - timedelta(days=400), days=400)
    for step, points in ((20, 6), (30, 6), (61, 6)):
        window = TrendWindow(window_days=step * 5 + extra, step_days=step, at_least=points)
        assert pace_of(steady, window) == Trend(*[Fraction(pace)] * 3)


@given(st.integers(0, 420))
def test_too_short_a_history_has_no_trend(days: int) -> None:
    since = AS_OF - timedelta(days=days)
    short = history_of(lambda day: day, since=since, days=days)
    ends = [month_end_before(AS_OF, months=1 + back) for back in range(WINDOW.points)]
    known = sum(end >= since for end in ends)
    assert (pace_of(short) is None) is (known < WINDOW.at_least)


def test_what_happened_before_the_window_does_not_count() -> None:
    slowing = history_of(
        lambda day: 10 * day if day < 500 else 5_000 + (day - 500),
        since=AS_OF - timedelta(days=1_000),
        days=1_000,
    )
    assert pace_of(slowing) == Trend(Fraction(1), Fraction(1), Fraction(1))


def test_points_closer_than_the_reports_show_pauses_that_were_none() -> None:
    """A figure reported each quarter, whose reports are not said to be expected."""
    ends = [month_end_before(AS_OF, months=1 + 3 * back) for back in range(12)][::-1]
    steps = StepFunction(tuple(ends), tuple((end - ends[0]).days for end in ends))
    quarterly = TrendWindow(window_days=368, step_days=92, at_least=4)
    monthly_trend, quarterly_trend = (
        pace_of(History(steps, None, steps.days), window) for window in (WINDOW, quarterly)
    )
    assert quarterly_trend == Trend(Fraction(1), Fraction(1), Fraction(1))
    assert monthly_trend is not None
    assert monthly_trend.lower < 1 < monthly_trend.upper


@given(st.sets(st.integers(0, 1_500), min_size=8, max_size=40), st.integers(0, 400))
def test_the_points_of_expected_reports_are_at_their_own_days(days: set[int], silence: int) -> None:
    """A steady figure reported on any days shows its own pace on any day, and no pause between."""
    since = AS_OF - timedelta(days=1_500)
    reports = sorted(since + timedelta(days=day) for day in days)
    steps = StepFunction(tuple(reports), tuple(3 * (day - since).days for day in reports))
    history = History(steps, None, steps.days)
    window = TrendWindow(window_days=1_460, step_days=92, at_least=3)
    trend = observed_trend(history, window, AS_OF + timedelta(days=silence), carries_forward=False)
    assert trend in (None, Trend(Fraction(3), Fraction(3), Fraction(3)))


@pytest.mark.parametrize(("at_least", "expected"), [(5, STEADY), (6, None)])
def test_a_missing_report_leaves_the_trend_to_the_others(
    at_least: int, expected: Trend | None
) -> None:
    """The report before it is one point, not two."""
    ends = [month_end_before(AS_OF, months=1 + 3 * back) for back in range(6)][::-1]
    del ends[3]
    steps = StepFunction(tuple(ends), tuple((end - ends[0]).days for end in ends))
    window = TrendWindow(window_days=460, step_days=92, at_least=at_least)

    trend = observed_trend(History(steps, None, steps.days), window, AS_OF, carries_forward=False)

    assert trend == expected


@given(st.integers(0, 400), st.sampled_from([1, 7, 20]))
def test_steps_in_days_have_as_many_points_on_every_day_of_a_month(ago: int, step: int) -> None:
    last = AS_OF - timedelta(days=ago)
    days = tuple(last - timedelta(days=step * back) for back in range(40))[::-1]
    history = History(StepFunction(days, tuple(range(0, 80, 2))), None, days)
    window = TrendWindow(window_days=step * 5, step_days=step, at_least=6)
    trend = observed_trend(history, window, last, carries_forward=False)
    assert trend == Trend(*[Fraction(2, step)] * 3)
