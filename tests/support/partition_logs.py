"""What a partition has, as the check for lost events reads it."""

from __future__ import annotations

from typing import Any

from events.last_record import LastRecord
from operations.losses.missing import PartitionLog

LAST = LastRecord(offset=41, timestamp=17, key=7)


def log_of(family: str = "schools", **fields: Any) -> PartitionLog:
    """Return a log from which nothing is missing, but for the fields that differ."""
    whole: dict[str, Any] = {"start": 0, "end": 50, "gaps": (), "last": LAST, "at_last": LAST}
    return PartitionLog(f"smartregion.{family}", 3, **whole | fields)
