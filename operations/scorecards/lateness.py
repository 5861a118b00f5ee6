"""How late a fact was recorded."""

from __future__ import annotations

from datetime import date, datetime

__all__ = ["lateness_days"]


def lateness_days(recorded: datetime, effective: date) -> int:
    """Return how many days after its effective day a fact was recorded (UTC); never negative.

    A fact may carry the day after its `time`: east of Greenwich that day has begun.
    """
    return max(recorded.toordinal() - effective.toordinal(), 0)
