"""How often something is expected, and the longest silence that each promise allows."""

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
        """The longest span between two signs of life, in days; None where none is promised."""
        return _DAYS[self]


_DAYS: Final = {
    Frequency.DAILY: 1,
    Frequency.WEEKLY: 7,
    Frequency.MONTHLY: 31,
    Frequency.QUARTERLY: 92,
    Frequency.ANNUAL: 366,
    Frequency.IRREGULAR: None,
}
