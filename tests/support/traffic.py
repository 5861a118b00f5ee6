"""Traffic for a broker: sends the simulator's records fast, and waits until all are processed."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache, partial
from typing import Any, Final

from kafka import TopicPartition
from kafka.admin import KafkaAdminClient, OffsetSpec
from kafka.errors import KafkaError

from broker.clients import opened
from broker.errors import BrokerRefusedError, BrokerUnreachableError
from broker.offsets import partition_offsets, uncommitted
from broker.topic_admin import seen_topics
from broker.writing import KafkaWriter
from events.cloudevent import CloudEvent, encode_structured
from events.fact import Family
from events.partitioning import partition_for
from events.records import OutgoingRecord
from events.topics import DEFAULT_APP_ID, topic_name
from simulation.simulator import simulate
from tests.support.waiting import wait_until

CONTENT_TYPE = ("content-type", b"application/cloudevents+json; charset=utf-8")
PARTITIONS = 8
NOT_THERE: Final = (KafkaError, BrokerUnreachableError, BrokerRefusedError)
"""Errors of a broker that is not up yet, or no longer."""
ANSWER_SECONDS: Final = 5
"""After this time without an answer, the request is repeated over another connection."""
ADMIN_SECONDS: Final = 30.0
"""How long one client is used: after a coordinator has moved, it may keep querying the old one."""


@dataclass(frozen=True, slots=True)
class Message:
    """A record to send."""

    family: Family
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = (CONTENT_TYPE,)


def message_of(event: CloudEvent) -> Message:
    encoded = encode_structured(event)
    return Message(event.fact.FAMILY, encoded.key, encoded.value)


def region(seed: int, start: date, end: date) -> list[Message]:
    """Return the simulated Région's records of a period, in the order of sending."""
    return [message for day, message in _region(seed) if start <= day <= end]


@cache
def a_year() -> Sequence[Message]:
    """Return the records that the Région sends in 2016."""
    return region(7, date(2016, 1, 1), date(2016, 12, 31))


@lru_cache(maxsize=4)  # Any period requires simulating all years, and tests share them.
def _region(seed: int) -> Sequence[tuple[date, Message]]:
    return tuple(
        (record.day, Message(record.family, record.key.encode(), record.line.encode()))
        for record in simulate(seed)
    )


def shuffled(messages: Iterable[Message], *, seed: int, doubled: float) -> list[Message]:
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

    `misrouted` is the share of messages sent to another partition, as by a client with another
    partitioner.
    """
    chance = random.Random(len(messages))

    def home(message: Message) -> int:
        if chance.random() < misrouted:
            return chance.randrange(PARTITIONS)
        return partition_for(message.key, PARTITIONS)

    records = [
        OutgoingRecord(topic_name(one.family), home(one), one.key, one.value, one.headers)
        for one in messages
    ]
    at_once = len(records) if per_second is None else 100
    with KafkaWriter(bootstrap) as writer:
        for at in range(0, len(records), at_once or 1):
            writer.send(records[at : at + at_once])
            if per_second is not None:
                time.sleep(at_once / per_second)


def wait_done(bootstrap: str, *, seconds: float, group: str = DEFAULT_APP_ID) -> bool:
    """Wait until all is committed; forwarded records move the end, so it must hold twice.

    It rarely opens another connection, which would take processor time from the workers.
    """
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        with (
            suppress(*NOT_THERE),
            closing(
                opened(KafkaAdminClient, bootstrap, request_timeout_ms=ANSWER_SECONDS * 1000)
            ) as admin,
        ):
            turn = min(left, ADMIN_SECONDS)
            if wait_until(partial(_settled, admin, group), seconds=turn, every=0.2):
                return True
        time.sleep(0.2)
    return False


def _settled(admin: Any, group: str) -> bool:  # noqa: ANN401 - kafka-python ships no annotations
    before = _ends(admin)
    return not uncommitted(admin, group, before) and _ends(admin) == before


def _ends(admin: Any) -> dict[TopicPartition, int]:  # noqa: ANN401 - as above
    partitions = [
        TopicPartition(topic, number)
        for topic, seen in seen_topics(admin, map(topic_name, Family)).items()
        for number in range(seen.partitions)
    ]
    return partition_offsets(admin, partitions, OffsetSpec.LATEST)
