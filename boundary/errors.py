"""The root of the errors whose message says what is wrong and what to do about it."""

from __future__ import annotations

__all__ = ["SmartRegionError"]


class SmartRegionError(Exception):
    """Raised for whoever runs a command or sends an event; never a programmer's error."""
