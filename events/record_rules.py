"""The rules for accepting a record's event, the same for every reader at any time.

A worker, an audit, an export and a report on producers return the same figures only if they accept
the same events. So a rule depends on an event and its record only, and on no earlier record.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from events.cloudevent import CloudEvent, decode
from events.fact import Family
from events.producers.ownership import UNOWNED, Ownership
from events.record_time import TIME_TOLERANCE, refuse_ahead
from events.records import Record

__all__ = ["RULES", "RecordRules"]


@dataclass(frozen=True, slots=True)
class RecordRules:
    """The rules of a monitor's settings and declarations."""

    tolerance: timedelta = TIME_TOLERANCE
    """The maximum of an event's time minus its record's timestamp."""
    ownership: Ownership = UNOWNED
    """The sources that own facts."""

    def decode(self, record: Record, *, family: Family | None = None) -> CloudEvent:
        """Return the event of a record of a family's topic. Raises ContractError only."""
        event = decode(record.headers, record.value, family=family)
        self.judge(event, record.timestamp)
        return event

    def judge(self, event: CloudEvent, timestamp: int) -> None:
        """Check an event of a record with a timestamp (Kafka's, in ms). Raises ContractError."""
        refuse_ahead(event, timestamp, self.tolerance)
        self.ownership.judge(event)


RULES: Final = RecordRules()
"""The default rules: the default tolerance, and no ownership."""
