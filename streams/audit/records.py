"""A record as it lies in a topic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["RawRecord"]


class RawRecord(NamedTuple):
    """One record of an event topic, undecoded."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()
