"""The base class of errors whose message names the problem and the remedy."""

from __future__ import annotations


class SmartRegionError(Exception):
    """An error that a user, an operator or a producer can act on; never a programmer's error."""
