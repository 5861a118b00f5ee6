"""The rewriting of partitions without some records.

The other records are copied to the end of their partition, then all before that end is deleted.
Events are merged idempotently, so a copy changes no state: if this is interrupted, the topic still
has every other record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from kafka import TopicPartition
from kafka.admin import AlterConfigOp, OffsetSpec

from broker.clients import administering
from broker.offsets import partition_offsets
from broker.reading import NO_POSITIONS, Positions, read_topics
from broker.topic_admin import alter_settings, wait_for_settings
from broker.writing import RecordWriter
from events.record_rules import RECORDED_AT
from events.records import CutPart, OutgoingRecord, Record, UnreadableValue
from streams.decisions import AcceptedLoss, loss_record
from streams.settings import Settings

NOBODY: Final = b"-"
"""The key of a record that ends a file: no entity has it."""
CHUNK: Final = 2_000
CHUNK_BYTES: Final = 16 * 1024 * 1024
"""About so much of values is in memory: a record may have a megabyte."""
LARGEST_COPY_BYTES: Final = 1_000_000
"""Of a record, with its headers: the broker takes little more. A producer that compresses gets more
past it, and what is sent here is not compressed. Events are much smaller."""
_PER_HEADER_BYTES: Final = 10  # Two lengths, of five bytes at most.
_ROLL_SOON: Final = {"segment.ms": "1"}


def rewrite(
    settings: Settings,
    writer: RecordWriter,
    topic: str,
    partitions: Iterable[int],
    *,
    without: Callable[[Record], bool],
    wait: Callable[[], None],
) -> int:
    """Rewrite partitions without some records; return how many records were copied.

    What cannot be copied is gone as well: see `can_be_copied`. `wait` returns once the workers have
    processed what is on the topic: of a partition of which nothing stays they get no later record.
    Requires the rights to alter the topic's settings and to delete its records. Raises as
    `administering`, `read_topics` and `RecordWriter.send`, and what `wait` raises.
    """
    rewritten = [TopicPartition(topic, partition) for partition in partitions]
    if not rewritten:
        return 0
    with administering(settings.broker, what="topics", security=settings.security()) as admin:
        with rolling_segments(admin, topic):
            # Segments are deleted whole: what is erased must not share one with what stays.
            first: dict[TopicPartition, Record] = {}
            for record in _staying(settings, topic, without):
                first.setdefault(TopicPartition(record.topic, record.partition), record)
            writer.send([_copy(first[one]) if one in first else _mark(one) for one in rewritten])
        if not first.keys() >= {*rewritten}:
            wait()
        # A record behind an open transaction cannot be read yet, so it must not be deleted.
        ends = partition_offsets(
            admin, rewritten, OffsetSpec.LATEST, isolation_level="read_committed"
        )
        copied = 0
        # What lies before them is deleted then: a new leader may report a lower end for a moment.
        staying = _staying(settings, topic, without, known_ends=ends)
        until = {one.partition: end for one, end in ends.items()}
        # The copies of these records are beyond the end.
        kept = (record for record in staying if record.offset < until.get(record.partition, 0))
        for chunk in _chunks(kept):
            writer.send(list(map(_copy, chunk)))
            copied += len(chunk)
        # The workers then read what is left, and do not take the rest for lost.
        writer.send([_acceptance(one, end, settings) for one, end in ends.items()])
        admin.delete_records(ends)
    return copied


def can_be_copied(record: Record) -> bool:
    """Return whether the broker takes a copy of a record; what it does not take is no event.

    No reader accepts a record that is larger than an event, or that cannot be read from its batch.
    """
    if isinstance(record.value, UnreadableValue | CutPart) or isinstance(record.key, CutPart):
        return False
    headers = record.headers or ()
    size = sum(len(name.encode()) + len(content or b"") for name, content in headers)
    size += len(record.key or b"") + len(record.value or b"")
    size += _PER_HEADER_BYTES * len(headers)
    return size <= LARGEST_COPY_BYTES


@contextmanager
def rolling_segments(admin: Any, topic: str) -> Iterator[None]:  # noqa: ANN401 - untyped client
    """Begin a new segment with the next record of each partition."""
    alter_settings(admin, [topic], _ROLL_SOON)
    try:
        wait_for_settings(admin, [topic], _ROLL_SOON)
        yield
    finally:
        alter_settings(admin, [topic], dict.fromkeys(_ROLL_SOON, (AlterConfigOp.DELETE, None)))


def _chunks(records: Iterable[Record]) -> Iterator[list[Record]]:
    chunk: list[Record] = []
    size = 0
    for record in records:
        chunk.append(record)
        size += len(record.value or b"")
        if len(chunk) >= CHUNK or size >= CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _staying(
    settings: Settings,
    topic: str,
    without: Callable[[Record], bool],
    known_ends: Positions = NO_POSITIONS,
) -> Iterator[Record]:
    """Yield the records of a topic that a rewriting keeps."""
    for record in read_topics(
        settings.broker, topics=[topic], security=settings.security(), known_ends=known_ends
    ):
        is_mark = record.key == NOBODY and record.value is None and not record.headers
        if not is_mark and can_be_copied(record) and not without(record):
            yield record


def _mark(partition: TopicPartition) -> OutgoingRecord:
    """Return the record that begins a new segment where nothing stays; it is deleted too.

    The last segment is never deleted: what is erased would stay in a file for good. A worker that
    reads it meanwhile refuses it.
    """
    return OutgoingRecord(partition.topic, partition.partition, NOBODY, None, ())


def _acceptance(partition: TopicPartition, end: int, settings: Settings) -> OutgoingRecord:
    return loss_record(
        AcceptedLoss(
            verdict="erased",
            topic=partition.topic,
            partition=partition.partition,
            log_start=end,
            at=settings.make_clock().now(),
            because="erasure: what is not erased was copied",
        )
    )


def _copy(record: Record) -> OutgoingRecord:
    headers = list(record.headers or ())
    if all(name != RECORDED_AT for name, _ in headers):
        # What was known on past days stays so: the broker gives the copy a timestamp of its own.
        headers.append((RECORDED_AT, str(record.timestamp).encode()))
    return OutgoingRecord(record.topic, record.partition, record.key, record.value, headers)
