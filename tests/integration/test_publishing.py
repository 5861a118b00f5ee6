"""Topics and publishers on the real broker."""

import gc
import threading
from datetime import UTC, date, datetime
from typing import Any

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.net.transport import KafkaTCPTransport

from broker.clients import drop_queued, opened
from broker.errors import BrokerUnreachableError, TopicsMissingError
from broker.topic_admin import apply_topics, verify_topics
from events.cloudevent import CloudEvent, decode, encode_structured
from events.fact import Family
from events.identifiers import uai_check_letter
from events.partitioning import partition_for
from events.school import SchoolClosed
from events.topics import TopicSpec, topic_name
from sources.client import KafkaPublisher, PublisherOptions
from sources.client.protocol import DeliveryError
from tests.support.commands import run
from tests.support.kafka import KafkaBroker

SCHOOLS = topic_name(Family.SCHOOLS)
PARTITIONS = 4
TOPIC = TopicSpec(SCHOOLS, "uai", partitions=PARTITIONS, replication=1)


def event(number: int) -> CloudEvent:
    digits = f"075{number:04}"
    return CloudEvent(
        id=f"e-{number}",
        source="/tests",
        time=datetime(2019, 3, 11, 9, 30, tzinfo=UTC),
        fact=SchoolClosed(uai=digits + uai_check_letter(digits), closed_on=date(2019, 3, 11)),
    )


def records(kafka: KafkaBroker) -> list[Any]:
    consumer = opened(KafkaConsumer, kafka.bootstrap, consumer_timeout_ms=10_000)
    try:
        partitions = [TopicPartition(SCHOOLS, number) for number in range(PARTITIONS)]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        expected = sum(consumer.end_offsets(partitions).values())
        found = [next(consumer) for _ in range(expected)]
    finally:
        consumer.close()
    return sorted(found, key=lambda record: (record.partition, record.offset))


@pytest.mark.parametrize(
    "options",
    [
        PublisherOptions(),
        PublisherOptions(in_flight=10),
        # As a lesser broker may need it.
        PublisherOptions(batch_bytes=0, linger_ms=0, idempotent=False, in_flight=500),
    ],
    ids=["by default", "few may wait", "one by one"],
)
def test_events_come_back_as_they_were_published(
    kafka: KafkaBroker, options: PublisherOptions
) -> None:
    apply_topics(kafka.bootstrap, [TOPIC])
    events = [event(number) for number in range(300)]
    with KafkaPublisher(kafka.bootstrap, options=options) as publisher:
        for one in events:
            publisher.publish(one)
        assert publisher.flush().delivered == len(events)
    found = [(record.partition, decode(record.headers, record.value)) for record in records(kafka)]
    homes = {one.id: partition_for(one.fact.entity_id.encode(), PARTITIONS) for one in events}
    assert found == sorted(((homes[one.id], one) for one in events), key=lambda placed: placed[0])


def test_a_missing_topic_is_named(kafka: KafkaBroker) -> None:
    options = PublisherOptions(connect_seconds=1)
    with (
        pytest.raises(TopicsMissingError, match=r"smartregion\.schools.*topics apply"),
        KafkaPublisher(kafka.bootstrap, options=options) as publisher,
    ):
        publisher.publish(event(1))


@pytest.mark.usefixtures("refused_connections")
def test_losses_are_reported_and_an_error_where_nobody_asked_for_them(kafka: KafkaBroker) -> None:
    apply_topics(kafka.bootstrap, [TOPIC])
    lost = [event(number) for number in range(1, 20)]
    reports = []

    def lose() -> None:
        options = PublisherOptions(delivery_seconds=2)
        with KafkaPublisher(kafka.bootstrap, options=options) as publisher:
            publisher.publish(event(0))
            reports.append(publisher.flush())
            kafka.kill()
            for one in lost:
                publisher.publish(one)
            reports.append(publisher.flush())
            publisher.publish(event(20))

    with pytest.raises(DeliveryError, match="value 1 missing"):
        lose()
    assert [report.delivered for report in reports] == [1, 0]
    assert {failed.event.id for failed in reports[1].failed} == {one.id for one in lost}


@pytest.mark.usefixtures("refused_connections")
def test_a_broker_that_comes_back_gets_each_event_once(kafka: KafkaBroker) -> None:
    apply_topics(kafka.bootstrap, [TOPIC])
    events = [event(number) for number in range(200)]
    # Longer than a stop and a start take, each on a busy machine.
    options = PublisherOptions(delivery_seconds=120)
    with KafkaPublisher(kafka.bootstrap, options=options) as publisher:
        for one in events[:100]:
            publisher.publish(one)
        kafka.stop()
        for one in events[100:]:
            publisher.publish(one)
        kafka.start()
        assert publisher.flush().failed == ()
    found = (decode(record.headers, record.value) for record in records(kafka))
    assert sorted(found, key=lambda one: int(one.id.removeprefix("e-"))) == events


@pytest.mark.usefixtures("refused_connections")
def test_a_dead_broker_is_one_line_from_the_shell(kafka: KafkaBroker) -> None:
    kafka.stop()
    given = encode_structured(event(1)).value.decode()
    ran = run(kafka, "emit", standard_input=given)
    assert (ran.stdout, ran.returncode) == ("0 accepted, 0 refused\n", 2)
    (line,) = ran.stderr.splitlines()
    assert "ECONNREFUSED" in line
    assert "check the address" in line
    with pytest.raises(BrokerUnreachableError):
        verify_topics(kafka.bootstrap, [TOPIC], connect_seconds=0.2)


def test_a_client_closed_before_it_has_sent_leaves_no_socket_open(
    kafka: KafkaBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unclosed socket is a warning once garbage is collected, and so an error."""
    apply_topics(kafka.bootstrap, [TOPIC])
    producer = opened(KafkaProducer, kafka.bootstrap)
    producer.partitions_for(SCHOOLS)
    asked = threading.Event()

    def unsent(_: KafkaTCPTransport) -> tuple[int, None]:
        asked.set()
        return 0, None

    monkeypatch.setattr(KafkaTCPTransport, "_sock_send", unsent)
    producer.send(SCHOOLS, b"value", partition=0)
    assert asked.wait(20)
    drop_queued(producer)
    producer.close(timeout=5)
    del producer
    gc.collect()
