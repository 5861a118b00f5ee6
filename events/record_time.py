"""The check of an event's time against the timestamp of its record.

The greater `time` wins, so an event of the year 2999 would replace every correction. The bound is
the broker's timestamp of the record, which is the same for every reader at any time.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from events.cloudevent import CloudEvent
from events.errors import ContractError, RefusalReason

__all__ = [
    "NO_TIMESTAMP",
    "TIME_TOLERANCE",
    "latest_time",
    "refuse_ahead",
    "time_ahead",
]

NO_TIMESTAMP: Final = -1
"""Kafka's value for a record without timestamp: its event's time has no bound."""
TIME_TOLERANCE: Final = timedelta(hours=1)
"""The default of how far a producer's clock may be ahead of the broker's."""

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


def refuse_ahead(event: CloudEvent, timestamp: int, tolerance: timedelta) -> None:
    """Check that an event's time is not ahead of its record's. Raises ContractError."""
    if (event.time - _EPOCH) // _MICROSECOND > latest_time(timestamp, tolerance):
        raise time_ahead(event, timestamp)
