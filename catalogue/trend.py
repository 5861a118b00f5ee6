"""The robust trend of a figure's history, and the projected day of a target."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from itertools import combinations, pairwise
from math import lcm
from typing import Final

from catalogue.history import History
from catalogue.model import Direction, TrendWindow
from catalogue.progress import Number, is_attained
from catalogue.reference_day import month_end_before, reference_day

FORESEEN_DAYS: Final = 3652
"""How far ahead a pace is extended, ten years; what it reaches later is out of reach."""


@dataclass(frozen=True, slots=True)
class Trend:
    """A pace per day, with the interquartile range of the observed paces."""

    slope: Fraction
    lower: Fraction
    upper: Fraction


@dataclass(frozen=True, slots=True)
class Projection:
    """The projected day of a target, by the trend and by the faster and the slower pace.

    `latest` is None where the target is out of reach at the slower pace.
    """

    day: date
    earliest: date
    latest: date | None


def theil_sen(points: Sequence[tuple[int, Fraction]]) -> Trend | None:
    """Return the Theil–Sen trend of (day, value) points; None for fewer than two distinct days.

    The slope is the median of the slopes of all pairs of points (H. Theil, “A rank-invariant method
    of linear and polynomial regression analysis”, 1950; P. K. Sen, “Estimates of the regression
    coefficient based on Kendall’s tau”, 1968). Its breakdown point is 29 %; that of least squares
    is 0. `lower` and `upper` are the interpolated first and third quartiles of the same slopes:
    they measure how steady the pace is. They are not a confidence interval, since the points of
    one history are not independent.
    """
    # In integers, which are exact and fast: all values, then all slopes, over one denominator.
    scale = lcm(*(value.denominator for _, value in points))
    heights = sorted((day, value.numerator * (scale // value.denominator)) for day, value in points)
    pairs = [
        (later - day, higher - height)
        for (day, height), (later, higher) in combinations(heights, 2)
        if later != day
    ]
    if not pairs:
        return None
    common = lcm(*(run for run, _ in pairs))
    slopes = sorted(rise * (common // run) for run, rise in pairs)
    lower, middle, upper = (
        Fraction(_quartile_times_four(slopes, quarters), 4 * scale * common)
        for quarters in (1, 2, 3)
    )
    return Trend(middle, lower, upper)


def observed_trend(
    history: History, window: TrendWindow, as_of: date, *, carries_forward: bool
) -> Trend | None:
    """Return the trend of a figure over the window that ends with its reference day.

    Where the absence of facts means no change (`carries_forward`), the points are values at months'
    ends. Otherwise a point is the value of the last change since the previous point: the value
    between two reports is not known. Steps below 28 days count days, others whole months.
    None where fewer than `at_least` points have a value.
    """
    last = reference_of(history, as_of, carries_forward=carries_forward)
    if last is None:
        return None
    key = window, last, carries_forward
    if key not in history.trends:
        points = list(_points(history, window, last, carries_forward=carries_forward))
        history.trends[key] = theil_sen(points) if len(points) >= window.at_least else None
    return history.trends[key]


def reference_of(history: History, as_of: date, *, carries_forward: bool) -> date | None:
    """Return the day from which a trend is extended; see `catalogue.reference_day`."""
    until = month_end_before(as_of) if carries_forward else as_of
    return reference_day(history.last_change(until), as_of, carries_forward=carries_forward)


def project(
    trend: Trend | None,
    *,
    value: Number,
    target: Number,
    direction: Direction,
    as_of: date,
    deadline: date | None = None,
) -> Projection | None:
    """Return the day on which the target is reached if the trend continues from a day's value.

    `as_of + (target − value) / slope`, rounded up to a whole day. None where the target is already
    attained, where the trend does not reach it, and where the day is out of reach: more than
    `FORESEEN_DAYS` after `as_of`, and after the deadline.
    """
    if trend is None or is_attained(value, target, direction):
        return None
    left = Fraction(target) - Fraction(value)
    slow, fast = trend.lower, trend.upper
    if direction is Direction.FALLING:
        slow, fast = fast, slow
    ahead = FORESEEN_DAYS if deadline is None else max(FORESEEN_DAYS, (deadline - as_of).days)
    last = as_of + timedelta(days=min(ahead, (date.max - as_of).days))
    day, earliest = (_reached(left, pace, as_of, last) for pace in (trend.slope, fast))
    if day is None or earliest is None:
        return None
    return Projection(day, earliest, _reached(left, slow, as_of, last))


def _points(
    history: History, window: TrendWindow, last: date, *, carries_forward: bool
) -> Iterator[tuple[int, Fraction]]:
    # Steps in days go back from the last report: before it the rest of its month has none.
    ends = [_before(last, window, steps) for steps in range(window.points + 1)]
    for end, before in pairwise(ends):
        day = end if carries_forward else history.last_change(min(end, last))
        if day is None or day <= before:
            continue
        value = history.value(day)
        if value is not None:
            yield day.toordinal(), value


def _before(end: date, window: TrendWindow, steps: int) -> date:
    if window.step_months:
        return month_end_before(end, months=steps * window.step_months)
    days = min(steps * window.step_days, (end - date.min).days)
    return end - timedelta(days=days)


def _quartile_times_four(ascending: Sequence[int], quarters: int) -> int:
    """Return four times a quartile, an integer, interpolated between the two nearest ranks."""
    index, beyond = divmod((len(ascending) - 1) * quarters, 4)
    following = ascending[min(index + 1, len(ascending) - 1)]
    return ascending[index] * (4 - beyond) + following * beyond


def _reached(left: Fraction, slope: Fraction, as_of: date, last: date) -> date | None:
    """Return the day on which a difference reaches 0; None for never, or after the last day."""
    # In integers, which is several times as fast.
    rise, run = left.numerator * slope.denominator, left.denominator * slope.numerator
    if rise * run <= 0:
        return None
    days = -(-rise // run)  # Rounded up.
    return as_of + timedelta(days=days) if days <= (last - as_of).days else None
