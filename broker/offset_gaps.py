"""Finds offsets without a record, and the leader of a partition, in fetched batches.

An event topic keeps all of its records, so each offset has one: an event, a record of an aborted
transaction, or a transaction marker. Compaction removes records and keeps the offsets of the
others. The headers of batches show this, and are read once per batch, not per record. They also
have the epoch of the leader that wrote the batch: if records were lost and others took their
offsets, a leader of a later epoch wrote the latter.

A worker calls `report_gaps_with_aiokafka(EVENT_TOPICS, report)` before its consumer starts, and its
`report` receives each gap before the records around it, in the consumer's thread.

tests/unit/broker/test_offset_gaps.py fails when an upgrade changes a client's name used here.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, Final, NamedTuple

from aiokafka.consumer import fetcher
from kafka import KafkaConsumer

from broker.record_batches import offsets_of, read_any_batch_with_aiokafka

_HEADER: Final = struct.Struct(">qiibIhiqqqhii")
_BEFORE_LENGTH_ENDS: Final = struct.calcsize(">qi")
_MAGIC: Final = 2
_CONTROL: Final = 0x20
_AIOKAFKA_RECORDS: Final = fetcher.PartitionRecords


class OffsetGap(NamedTuple):
    """Offsets of a partition without a record, from `first` to before `next`."""

    topic: str
    partition: int
    first: int
    next: int


def gaps_in(content: bytes | memoryview, position: int) -> Iterator[tuple[int, int]]:
    """Yield the first offset of each gap in fetched batches, and the next offset with a record.

    `content` is a broker's response for the offset `position`; its last batch may be cut off.
    """
    at, expected = 0, position
    while len(content) - at >= _HEADER.size:
        first, length, _, magic, _, attributes, delta, _, _, _, _, _, count = _HEADER.unpack_from(
            content, at
        )
        end = at + _BEFORE_LENGTH_ENDS + length
        # Older formats have no such header.
        if magic != _MAGIC or length < _HEADER.size - _BEFORE_LENGTH_ENDS or end > len(content):
            return
        if first > expected:
            yield expected, first
        expected, begin = max(expected, first + delta + 1), max(expected, first)
        if count <= delta and not attributes & _CONTROL:
            yield from _between(offsets_of(content[at:end]), begin, expected)
        at = end


class LeaderEpoch(NamedTuple):
    """The epoch of the leader that wrote the first batch fetched for an offset."""

    topic: str
    partition: int
    offset: int
    epoch: int


def leader_epoch_of(content: bytes | memoryview) -> int | None:
    """Return the leader epoch of the first of some fetched batches; None if it has none."""
    if len(content) < _HEADER.size:
        return None
    _, _, epoch, magic, *_ = _HEADER.unpack_from(content)
    return int(epoch) if magic == _MAGIC else None


def report_gaps_with_aiokafka(
    topics: Collection[str],
    report: Callable[[OffsetGap], None],
    report_leader: Callable[[LeaderEpoch], None] = lambda _: None,
) -> None:
    """Call `report` for each gap that aiokafka's consumers in this process find in some topics.

    `report_leader` is called once per fetch. Both are called in the consumer's thread before the
    records are returned, and again if the records are fetched again; neither may raise. Only the
    last call of this function has an effect.
    """
    read_any_batch_with_aiokafka()

    def records_of(
        tp: Any,  # noqa: ANN401 - untyped
        records: Any,  # noqa: ANN401
        aborted_transactions: Any,  # noqa: ANN401
        fetch_offset: int,
        *more: Any,
        **named: Any,
    ) -> Any:  # noqa: ANN401
        if tp.topic in topics:
            if (epoch := leader_epoch_of(records.content)) is not None:
                report_leader(LeaderEpoch(tp.topic, tp.partition, fetch_offset, epoch))
            for gap in gaps_in(records.content, fetch_offset):
                report(OffsetGap(tp.topic, tp.partition, *gap))
        return _AIOKAFKA_RECORDS(tp, records, aborted_transactions, fetch_offset, *more, **named)

    fetcher.PartitionRecords = records_of


def gaps_read_by(consumer: KafkaConsumer) -> list[OffsetGap]:
    """Return a list to which a kafka-python consumer adds each gap that it finds from now on."""
    found: list[OffsetGap] = []
    made = consumer._fetcher.PartitionRecords  # noqa: SLF001 - there is no public way

    def records_of(position: int, partition: Any, records: Any, **more: Any) -> Any:  # noqa: ANN401
        content = records._buffer  # noqa: SLF001
        gaps = gaps_in(content, position)
        found.extend(OffsetGap(partition.topic, partition.partition, *gap) for gap in gaps)
        return made(position, partition, records, **more)

    consumer._fetcher.PartitionRecords = records_of  # noqa: SLF001
    return found


def _between(offsets: Iterable[int], begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the gaps between ascending offsets, from `begin` to before `end`."""
    for offset in offsets:
        if offset > begin:
            yield begin, offset
        begin = max(begin, offset + 1)
    if end > begin:
        yield begin, end
