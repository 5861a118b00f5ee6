"""The tests' own broker: what the other integration tests rely on."""

import gc
import threading
from functools import partial

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.net.transport import KafkaTCPTransport

from broker.clients import drop_queued, opened
from tests.support.kafka import KafkaBroker
from tests.support.waiting import wait_until

PARTITION = TopicPartition("kept", 0)


def create_kept(kafka: KafkaBroker) -> None:
    """Create the topic of these tests."""
    with kafka.admin() as admin:
        admin.create_topics({PARTITION.topic: {"num_partitions": 1, "replication_factor": 1}})


def produce_one(kafka: KafkaBroker) -> None:
    """Write one record and wait for the acknowledgement."""
    producer = opened(KafkaProducer, kafka.bootstrap, acks="all")
    producer.send(PARTITION.topic, b"value", partition=PARTITION.partition).get(10)
    producer.close()


def end_offset(kafka: KafkaBroker) -> int:
    """Return the end of the topic."""
    consumer = opened(KafkaConsumer, kafka.bootstrap)
    try:
        end: int = consumer.end_offsets([PARTITION])[PARTITION]
    finally:
        consumer.close()
    return end


def test_a_stopped_broker_comes_back_with_its_records(kafka: KafkaBroker) -> None:
    """Stop and start keep the port and the data."""
    create_kept(kafka)
    produce_one(kafka)
    before = kafka.bootstrap

    kafka.stop()
    assert not kafka.running
    kafka.start()

    assert kafka.bootstrap == before
    assert end_offset(kafka) == 1


def test_a_killed_broker_comes_back_with_what_it_acknowledged(kafka: KafkaBroker) -> None:
    """A kill -9 loses nothing that was acknowledged, since the kernel keeps the pages."""
    create_kept(kafka)
    produce_one(kafka)

    kafka.kill()
    kafka.start()

    assert end_offset(kafka) == 1


def test_a_client_closed_before_it_has_sent_leaves_no_socket_open(
    kafka: KafkaBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unclosed socket is a warning once garbage is collected, and so an error."""
    create_kept(kafka)
    producer = opened(KafkaProducer, kafka.bootstrap)
    producer.partitions_for(PARTITION.topic)
    asked = threading.Event()

    def unsent(_: KafkaTCPTransport) -> tuple[int, None]:
        asked.set()
        return 0, None

    monkeypatch.setattr(KafkaTCPTransport, "_sock_send", unsent)
    producer.send(PARTITION.topic, b"value", partition=PARTITION.partition)
    assert asked.wait(20)
    drop_queued(producer)
    producer.close(timeout=5)
    del producer
    gc.collect()


def test_a_reset_leaves_neither_topics_nor_groups(kafka: KafkaBroker) -> None:
    """The next test finds nothing of the last one, not even a group whose member still lives."""
    create_kept(kafka)
    produce_one(kafka)
    member = opened(
        partial(KafkaConsumer, PARTITION.topic),
        kafka.bootstrap,
        group_id="left-behind",
        auto_offset_reset="earliest",
    )
    assert wait_until(lambda: bool(member.poll(500)), seconds=20)
    member.commit()

    kafka.reset()

    with kafka.admin() as admin:
        assert [name for name in admin.list_topics() if not name.startswith("__")] == []
        assert admin.list_groups() == []
    member.close(autocommit=False)


def test_the_log_is_there_to_be_shown(kafka: KafkaBroker) -> None:
    """A failure can be read: the broker's log is not empty and a mark cuts it."""
    mark = kafka.log_mark()
    create_kept(kafka)

    assert wait_until(lambda: "kept-0" in kafka.log_since(mark), seconds=10)
    assert "Kafka Server started" not in kafka.log_tail(since=mark)
