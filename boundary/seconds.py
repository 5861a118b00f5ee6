"""The longest time in settings and options; in its own module, since `--help` imports it."""

from __future__ import annotations

from typing import Final

LONGEST_SECONDS: Final = 2_000_000.0
"""Three weeks: in milliseconds, it fits into Kafka's 32 bits for a time."""
