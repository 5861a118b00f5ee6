"""A simulated record: one line that a producing system sends on a simulated day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from events.fact import Family

__all__ = ["RecordKind", "SimulatedRecord"]


class RecordKind(StrEnum):
    """What is particular about a record."""

    REGULAR = "regular"
    LATE = "late"
    """Recorded weeks after the usual day."""
    DELAYED = "delayed"
    """Recorded in time, sent days later, some after the record that corrects it."""
    CORRECTION = "correction"
    """Same entity, fact and effective day as an earlier record, recorded later."""
    RETRACTION = "retraction"
    """Takes back an earlier record."""
    DUPLICATE = "duplicate"
    """The same bytes a second time: same source, same id."""
    INVALID = "invalid"
    """Breaks the contract; to be refused."""


@dataclass(frozen=True, slots=True)
class SimulatedRecord:
    """One record as it leaves its producing system.

    `line` is the CloudEvent as one line of JSON, without a line end (an invalid record's line may
    be anything); `key` is the Kafka record's key, the entity's id; `family` tells the topic.
    """

    sent: datetime
    family: Family
    kind: RecordKind
    key: str
    line: str

    @property
    def day(self) -> date:
        """The simulated day of emission (UTC)."""
        return self.sent.date()
