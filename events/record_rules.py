"""The rules for accepting a record's event, the same for every reader at any time.

A worker, an audit, an export and a report on producers return the same figures only if they accept
the same events. So a rule depends on an event and its record only, and on no earlier record.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Final

from pydantic import Field

from events.cloudevent import CloudEvent, decode
from events.errors import ContractError, RefusalReason
from events.fact import Family
from events.producers.ownership import UNOWNED, Ownership
from events.records import Record

__all__ = [
    "LONGEST_TOLERANCE",
    "NO_TIMESTAMP",
    "RULES",
    "TIME_TOLERANCE",
    "RecordRules",
    "ToleranceSeconds",
    "latest_time",
    "time_ahead",
]

NO_TIMESTAMP: Final = -1
"""Kafka's value for a record without timestamp: its event's time has no bound."""
TIME_TOLERANCE: Final = timedelta(hours=1)
"""The default of how far a producer's clock may be ahead of the broker's."""
LONGEST_TOLERANCE: Final = timedelta(days=date.max.toordinal())
"""No time is further ahead."""
ToleranceSeconds = Annotated[float, Field(ge=0, le=LONGEST_TOLERANCE.total_seconds())]
"""A tolerance as a setting."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_END_OF_TIME: Final = 2**63 - 1


def latest_time(timestamp: int, tolerance: timedelta) -> int:
    """Return the latest `time` for a record's timestamp, in microseconds since 1970.

    `timestamp` is Kafka's, in milliseconds.
    """
    if timestamp < 0:
        return _END_OF_TIME
    return timestamp * 1000 + tolerance // _MICROSECOND


def time_ahead(event: CloudEvent, timestamp: int) -> ContractError:
    """Return the error of an event whose time is too far ahead of its record's timestamp."""
    written = _EPOCH + timedelta(milliseconds=timestamp)
    return ContractError(
        RefusalReason.TIME_AHEAD,
        "time",
        event.time.isoformat(),
        f"send when the fact was recorded; the broker had it at {written:%Y-%m-%dT%H:%M:%SZ}",
        problem="is later than the broker's clock",
    )


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
        # The greater `time` wins: an event of the year 2999 would replace every correction. The
        # broker's timestamp of the record is the same for every reader at any time.
        if (event.time - _EPOCH) // _MICROSECOND > latest_time(timestamp, self.tolerance):
            raise time_ahead(event, timestamp)
        self.ownership.judge(event)


RULES: Final = RecordRules()
"""The default rules: the default tolerance, and no ownership."""
