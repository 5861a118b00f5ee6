"""A record as it is stored in a topic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from events.record_rules import NO_TIMESTAMP


class RawRecord(NamedTuple):
    """One record of a topic, undecoded."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()
    timestamp: int = NO_TIMESTAMP
    """In milliseconds since 1970."""
