"""Records at the limits of a worker's memory, and of topics set lower, on a real broker."""

from __future__ import annotations

from contextlib import closing

import pytest
from kafka import KafkaProducer

from broker.clients import opened
from broker.reading import read_topics
from broker.topic_admin import alter_settings, wait_for_settings
from broker.writing import KafkaWriter
from events.dead_letters import read_dead_letter
from events.fact import Family
from events.partitioning import partition_for
from events.records import OutgoingRecord
from events.topics import DEAD_LETTERS, DEFAULT_PARTITIONS, topic_name
from tests.support.histories import event, uai
from tests.support.kafka import KafkaBroker
from tests.support.processes import peak_memory_mb
from tests.support.traffic import Message, message_of, wait_done
from tests.support.workers import WorkerFactory

pytestmark = pytest.mark.timeout(180)

SCHOOLS = topic_name(Family.SCHOOLS)
MEBIBYTE = 2**20
RECORDS = 14
RECORD_BYTES = 60 * MEBIBYTE
#: Lycées, several on each partition.
ENTITIES = [uai(f"077{number:04}") for number in range(40)]
#: More than a forward of most events has.
LIMIT_BYTES = 1000
#: Of the gibibyte that a worker is given, with room for its states; the records are 0.8 in all.
MOST_MB = 629


def test_records_of_many_mebibytes_never_lie_in_memory_together(
    broker: KafkaBroker, factory: WorkerFactory
) -> None:
    """Each is a batch of a few KiB; a poll counts what it brings by its size in memory."""
    with closing(
        opened(
            KafkaProducer,
            broker.bootstrap,
            compression_type="zstd",
            max_request_size=RECORD_BYTES + MEBIBYTE,
            batch_size=1,
        )
    ) as producer:
        for _ in range(RECORDS):
            producer.send(
                topic_name(Family.GRANTS), bytes(RECORD_BYTES), key=b"key", partition=1
            ).get(timeout=30)
    worker = factory.worker()
    worker.start()

    assert wait_done(broker.bootstrap, seconds=90), worker.log[-3000:]

    assert worker.alive
    assert peak_memory_mb(worker.process.pid) < MOST_MB
    letters = map(read_dead_letter, read_topics(broker.bootstrap, topics=[DEAD_LETTERS]))
    assert [(one.reason, one.shortened["value"]) for one in letters] == [
        ("too_large", RECORD_BYTES)
    ] * RECORDS


def test_what_a_topic_refuses_leaves_every_later_write_to_it_as_it_was(
    broker: KafkaBroker, factory: WorkerFactory
) -> None:
    large = message_of(event("school.registered", ENTITIES[0], "2018-01-01", id="😀" * 250))
    messages = [large, *map(registered, ENTITIES)]
    with KafkaWriter(broker.bootstrap) as writer:
        writer.send([misrouted(message) for message in messages])
    limit(broker, SCHOOLS, LIMIT_BYTES)
    worker = factory.worker()
    worker.start()

    assert wait_done(broker.bootstrap, seconds=60), worker.log[-3000:]
    assert worker.alive
    letters = map(read_dead_letter, read_topics(broker.bootstrap, topics=[DEAD_LETTERS]))
    assert [one.reason for one in letters] == ["unprocessable"]
    shown = f'smartregion_entities{{family="schools"}} {len(ENTITIES)}.0'
    assert worker.shows(shown), worker.metrics()


def registered(lycee: str) -> Message:
    return message_of(event("school.registered", lycee, "2018-01-01"))


def misrouted(message: Message) -> OutgoingRecord:
    partition = (partition_for(message.key, DEFAULT_PARTITIONS) + 1) % DEFAULT_PARTITIONS
    return OutgoingRecord(SCHOOLS, partition, message.key, message.value, message.headers)


def limit(broker: KafkaBroker, topic: str, size: int) -> None:
    limited = {"max.message.bytes": str(size)}
    with broker.admin() as admin:
        alter_settings(admin, [topic], limited)
        wait_for_settings(admin, [topic], limited)
