"""The last merged record of a partition, by which its log is recognised."""

from __future__ import annotations

from typing import Self
from zlib import crc32

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt

from events.record_rules import NO_TIMESTAMP
from events.records import Record

_LARGEST_CRC = 2**32 - 1


class LastRecord(BaseModel):
    """A record's offset, timestamp and key, which differ for another record at the offset."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    offset: NonNegativeInt
    timestamp: int
    """The broker's timestamp, in milliseconds since 1970."""
    key: int = Field(ge=0, le=_LARGEST_CRC)
    """The CRC-32 of the key; 0 for none."""

    @classmethod
    def of(cls, record: Record) -> Self:
        """Return the identity of a record."""
        return cls(offset=record.offset, timestamp=record.timestamp, key=crc32(record.key or b""))

    @classmethod
    def before(cls, committed: int) -> Self:
        """Return a placeholder for the unknown record before a committed offset."""
        return cls(offset=committed - 1, timestamp=NO_TIMESTAMP, key=0)
