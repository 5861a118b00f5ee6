"""The rules by which a record's event is taken: the same for all who read it, whenever they do.

A worker, an audit, an export and a report on producers come to the same figures only where they
take the same events. So a rule knows an event and its record, and nothing that was read before.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from events.cloudevent import CloudEvent, decode
from events.producers.ownership import UNOWNED, Ownership
from events.record_time import TIME_TOLERANCE, refuse_ahead

if TYPE_CHECKING:
    from events.fact import Family
    from events.records import Record

__all__ = ["RULES", "RecordRules"]


@dataclass(frozen=True, slots=True)
class RecordRules:
    """What a monitor's settings and declarations say of records."""

    tolerance: timedelta = TIME_TOLERANCE
    """How far an event's time may be beyond its record's."""
    ownership: Ownership = UNOWNED
    """Whose word counts."""

    def decode(self, record: Record, *, family: Family | None = None) -> CloudEvent:
        """The event that a record of a family's topic holds.

        Raises ContractError, and nothing else, whatever the record holds.
        """
        event = decode(record.headers, record.value, family=family)
        self.judge(event, record.timestamp)
        return event

    def judge(self, event: CloudEvent, timestamp: int) -> None:
        """Let an event pass that may be taken of a record with a timestamp (Kafka's, in ms).

        Raises ContractError.
        """
        refuse_ahead(event, timestamp, self.tolerance)
        self.ownership.judge(event)


RULES: Final = RecordRules()
"""Where nothing is set, and nobody owns anything."""
