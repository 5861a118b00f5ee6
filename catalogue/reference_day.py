"""The day that a projection starts from: it moves with facts or a month's end, not with today."""

from __future__ import annotations

from datetime import date, timedelta

__all__ = ["month_end", "month_end_before", "reference_day"]


def reference_day(last_change: date | None, as_of: date, *, stands_still: bool) -> date | None:
    """Give the day up to which a figure is known to have gone its way.

    Where no fact means that nothing happened (`stands_still`), that is the end of the month before
    that of `as_of`, or the last change where that is later. Otherwise nobody knows what
    came after the last change. None where nothing has changed yet.
    """
    if last_change is None or not stands_still:
        return last_change
    return max(last_change, month_end_before(as_of))


def month_end(day: date) -> date:
    """Give the last day of a day's month."""
    return month_end_before(day, months=0)


def month_end_before(day: date, *, months: int = 1) -> date:
    """Give the last day of the month that is so many months before a day's own.

    Months before the calendar's first end on its first day.
    """
    month = day.year * 12 + day.month - months  # That of the day after, counted from year 0.
    if month < date.min.year * 12 + 1:
        return date.min
    return date(month // 12, month % 12 + 1, 1) - timedelta(days=1)
