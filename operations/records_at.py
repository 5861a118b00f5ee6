"""Records at known offsets, read from their topics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from time import monotonic

from kafka import TopicPartition

from broker.errors import TopicsStalledError
from broker.reading import WAIT_SECONDS, open_reader
from broker.security import BrokerSecurity
from broker.stored_record import RawRecord
from events.offset_runs import OffsetRuns


def records_at(
    bootstrap: str,
    offsets: Mapping[TopicPartition, OffsetRuns],
    *,
    security: BrokerSecurity,
    wait_seconds: float = WAIT_SECONDS,
) -> Iterator[RawRecord]:
    """Yield the records at some offsets, in each partition's order, without those that are gone.

    `wait_seconds` bounds each wait for the broker. Raises PositionsOutdatedError if a partition
    ends before its first offset, TopicsStalledError if the broker returns nothing, which does not
    show that a record is gone, and as `open_reader`.
    """
    if not offsets:
        return
    waiting = {at: runs.runs[-1][1] for at, runs in offsets.items()}
    with open_reader(
        bootstrap,
        list(offsets),
        security=security,
        wait_seconds=wait_seconds,
        positions={at: runs.runs[0][0] for at, runs in offsets.items()},
    ) as reader:
        give_up_at = monotonic() + wait_seconds
        while waiting and not reader.caught_up:
            records = reader.poll()
            for record in records:
                at = TopicPartition(record.topic, record.partition)
                # What lies between them is of the same batch, and quicker read than sought.
                if record.offset in offsets[at]:
                    yield record
                if record.offset >= waiting.get(at, record.offset + 1):
                    del waiting[at]
            if records:
                give_up_at = monotonic() + wait_seconds
            elif monotonic() > give_up_at:
                left = {f"{at.topic}[{at.partition}]": None for at in sorted(waiting)}
                raise TopicsStalledError(bootstrap, left, waited_seconds=wait_seconds)
