"""The reference day of a projection: it changes with facts or at a month's end, not each day."""

from __future__ import annotations

from datetime import date, timedelta


def reference_day(last_change: date | None, as_of: date, *, carries_forward: bool) -> date | None:
    """Return the day up to which a figure is known.

    If a value holds until the next fact (`carries_forward`), it is the end of the month before
    `as_of`, or the last change if that is later. Otherwise it is the last change. None if nothing
    has changed yet.
    """
    if last_change is None or not carries_forward:
        return last_change
    return max(last_change, month_end_before(as_of))


def month_end(day: date) -> date:
    """Return the last day of a day's month."""
    return month_end_before(day, months=0)


def month_end_before(day: date, *, months: int = 1) -> date:
    """Return the last day of the month that is `months` before a day's month.

    It is the calendar's first day for earlier months.
    """
    month = day.year * 12 + day.month - months  # That of the day after, counted from year 0.
    if month < date.min.year * 12 + 1:
        return date.min
    return date(month // 12, month % 12 + 1, 1) - timedelta(days=1)
