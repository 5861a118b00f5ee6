"""Which partition an entity lives on: the rule of Java's default partitioner."""

from __future__ import annotations

from functools import lru_cache

from kafka.partitioner import murmur2

__all__ = ["partition_for"]


@lru_cache(maxsize=65_536)  # murmur2 in Python takes microseconds, and entities come back.
def partition_for(key: bytes, partitions: int) -> int:
    """The partition of a key, from 0 to `partitions` - 1: murmur2, sign bit cleared, modulo."""
    hashed: int = murmur2(key)
    return (hashed & 0x7FFFFFFF) % partitions
