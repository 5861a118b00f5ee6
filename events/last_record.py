"""The last record of a partition that was merged: by it a log is known again."""

from __future__ import annotations

from typing import Self
from zlib import crc32

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt

from events.record_rules import NO_TIMESTAMP
from events.records import Record

_LARGEST_CRC = 2**32 - 1


class LastRecord(BaseModel):
    """A record's offset, timestamp and key: another record at the offset has others."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    offset: NonNegativeInt
    timestamp: int
    """The broker's, in milliseconds since 1970."""
    key: int = Field(ge=0, le=_LARGEST_CRC)
    """The CRC-32 of the key; 0 for none."""

    @classmethod
    def of(cls, record: Record) -> Self:
        """Return what identifies a record."""
        return cls(offset=record.offset, timestamp=record.timestamp, key=crc32(record.key or b""))

    @classmethod
    def before(cls, committed: int) -> Self:
        """Return what stands for the record before a committed offset of which no more is known."""
        return cls(offset=committed - 1, timestamp=NO_TIMESTAMP, key=0)
