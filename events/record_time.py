"""The time of an event against that of its record: nobody records what has yet to happen.

The greater `time` wins, so one in the year 2999 would beat every correction. Its bound is the
broker's own time of the record, which stays what it is whenever, and by whom, the record is read.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from events.errors import ContractError, RefusalReason

if TYPE_CHECKING:
    from events.cloudevent import CloudEvent

__all__ = [
    "NO_TIMESTAMP",
    "TIME_TOLERANCE",
    "latest_time",
    "refuse_ahead",
    "time_ahead",
]

NO_TIMESTAMP: Final = -1
"""Kafka's word for a record that has none: nothing bounds its event's time."""
TIME_TOLERANCE: Final = timedelta(hours=1)
"""How far a producer's clock may be ahead of the broker's, unless a setting says otherwise."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_END_OF_TIME: Final = 2**63 - 1


def latest_time(timestamp: int, tolerance: timedelta) -> int:
    """The latest `time`, in microseconds since 1970, that a record of a timestamp may tell.

    `timestamp` is Kafka's, in milliseconds.
    """
    if timestamp < 0:
        return _END_OF_TIME
    return timestamp * 1000 + tolerance // _MICROSECOND


def time_ahead(event: CloudEvent, timestamp: int) -> ContractError:
    """The refusal of an event whose time is too far beyond its record's timestamp."""
    written = _EPOCH + timedelta(milliseconds=timestamp)
    return ContractError(
        RefusalReason.TIME_AHEAD,
        "time",
        event.time.isoformat(),
        f"send when the fact was recorded; the broker had it at {written:%Y-%m-%dT%H:%M:%SZ}",
        problem="is later than the broker's clock",
    )


def refuse_ahead(event: CloudEvent, timestamp: int, tolerance: timedelta) -> None:
    """Let an event pass whose time is not beyond its record's. Raises ContractError."""
    if (event.time - _EPOCH) // _MICROSECOND > latest_time(timestamp, tolerance):
        raise time_ahead(event, timestamp)
