"""Traffic for a broker: the simulator's records sent fast, and the question whether all is done."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date

from aiokafka import AIOKafkaProducer, TopicPartition
from kafka import KafkaConsumer
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from broker.clients import opened
from broker.offsets import uncommitted
from events.cloudevent import CloudEvent, encode_structured
from events.partitioning import partition_for
from events.registry import Family
from events.topics import DEFAULT_APP_ID, topic_name
from simulation.simulator import simulate
from tests.support.waiting import wait_until

__all__ = ["Message", "all_done", "message_of", "region", "send", "shuffled", "wait_done"]

CONTENT_TYPE = ("content-type", b"application/cloudevents+json; charset=utf-8")
PARTITIONS = 8


@dataclass(frozen=True, slots=True)
class Message:
    """A record to send."""

    family: Family
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = (CONTENT_TYPE,)


def message_of(event: CloudEvent) -> Message:
    """Return the message of one event."""
    encoded = encode_structured(event)
    return Message(event.fact.FAMILY, encoded.key, encoded.value)


def region(seed: int, start: date, end: date) -> list[Message]:
    """Return the simulated Région's records of a time, in the order of their sending."""
    return [
        Message(record.family, record.key.encode(), record.line.encode())
        for record in simulate(seed, start, end)
    ]


def shuffled(messages: Iterable[Message], *, seed: int, doubled: float) -> list[Message]:
    """Return the messages in another order, a part of them twice."""
    chance = random.Random(seed)
    mixed = list(messages)
    mixed += [message for message in mixed if chance.random() < doubled]
    chance.shuffle(mixed)
    return mixed


def send(
    bootstrap: str,
    messages: Sequence[Message],
    *,
    per_second: float | None = None,
    misrouted: float = 0.0,
) -> None:
    """Send messages and return when the broker has acknowledged all.

    `misrouted` is the part of them sent to a partition of the producer's own choosing, as a client
    with another partitioner would.
    """
    asyncio.run(_send(bootstrap, messages, per_second, misrouted))


async def _send(
    bootstrap: str, messages: Sequence[Message], per_second: float | None, misrouted: float
) -> None:
    chance = random.Random(len(messages))
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", linger_ms=10, max_request_size=2**21
    )
    await producer.start()
    try:
        sent = []
        for number, message in enumerate(messages):
            partition = partition_for(message.key, PARTITIONS)
            if chance.random() < misrouted:
                partition = chance.randrange(PARTITIONS)
            sent.append(
                await producer.send(
                    topic_name(message.family),
                    message.value,
                    key=message.key,
                    partition=partition,
                    headers=list(message.headers),
                )
            )
            if per_second is not None and number % 100 == 0:
                await asyncio.sleep(100 / per_second)
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


def all_done(bootstrap: str, *, group: str = DEFAULT_APP_ID) -> bool:
    """Return whether every record of every event topic is committed by the group."""
    try:
        with closing(opened(KafkaAdminClient, bootstrap)) as admin:
            return not uncommitted(admin, group, _ends(bootstrap))
    except KafkaError:  # The broker is not there yet.
        return False


def wait_done(bootstrap: str, *, seconds: float, group: str = DEFAULT_APP_ID) -> bool:
    """Wait until all is committed; forwarded records move the end, so it must hold twice."""

    def settled() -> bool:
        before = _ends(bootstrap)
        return all_done(bootstrap, group=group) and _ends(bootstrap) == before

    return wait_until(settled, seconds=seconds, every=0.3)


def _ends(bootstrap: str) -> dict[TopicPartition, int]:
    with closing(opened(KafkaConsumer, bootstrap)) as consumer:
        partitions = [
            TopicPartition(topic_name(family), partition)
            for family in Family
            for partition in consumer.partitions_for_topic(topic_name(family)) or ()
        ]
        return dict(consumer.end_offsets(partitions))
