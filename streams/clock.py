"""Clocks: the current day of every figure, rule and test.

Only a `Clock` reads the machine's time, so that a replay of 2016 to 2020 takes minutes and tests do
not wait.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol


class Clock(Protocol):
    """A source of the current time."""

    def now(self) -> datetime:
        """Return the current time, aware, in UTC."""
        ...

    def today(self) -> date:
        """Return the current day in UTC: the `as_of` of every figure."""
        return self.now().date()


@dataclass(frozen=True)
class SystemClock(Clock):
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the machine's time in UTC."""
        return datetime.now(UTC)


@dataclass(frozen=True)
class FixedClock(Clock):
    """A clock fixed on one day, for tests and for audits of the past."""

    day: date

    def now(self) -> datetime:
        """Return the last second of the day, so that every record of that day counts."""
        return datetime.combine(self.day, time(23, 59, 59), UTC)


@dataclass(frozen=True)
class AcceleratedClock(Clock):
    """A clock that runs `days_per_second` from `start`, and stops at `until`.

    `origin` is the real time of `start`: processes with the same origin agree on the time.
    """

    origin: datetime
    start: date
    days_per_second: float
    until: date
    real: Clock = SystemClock()

    def now(self) -> datetime:
        """Return the accelerated time, never past the last second of `until`."""
        elapsed = max((self.real.now() - self.origin).total_seconds(), 0.0)
        began = datetime.combine(self.start, time(), UTC)
        ends = datetime.combine(self.until, time(23, 59, 59), UTC)
        days_left = (ends - began) / timedelta(days=1)
        return began + timedelta(days=min(elapsed * self.days_per_second, days_left))


def parse_clock(text: str, *, real: Clock | None = None) -> Clock:
    """Return the clock that a setting describes.

    Three forms: `system`; a day, `2019-06-30`; or a run, `2016-01-01..2020-12-31@20` for twenty
    days a second from now on, or from an instant with `@20+2026-01-01T00:00:00Z`.

    Raises ValueError, with the remedy, for anything else.
    """
    real = real or SystemClock()
    if text == "system":
        return real
    span, at, pace = text.partition("@")
    first, dots, last = span.partition("..")
    try:
        if not dots and not at:
            return FixedClock(date.fromisoformat(first))
        speed, plus, began = pace.partition("+")
        clock = AcceleratedClock(
            origin=datetime.fromisoformat(began) if plus else real.now(),
            start=date.fromisoformat(first),
            days_per_second=float(speed),
            until=date.fromisoformat(last),
            real=real,
        )
    except ValueError as error:
        message = (
            f"{text!r} is no clock: write 'system', a day such as '2019-06-30', "
            "or a run such as '2016-01-01..2020-12-31@20' (days per second)"
        )
        raise ValueError(message) from error
    runs = 0 < clock.days_per_second < math.inf
    if clock.until < clock.start or not runs or clock.origin.tzinfo is None:
        message = (
            f"{text!r} is no clock: the run must end on or after its first day, "
            "at some days per second, more than 0, and its origin must name a time zone"
        )
        raise ValueError(message)
    return clock
