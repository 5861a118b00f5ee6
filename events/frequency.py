"""Frequencies of events, updates and reports, with their longest interval."""

from __future__ import annotations

from enum import StrEnum


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
