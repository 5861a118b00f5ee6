"""The restoring of changelog records: by a worker's recovery, and by a changelog reader."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from broker.stored_record import RawRecord
from events.fact import Family
from streams.changelog_tally import ChangelogTally
from streams.state_store import StateStore

logger = logging.getLogger(__name__)

#: The changelog records that are restored together; a worker's other tasks run in between.
RESTORE_STEP: Final = 500


def restore_records(
    state_store: StateStore,
    tally: ChangelogTally,
    family: Family,
    partition: int,
    records: Sequence[RawRecord],
) -> list[tuple[RawRecord, Exception]]:
    """Tally and merge a partition's records; return the unreadable ones, and why."""
    tally.read_all(records)
    return state_store.restore_all(family, partition, records)


def log_unreadable(record: RawRecord, error: Exception) -> None:
    """Log where an unreadable record is, without its content."""
    logger.error(
        "unreadable state topic=%s partition=%d offset=%d error=%s",
        record.topic,
        record.partition,
        record.offset,
        type(error).__name__,
    )
