"""The longest time that settings and options take; apart from both, as `--help` imports it."""

from __future__ import annotations

from typing import Final

LONGEST_SECONDS: Final = 2_000_000.0
"""Three weeks: in milliseconds it fits into the 32 bits that Kafka has for a time."""
