"""Reading topics to their end on the demo's broker, which reports too low an end when asked."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from kafka.admin import KafkaAdminClient

from broker.clients import opened
from broker.errors import BrokerUnreachableError, TopicsMissingError
from broker.reading import read_topics
from simulation.demo.embedded_broker import EmbeddedBroker

TOPIC = "events"
PARTITIONS = 3


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    """Yield a running broker with one topic of three partitions."""
    with EmbeddedBroker(tmp_path) as broker:
        admin = opened(KafkaAdminClient, broker.bootstrap)
        admin.create_topics({TOPIC: {"num_partitions": PARTITIONS, "replication_factor": 1}})
        admin.close()
        yield broker


async def write_batch(broker: EmbeddedBroker, partition: int, size: int) -> None:
    """Write one batch of so many records, with a header each."""
    async with AIOKafkaProducer(
        bootstrap_servers=broker.bootstrap, linger_ms=0, max_batch_size=1_000_000
    ) as producer:
        batch = producer.create_batch()
        for number in range(size):
            assert batch.append(
                key=b"k", value=b"%d" % number, timestamp=None, headers=[("h", b"\xff")]
            )
        batch.close()
        await (await producer.send_batch(batch, TOPIC, partition=partition))


def test_reads_every_record_of_a_large_last_batch(broker: EmbeddedBroker) -> None:
    """All records of all partitions come, byte for byte; one partition has none."""
    asyncio.run(write_batch(broker, 0, 7000))
    asyncio.run(write_batch(broker, 2, 100))

    found = list(read_topics(broker.bootstrap, topics=[TOPIC]))

    assert len(found) == 7100
    assert [record.value for record in found if record.partition == 2] == [
        b"%d" % number for number in range(100)
    ]
    assert {(record.topic, record.key, tuple(record.headers)) for record in found} == {
        (TOPIC, b"k", (("h", b"\xff"),))
    }


def test_reads_empty_topics(broker: EmbeddedBroker) -> None:
    """Topics without a record are read at once."""
    assert list(read_topics(broker.bootstrap, topics=[TOPIC])) == []


def test_names_a_missing_topic(broker: EmbeddedBroker) -> None:
    """A topic that does not exist is named, and not created by asking for it."""
    for _ in range(2):
        with pytest.raises(TopicsMissingError, match="absent"):
            list(read_topics(broker.bootstrap, topics=[TOPIC, "absent"]))


@pytest.mark.usefixtures("refused_connections")
def test_names_a_broker_that_does_not_answer(tmp_path: Path) -> None:
    """Nobody at the address is one readable error, in time."""
    with EmbeddedBroker(tmp_path) as gone:
        bootstrap = gone.bootstrap

    with pytest.raises(BrokerUnreachableError, match=bootstrap):
        list(read_topics(bootstrap, topics=[TOPIC], wait_seconds=1))
