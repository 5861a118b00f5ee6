"""Where a board's axis of time begins, as Grafana reads it."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

_UNIT: Final = "[smhdwMQy]"
_FROM_NOW: Final = re.compile(rf"now(?:[+-][0-9]{{0,9}}{_UNIT}|/f?{_UNIT})*")
_MOMENT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{3})?)?Z?)?"
)
_MILLISECONDS: Final = re.compile("[0-9]{11,13}")
"""From 1973 on: fewer digits are more likely a year or seconds."""


def axis_start(text: str) -> str:
    """Return a text that Grafana reads as a time.

    A time from now (`now-30m`, `now/y`), a day, a moment or milliseconds since 1970. Raises
    ValueError where it is none: Grafana would show a board without data.
    """
    if _FROM_NOW.fullmatch(text) or _MILLISECONDS.fullmatch(text):
        return text
    if _MOMENT.fullmatch(text):
        datetime.fromisoformat(text)
        return text
    raise ValueError(text)
