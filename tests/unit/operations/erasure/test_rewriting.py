"""What of a partition can be written again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from kafka import TopicPartition

from broker.stored_record import RawRecord
from events.record_rules import RECORDED_AT
from events.records import CutPart, OutgoingRecord, UnreadableValue
from events.topics import DEAD_LETTER_OUTCOMES
from operations.erasure import rewriting
from operations.erasure.persons import Persons, find_traces
from operations.erasure.rewriting import LARGEST_COPY_BYTES, can_be_copied, rewrite
from streams.decisions import AcceptedLoss
from streams.settings import load_settings
from tests.support.audits import raw

SOMEBODY = "k1-0123456789abcdef0123456789abcdef"


def record(
    value: bytes | None, key: bytes | None = b"key", headers: tuple[tuple[str, bytes], ...] = ()
) -> RawRecord:
    return RawRecord("smartregion.trainings", 0, 7, key, value, headers)


@pytest.mark.parametrize(
    ("one", "copied"),
    [
        (record(b"{}"), True),
        (record(None, None), True),
        (record(b" " * LARGEST_COPY_BYTES, b""), True),
        (record(b" " * LARGEST_COPY_BYTES), False),
        (record(b"", b"", (("é", b" " * (LARGEST_COPY_BYTES - 2)),)), False),
        (record(UnreadableValue("damaged")), False),
        (record(CutPart(memoryview(b"x" * 9), keep=1)), False),
        (record(b"{}", CutPart(memoryview(b"x" * 9), keep=1)), False),
    ],
)
def test_what_no_broker_takes_is_not_copied(one: RawRecord, *, copied: bool) -> None:
    """Its producer had compressed it; of what is cut or unreadable there is no whole."""
    assert can_be_copied(one) is copied


def test_what_cannot_be_kept_is_counted_before() -> None:
    large = b'{"x": "%s"}' % (b" " * LARGEST_COPY_BYTES)
    personal = large.replace(b'"x"', b'"%s"' % SOMEBODY.encode())
    records = [raw("training.enrolled", SOMEBODY, "2018-01-01"), record(large), record(personal)]

    traces = find_traces(records, Persons([SOMEBODY]))

    assert traces.records == 2
    assert traces.not_copied[0] == 1


class Log:
    """A topic in memory, of several partitions, which a rewriting reads and writes."""

    def __init__(self, *records: RawRecord) -> None:
        self.records = [one._replace(offset=at) for at, one in enumerate(records)]
        self.segments: list[int] = []
        """The offsets of the records that began one."""
        self.deleted: dict[TopicPartition, int] = {}
        self.accepted: dict[TopicPartition, int] = {}
        """Up to where workers are told that records are missing on purpose."""
        self._rolling = False

    def send(self, records: Sequence[OutgoingRecord]) -> None:
        for topic, partition, key, value, headers in records:
            if topic == DEAD_LETTER_OUTCOMES:
                loss = AcceptedLoss.model_validate_json(value or b"")
                self.accepted[TopicPartition(loss.topic, loss.partition)] = loss.log_start
                continue
            assert partition is not None
            at = len(self.records)
            self.segments += [at] * self._rolling
            self.records.append(RawRecord(topic, partition, at, key, value, tuple(headers)))

    @contextmanager
    def rolling(self, *_: object) -> Iterator[None]:
        self._rolling = True
        yield
        self._rolling = False

    def left(self) -> list[RawRecord]:
        ends = {one.partition: end for one, end in self.deleted.items()}
        return [one for one in self.records if one.offset >= ends.get(one.partition, 0)]


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    somebody, another = (
        raw("training.enrolled", one, "2018-01-01") for one in (SOMEBODY, f"k1-{'f' * 32}")
    )
    placed = ((0, somebody), (0, another), (1, somebody), (2, another))
    log = Log(*(one._replace(partition=partition) for partition, one in placed))

    @contextmanager
    def administering(*_: object, **__: object) -> Iterator[Any]:
        yield SimpleNamespace(delete_records=log.deleted.update)

    monkeypatch.setattr(rewriting, "administering", administering)
    monkeypatch.setattr(rewriting, "rolling_segments", log.rolling)
    monkeypatch.setattr(
        rewriting,
        "partition_offsets",
        lambda _, partitions, *__, **___: dict.fromkeys(partitions, len(log.records)),
    )
    monkeypatch.setattr(rewriting, "read_topics", lambda *_, **__: list(log.records))
    return log


def without_somebody(log: Log, *partitions: int, wait: Callable[[], None] = lambda: None) -> int:
    without = Persons([SOMEBODY]).concerned_by
    topic = "smartregion.trainings"
    return rewrite(load_settings(), log, topic, partitions, without=without, wait=wait)


def test_a_partition_of_which_nothing_stays_gets_a_new_segment(log: Log) -> None:
    """A broker deletes whole segments, and never the last one; of it nothing stays at the end."""
    waited: list[int] = []

    assert without_somebody(log, 0, 1, wait=lambda: waited.append(len(log.records))) == 2
    assert log.accepted == log.deleted
    assert waited == [6]  # With the new segments' records, before any other.
    assert {log.records[at].partition for at in log.segments} == {0, 1}
    assert [(one.partition, one.key) for one in log.left()] == [
        (2, log.records[3].key),
        (0, log.records[1].key),
        (0, log.records[1].key),
    ]


def test_a_copy_keeps_the_first_timestamp_of_its_record(log: Log) -> None:
    """What was known of others on past days stays, however often somebody is erased."""
    log.records = [one._replace(timestamp=1_000 + one.offset) for one in log.records]
    for _ in range(2):
        without_somebody(log, 2)
    copies = [one for one in log.left() if one.partition == 2]
    assert [dict(one.headers)[RECORDED_AT] for one in copies] == [b"1003"] * len(copies)
    assert copies
