"""Frequencies of events, updates and reports, with their longest interval."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

__all__ = ["Frequency"]


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
        return _DAYS[self]


_DAYS: Final = {
    Frequency.DAILY: 1,
    Frequency.WEEKLY: 7,
    Frequency.MONTHLY: 31,
    Frequency.QUARTERLY: 92,
    Frequency.ANNUAL: 366,
    Frequency.IRREGULAR: None,
}
