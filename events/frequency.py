"""Frequencies of events, updates and reports, with their longest interval and silence."""

from __future__ import annotations

from enum import StrEnum
from math import ceil
from typing import Final

#: A weekend and one working day: a daily producer must not be reported on Monday.
_LEAST_TOLERANCE_DAYS: Final = 3
_TOLERANCE: Final = 0.25


def allowed_silence_days(frequency: Frequency) -> int | None:
    """Return the days of silence that a declared frequency allows; None without a frequency.

    The longest interval of the frequency, plus a quarter of it (at least three days):
    4 days for daily, 10 for weekly, 39 for monthly, 115 for quarterly, 458 for annual.
    """
    days = frequency.days
    if days is None:
        return None
    return days + max(_LEAST_TOLERANCE_DAYS, ceil(days * _TOLERANCE))


class Frequency(StrEnum):
    """How often something is promised: a producer's events, a dataset's updates, a report."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    ANNUAL = "annual"
    IRREGULAR = "irregular"

    @property
    def days(self) -> int | None:
        """The longest interval in days; None for an irregular frequency."""
        return {
            self.DAILY: 1,
            self.WEEKLY: 7,
            self.MONTHLY: 31,
            self.QUARTERLY: 92,
            self.ANNUAL: 366,
            self.IRREGULAR: None,
        }[self]

    @property
    def reminder_days(self) -> int | None:
        """How many days before a report is due its producer is reminded; None for never.

        Shorter than the interval, so that no report is followed by a reminder at once. Daily is
        too short for one: ProducerSilent reports who stops. Irregular reports are never due.
        """
        return {
            self.DAILY: None,
            self.WEEKLY: 2,
            self.MONTHLY: 7,
            self.QUARTERLY: 15,
            self.ANNUAL: 30,
            self.IRREGULAR: None,
        }[self]
