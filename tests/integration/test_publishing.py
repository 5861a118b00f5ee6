"""Topics and publishers on the real broker."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from broker.clients import opened
from broker.errors import BrokerUnreachableError, TopicsMissingError
from broker.topic_admin import apply_topics, verify_topics
from events.cloudevent import CloudEvent, decode, encode_structured
from events.fact import Family
from events.identifiers import uai_check_letter
from events.partitioning import partition_for
from events.school import SchoolClosed
from events.topics import TopicSpec, declared_topics, topic_name
from sources.client import KafkaPublisher, PublisherOptions
from sources.client.protocol import DeliveryError
from tests.support.commands import captured, run_inside
from tests.support.kafka import KafkaBroker

ROOT = Path(__file__).parents[2]
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


def decoded(kafka: KafkaBroker) -> list[CloudEvent]:
    events = [
        decode(record.headers, record.value, family=Family.SCHOOLS) for record in records(kafka)
    ]
    return sorted(events, key=lambda one: int(one.id.removeprefix("e-")))


def smart_region(
    *arguments: str, broker: str, given: bytes = b""
) -> subprocess.CompletedProcess[str]:
    return captured(
        [sys.executable, "-m", "smart_region", *arguments],
        cwd=ROOT,
        env={**os.environ, "SMART_REGION_BROKER": broker},
        input=given.decode(errors="surrogateescape"),
        errors="surrogateescape",
    )


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


def test_the_partition_is_that_of_other_murmur2_producers(kafka: KafkaBroker) -> None:
    apply_topics(kafka.bootstrap, [TOPIC])
    chosen = {}
    producer = opened(KafkaProducer, kafka.bootstrap)
    for number in range(100):
        key, value, headers = encode_structured(event(number))
        sent = producer.send(SCHOOLS, key=key, value=value, headers=headers).get(10)
        chosen[key] = sent.partition
    producer.close()
    assert chosen == {key: partition_for(key, PARTITIONS) for key in chosen}


def test_a_missing_topic_is_named(kafka: KafkaBroker) -> None:
    options = PublisherOptions(connect_seconds=1)
    with (
        pytest.raises(TopicsMissingError, match=r"smartregion\.schools.*topics apply"),
        KafkaPublisher(kafka.bootstrap, options=options) as publisher,
    ):
        publisher.publish(event(1))


@contextmanager
def publishing(kafka: KafkaBroker) -> Iterator[KafkaPublisher]:
    apply_topics(kafka.bootstrap, [TOPIC])
    with KafkaPublisher(kafka.bootstrap, options=PublisherOptions(delivery_seconds=2)) as publisher:
        publisher.publish(event(0))
        assert publisher.flush().delivered == 1
        yield publisher


@pytest.mark.usefixtures("refused_connections")
def test_events_without_acknowledgement_are_reported(kafka: KafkaBroker) -> None:
    with publishing(kafka) as publisher:
        kafka.kill()
        lost = [event(number) for number in range(1, 20)]
        for one in lost:
            publisher.publish(one)
        report = publisher.flush()
    assert report.delivered == 0
    assert {failed.event.id for failed in report.failed} == {one.id for one in lost}


@pytest.mark.usefixtures("refused_connections")
def test_losses_that_nobody_asked_for_are_an_error(kafka: KafkaBroker) -> None:
    def lose_one() -> None:
        with publishing(kafka) as publisher:
            kafka.kill()
            publisher.publish(event(1))

    with pytest.raises(DeliveryError, match="value 1 missing"):
        lose_one()


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
    assert decoded(kafka) == events


def test_emit_from_end_to_end(kafka: KafkaBroker) -> None:
    assert run_inside(kafka, "topics", "apply").returncode == 0
    good = [encode_structured(event(number)).value for number in range(3)]
    ran = smart_region(
        "emit", broker=kafka.bootstrap, given=b"\n".join([good[0], b"{}", *good[1:]])
    )
    assert (ran.stdout, ran.returncode) == ("3 accepted, 1 refused\n", 1)
    assert ran.stderr.splitlines() == [
        (
            "line 2: value: the record is not a CloudEvent, value {}:"
            " send a JSON object with the attributes of CloudEvents 1.0"
        )
    ]


def test_a_second_apply_from_the_shell(kafka: KafkaBroker) -> None:
    apply, count = ("topics", "apply"), len(declared_topics())
    assert f"{count} created, 0 as" in smart_region(*apply, broker=kafka.bootstrap).stdout
    assert f"0 created, {count} as" in run_inside(kafka, *apply).stdout
    refused = run_inside(kafka, *apply, "--partitions", "4")
    assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1)


@pytest.mark.usefixtures("refused_connections")
def test_a_dead_broker_is_one_line_from_the_shell(kafka: KafkaBroker) -> None:
    kafka.stop()
    ran = smart_region("emit", broker=kafka.bootstrap, given=encode_structured(event(1)).value)
    assert (ran.stdout, ran.returncode) == ("0 accepted, 0 refused\n", 2)
    (line,) = ran.stderr.splitlines()
    assert "ECONNREFUSED" in line
    assert "check the address" in line
    with pytest.raises(BrokerUnreachableError):
        verify_topics(kafka.bootstrap, [TOPIC], connect_seconds=0.2)
