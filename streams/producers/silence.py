"""The days without events after which a producer is reported as silent."""

from __future__ import annotations

from math import ceil
from typing import Final

from events.frequency import Frequency

#: A weekend and one working day: a daily producer is not reported on Monday.
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
