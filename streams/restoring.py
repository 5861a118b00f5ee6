"""The restoring of changelog records: by a worker's recovery, and by a changelog reader."""

from __future__ import annotations

import logging

from broker.stored_record import RawRecord
from events.registry import Family
from streams.changelog_tally import ChangelogTally
from streams.state_store import StateStore

__all__ = ["log_unreadable", "restore_record"]

logger = logging.getLogger(__name__)


def restore_record(
    state_store: StateStore, tally: ChangelogTally, family: Family, record: RawRecord
) -> Exception | None:
    """Add a record to its partition's tally and merge it; return why it is unreadable, or None."""
    key, value = record.key, record.value
    tally.read(record.offset, key, value, record.headers)
    return state_store.restore(family, record.partition, key, value, record.timestamp)


def log_unreadable(record: RawRecord, error: Exception) -> None:
    """Log where an unreadable record is, without its content."""
    logger.error(
        "unreadable state topic=%s partition=%d offset=%d error=%s",
        record.topic,
        record.partition,
        record.offset,
        type(error).__name__,
    )
