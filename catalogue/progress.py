"""Progress towards a milestone: progress rate, projected day and status.

Values are exact (integers, decimals, fractions) until the last step. Everything is computed from
the facts known on `as_of` and nothing is latched: a target attained and lost again is no longer
achieved.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from math import ceil

from catalogue.model import Direction

Number = int | Decimal | Fraction


class MilestoneStatus(StrEnum):
    """The status of a milestone on a day."""

    ACHIEVED = "achieved"
    ON_TRACK = "on_track"
    AT_RISK = "at_risk"
    MISSED = "missed"
    UNREPORTED = "unreported"


def progress_rate(
    baseline: Number | None, current: Number | None, target: Number | None, direction: Direction
) -> float | None:
    """Return the progress rate (taux d’avancement), in percent from 0 to 100.

    `ta = 100 (va − vi) / (vc − vi)`, bounded to [0, 100]. Where the baseline is at the target or
    beyond it already, the rate is 100 while the target is held, else 0. None where a component is
    missing. This is the State's rule for its policy barometer (baromètre des résultats de l’action
    publique).
    """
    if baseline is None or current is None or target is None:
        return None
    if is_attained(baseline, target, direction):
        return 100.0 if is_attained(current, target, direction) else 0.0
    start = Fraction(baseline)
    rate = 100 * (Fraction(current) - start) / (Fraction(target) - start)
    return float(min(max(rate, Fraction(0)), Fraction(100)))


def is_attained(value: Number, target: Number, direction: Direction) -> bool:
    """Return True for a value at the target or beyond it, in the given direction."""
    return value >= target if direction is Direction.RISING else value <= target


def projected_day(
    *,
    baseline: Number | None,
    baseline_day: date | None,
    current: Number | None,
    as_of: date,
    target: Number | None,
    direction: Direction,
) -> date | None:
    """Return the first day on which the target is reached if the mean pace so far continues.

    The pace is that of the straight line from (baseline day, baseline) to (as_of, current): up to
    the baseline's day there is none. None where a component is missing, where the target is already
    attained, without progress, and where the day is beyond the calendar.
    """
    if baseline is None or baseline_day is None or current is None or target is None:
        return None
    elapsed = (as_of - baseline_day).days
    gained = Fraction(current) - Fraction(baseline)
    left = Fraction(target) - Fraction(current)
    if direction is Direction.FALLING:
        gained, left = -gained, -left
    if elapsed <= 0 or gained <= 0 or left <= 0:
        return None
    days = ceil(left / gained * elapsed)
    return as_of + timedelta(days=days) if days <= (date.max - as_of).days else None


def is_stale(
    last_reported: date | None, *, day: date | None, reporting_delay_days: int | None, as_of: date
) -> bool:
    """Return True where the last report is too old to judge a milestone.

    Reports are needed up to the milestone's day (`day`, None: without end). `reporting_delay_days`
    is periodicity + availability delay + grace, or None where no report is expected: any report is
    then recent enough. Without a report the figure is stale.
    """
    if last_reported is None:
        return True
    if reporting_delay_days is None:
        return False
    needed = as_of if day is None else min(as_of, day)
    return last_reported < needed - timedelta(days=reporting_delay_days)


def milestone_status(
    *,
    value: Number | None,
    target: Number | None,
    day: date | None,
    direction: Direction,
    stale: bool,
    projected: date | None,
    as_of: date,
) -> MilestoneStatus | None:
    """Return the status of a milestone on a day; None without a target.

    In this order: unreported (no value, or a stale one), achieved, missed (its day has passed), at
    risk (projected after its day, or no pace to project), on track. `as_of` is the milestone's day
    at most while the figure of that day is awaited.
    """
    if target is None:
        return None
    if value is None or stale:
        return MilestoneStatus.UNREPORTED
    if is_attained(value, target, direction):
        return MilestoneStatus.ACHIEVED
    if day is not None and as_of > day:
        return MilestoneStatus.MISSED
    if projected is None or (day is not None and projected > day):
        return MilestoneStatus.AT_RISK
    return MilestoneStatus.ON_TRACK
