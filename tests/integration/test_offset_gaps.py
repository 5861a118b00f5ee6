"""What a broker's compaction and its transactions leave of offsets, seen by both clients."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer import fetcher
from kafka import KafkaProducer

from broker.clients import administering, opened
from broker.offset_gaps import OffsetGap, report_gaps_with_aiokafka
from broker.reading import Extent, read_topics
from broker.topic_admin import alter_settings, apply_topics
from events.fact import Family
from events.offset_runs import OffsetRuns
from events.topics import declared_topics, topic_name
from tests.support.commands import run_inside
from tests.support.kafka import KafkaBroker
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.timeout(240), pytest.mark.integration]

SCHOOLS = topic_name(Family.SCHOOLS)
PARTITION = f"{SCHOOLS}[0]"
COMPACTED = {"cleanup.policy": "compact", "segment.ms": "100", "min.cleanable.dirty.ratio": "0"}


def send(broker: KafkaBroker, count: int, *, commit: bool | None = None, **config: Any) -> None:
    producer: Any = opened(KafkaProducer, broker.bootstrap, linger_ms=100, **config)
    if commit is not None:
        producer.init_transactions()
        producer.begin_transaction()
    for number in range(count):
        producer.send(SCHOOLS, b"value", key=b"key %d" % (number % 3))
    producer.flush()
    if commit is not None:
        (producer.commit_transaction if commit else producer.abort_transaction)()
    producer.close()


def read_with_kafka_python(broker: KafkaBroker) -> tuple[list[int], OffsetRuns]:
    extent = Extent()
    records = read_topics(broker.bootstrap, topics=[SCHOOLS], extent=extent)
    offsets, gaps = [record.offset for record in records], OffsetRuns()
    for first, last in extent.gaps.get(PARTITION, ()):
        gaps.add(first, last)
    return offsets, gaps


def read_with_aiokafka(broker: KafkaBroker, *, count: int) -> tuple[list[int], OffsetRuns]:
    found: list[OffsetGap] = []
    report_gaps_with_aiokafka([SCHOOLS], found.append)

    async def read() -> list[int]:
        async with AIOKafkaConsumer(
            bootstrap_servers=broker.bootstrap, isolation_level="read_committed"
        ) as consumer:
            place = TopicPartition(SCHOOLS, 0)
            consumer.assign([place])
            await consumer.seek_to_beginning(place)
            return [(await consumer.getone()).offset for _ in range(count)]

    offsets, gaps = asyncio.run(read()), OffsetRuns()
    for gap in found:
        gaps.add(gap.first, gap.next - 1)
    return offsets, gaps


def test_compaction_leaves_gaps_and_transactions_none(
    kafka: KafkaBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply_topics(kafka.bootstrap, declared_topics(partitions=1))
    monkeypatch.setattr(fetcher, "MemoryRecords", fetcher.MemoryRecords)
    monkeypatch.setattr(fetcher, "PartitionRecords", fetcher.PartitionRecords)
    send(kafka, 5, enable_idempotence=True)
    send(kafka, 4, commit=True, transactional_id="committed")
    send(kafka, 6, commit=False, transactional_id="aborted")
    send(kafka, 5, enable_idempotence=False, compression_type="gzip")
    before, gaps = read_with_kafka_python(kafka)
    assert (len(before), gaps.runs) == (14, ())
    again, seen = read_with_aiokafka(kafka, count=len(before))
    assert (again, seen.runs) == (before, ())

    with administering(kafka.bootstrap, what="topics") as admin:
        alter_settings(admin, [SCHOOLS], COMPACTED)

    def is_compacted() -> bool:
        send(kafka, 1)
        return bool(read_with_kafka_python(kafka)[1])

    assert wait_until(is_compacted, seconds=60)
    apply_topics(kafka.bootstrap, declared_topics(partitions=1), alter_settings=True)
    after, gaps = read_with_kafka_python(kafka)
    deleted = [offset for offset in before if offset not in after]
    assert deleted
    assert all(offset in gaps for offset in deleted)
    assert not any(offset in gaps for offset in after)
    again, seen = read_with_aiokafka(kafka, count=len(after))
    assert (again, seen.runs) == (after, gaps.runs)

    asked = run_inside(kafka, "doctor", partitions="1").stdout
    assert f"{PARTITION} ends at offset" in asked
    assert "records in the middle were deleted" in asked
    decided = run_inside(
        kafka, "topics", "accept-loss", f"{SCHOOLS}/0", "--because", "a test", "--yes"
    )
    assert decided.returncode == 0, decided.stderr
    assert "loss is accepted: 1" in run_inside(kafka, "doctor", partitions="1").stdout
