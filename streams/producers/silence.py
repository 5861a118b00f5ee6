"""How long a producer may be silent before somebody should ask it."""

from __future__ import annotations

from math import ceil
from typing import Final

from events.frequency import Frequency

__all__ = ["allowed_silence_days"]

#: A weekend and a day of works: who sends each day need not be asked on Monday.
_LEAST_TOLERANCE_DAYS: Final = 3
_TOLERANCE: Final = 0.25


def allowed_silence_days(frequency: Frequency) -> int | None:
    """Return the days of silence that a promised frequency allows; None where none is promised.

    The longest interval that the promise itself has, and a quarter of it (at least three days):
    4 days for daily, 10 for weekly, 39 for monthly, 115 for quarterly, 458 for annual.
    """
    days = frequency.days
    if days is None:
        return None
    return days + max(_LEAST_TOLERANCE_DAYS, ceil(days * _TOLERANCE))
