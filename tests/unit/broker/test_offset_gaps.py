"""Records that were deleted in the middle of a partition, found in what a broker returns."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from hypothesis import given
from hypothesis import strategies as st
from kafka import TopicPartition
from kafka.consumer.fetcher import Fetcher
from kafka.record import MemoryRecords

from broker.offset_gaps import (
    LeaderEpoch,
    OffsetGap,
    gaps_in,
    gaps_read_by,
    leader_epoch_of,
    report_gaps_with_aiokafka,
)
from broker.record_batches import read_any_batch_with_kafka_python
from events.offset_runs import OffsetRuns
from tests.support.raw_batches import fetched_records

_EPOCH_AT = 12
_ATTRIBUTES_AT = 21
_DELTA_AT = 23
_CONTROL = 0x20


class Batch(NamedTuple):
    first: int
    last: int
    left: Sequence[int]
    is_control: bool = False
    codec: int = 0

    @property
    def content(self) -> bytes:
        builder = _DefaultRecordBatchBuilderPy(2, self.codec, 0, -1, -1, -1, 2**31)
        for offset in self.left:
            builder.append(offset - self.first, 1, b"\0\0\0\1", b"value", [])
        content = bytearray(builder.build())
        content[:8] = self.first.to_bytes(8, "big")
        content[_ATTRIBUTES_AT + 1] |= _CONTROL if self.is_control else 0
        content[_DELTA_AT : _DELTA_AT + 4] = (self.last - self.first).to_bytes(4, "big")
        return bytes(content)


@st.composite
def compacted_logs(draw: st.DrawFn) -> tuple[list[Batch], set[int]]:
    """Draw the batches of a log some of whose records were deleted, and the deleted offsets.

    A batch whose records are all deleted goes or stays without any, as the broker decides.
    """
    batches, deleted, first = [], set(), 0
    for _ in range(draw(st.integers(1, 6))):
        is_control = draw(st.booleans())
        last = first if is_control else first + draw(st.integers(0, 4))
        offsets = list(range(first, last + 1))
        gone = set() if is_control else draw(st.sets(st.sampled_from(offsets)))
        left = [offset for offset in offsets if offset not in gone]
        stays = draw(st.booleans())
        if left or stays:
            batches.append(Batch(first, last, left, is_control, draw(st.sampled_from([0, 1]))))
        deleted |= gone
        first = last + 1
    return batches, deleted


@given(compacted_logs(), st.integers(0, 30), st.integers(0, 60))
def test_the_deleted_records_from_the_position_on_are_found(
    log: tuple[list[Batch], set[int]], position: int, cut: int
) -> None:
    batches, deleted = log
    fetched = [batch for batch in batches if batch.last >= position]
    content = b"".join(batch.content for batch in fetched)
    found = OffsetRuns()
    for first, after in gaps_in(content + bytes(cut), position):
        found.add(first, after - 1)

    end = max((batch.last for batch in fetched), default=-1)
    assert found.runs == OffsetRuns(sorted(one for one in deleted if position <= one <= end)).runs


@given(st.binary(max_size=200), st.integers(0, 5))
def test_any_bytes_end(content: bytes, position: int) -> None:
    whole = Batch(7, 7, [7]).content
    assert list(gaps_in(whole + content, 7)) == list(gaps_in(content, 8))
    list(gaps_in(content, position))


LOG = [Batch(0, 2, [0, 1, 2]), Batch(3, 3, [3], is_control=True), Batch(6, 9, [6, 8], codec=1)]
CONTENT = b"".join(batch.content for batch in LOG)
GAPS = [(4, 6), (7, 8), (9, 10)]


def test_aiokafka_reports_the_gaps_and_the_leader_of_each_fetch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fetcher, "MemoryRecords", fetcher.MemoryRecords)
    monkeypatch.setattr(fetcher, "PartitionRecords", fetcher.PartitionRecords)
    gaps, found = list[OffsetGap](), list[LeaderEpoch]()
    report_gaps_with_aiokafka(["t"], gaps.append, found.append)
    second = bytearray(CONTENT)
    second[_EPOCH_AT : _EPOCH_AT + 4] = (7).to_bytes(4, "big")

    fetched_records(CONTENT, partition=2, check_crcs=False)
    fetched_records(bytes(second), start=1, check_crcs=False)

    assert gaps[: len(GAPS)] == [OffsetGap("t", 2, *gap) for gap in GAPS]
    assert found == [LeaderEpoch("t", 2, 0, -1), LeaderEpoch("t", 0, 1, 7)]
    assert leader_epoch_of(b"") is None


def test_kafka_python_notes_the_gaps() -> None:
    read_any_batch_with_kafka_python()
    consumer: Any = SimpleNamespace(
        _fetcher=SimpleNamespace(PartitionRecords=Fetcher.PartitionRecords)
    )
    found = gaps_read_by(consumer)

    records = consumer._fetcher.PartitionRecords(
        0, TopicPartition("t", 2), MemoryRecords(CONTENT), check_crcs=False
    )

    assert [record.offset for record in records.take()] == [0, 1, 2, 6, 8]
    assert found == [OffsetGap("t", 2, *gap) for gap in GAPS]
