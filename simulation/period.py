"""The simulated years: first and last day, quarters, months, working days."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from datetime import date, timedelta

FIRST_DAY = date(2016, 1, 1)
LAST_DAY = date(2020, 12, 31)

SATURDAY = 5


def quarter_ends(first: date, last: date) -> Iterator[date]:
    """Yield the last days of the quarters that end from `first` to `last`, both included."""
    for start in months(first, last):
        end = month_end(start)
        if end.month % 3 == 0 and first <= end <= last:
            yield end


def months(first: date, last: date) -> Iterator[date]:
    """Yield the first days of the months from that of `first` to that of `last`, both included."""
    month = first.replace(day=1)
    while month <= last:
        yield month
        month = month_end(month) + timedelta(days=1)


def month_end(day: date) -> date:
    """Return the last day of the month of `day`."""
    return day.replace(day=monthrange(day.year, day.month)[1])


def working_day(day: date) -> date:
    """Return the day itself, or the Monday after it where it falls on a weekend."""
    return day if day.weekday() < SATURDAY else day + timedelta(days=7 - day.weekday())
