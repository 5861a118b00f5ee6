"""The simulated years, their quarters, months and working days; quantities that change in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from math import ceil

from catalogue.reference_day import month_end

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


def working_day(day: date) -> date:
    """Return the day itself, or the Monday after it where it falls on a weekend."""
    return day if day.weekday() < SATURDAY else day + timedelta(days=7 - day.weekday())


SCHOOL_YEAR_2012 = date(2012, 9, 1)


@dataclass(frozen=True, slots=True)
class Curve:
    """Straight lines between dated points, flat before the first and after the last."""

    points: tuple[tuple[date, float], ...]

    @classmethod
    def yearly(cls, *values: float) -> Curve:
        """Return a curve from 0 in September 2012 through a value each end of November since 2015.

        November, so that a year's value is also recorded before the year ends.
        """
        ends = ((date(2015 + years, 11, 30), value) for years, value in enumerate(values))
        return cls(((SCHOOL_YEAR_2012, 0.0), *ends))

    def on(self, day: date) -> float:
        """Return the value on a day."""
        if day <= self.points[0][0]:
            return self.points[0][1]
        for (since, low), (until, high) in pairwise(self.points):
            if day <= until:
                return low + (high - low) * ((day - since).days / (until - since).days)
        return self.points[-1][1]

    def day_reaching(self, value: float) -> date | None:
        """Return the first day on which a rising curve is at least `value`; None if it never is."""
        if value <= self.points[0][1]:
            return self.points[0][0]
        for (since, low), (until, high) in pairwise(self.points):
            if low < value <= high:
                return since + timedelta(
                    days=ceil((value - low) / (high - low) * (until - since).days)
                )
        return None
