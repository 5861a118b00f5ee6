"""The tests' own broker: what the other integration tests rely on."""

import gc
import threading

import pytest
from kafka import KafkaProducer, TopicPartition
from kafka.net.transport import KafkaTCPTransport

from broker.clients import drop_queued, opened
from tests.support.kafka import KafkaBroker

PARTITION = TopicPartition("kept", 0)


def create_kept(kafka: KafkaBroker) -> None:
    with kafka.admin() as admin:
        admin.create_topics({PARTITION.topic: {"num_partitions": 1, "replication_factor": 1}})


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
