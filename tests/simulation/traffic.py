"""The records of a run: a part of the simulated Région, in disorder, some wrong, some double."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from events.partitioning import partition_for
from events.topics import topic_name
from tests.support.traffic import Message

if TYPE_CHECKING:
    from tests.simulation.cluster import Cluster

__all__ = ["Traffic", "chosen"]

#: Of a run's records.
DAMAGED_SHARES: Final = (0.01, 0.1)
MISROUTED_SHARES: Final = (0.02, 0.2)
#: How many records each entity of a run has, at the least.
FEWEST_RECORDS: Final = (3, 8)


def chosen(pool: Sequence[Message], chance: Random, *, count: int) -> list[Message]:
    """Return records of a run: a tenth twice, some damaged, in disorder.

    They are consecutive ones, or all those of entities of which there are many: an older state
    that replaces a newer one is seen where an entity has several.
    """
    whole = count * 9 // 10
    fewest = chance.choice((1, *FEWEST_RECORDS))
    if fewest == 1:
        begin = chance.randrange(len(pool) - count)
        taken = list(pool[begin : begin + whole])
    else:
        numbers = Counter((one.family, one.key) for one in pool)
        many = [entity for entity, number in numbers.items() if number >= fewest]
        of = {entity: place for place, entity in enumerate(chance.sample(many, len(many)))}
        places = sorted(
            (of[entity], at)
            for at, one in enumerate(pool)
            if (entity := (one.family, one.key)) in of
        )
        taken = [pool[at] for _, at in sorted(places[:whole], key=lambda one: one[1])]
    taken += [chance.choice(taken) for _ in range(count - len(taken))]
    for _ in range(int(count * chance.choice(DAMAGED_SHARES))):
        at = chance.randrange(len(taken))
        taken[at] = _damaged(taken[at], chance)
    # Nearly in order: a record may be some hundred places from where it belongs.
    reach = chance.choice((1, 20, 300))
    order = sorted(range(len(taken)), key=lambda at: at + chance.uniform(0, reach))
    return [taken[at] for at in order]


def _damaged(message: Message, chance: Random) -> Message:
    value = message.value
    kind = chance.randrange(4)
    if kind == 0:
        return replace(message, value=value[: chance.randrange(len(value) + 1)])
    if kind == 1:
        return replace(message, value=b"")
    if kind == 2:
        return replace(message, key=message.key + b"X")
    return replace(message, value=value.replace(b"2016-", b"2061-"))


class Traffic:
    """A producer that sends the records of a run, and knows which were acknowledged."""

    def __init__(self, cluster: Cluster, chance: Random, *, partitions: int) -> None:
        self._cluster = cluster
        self._chance = chance
        self._partitions = partitions
        self._misrouted = chance.choice(MISROUTED_SHARES)
        #: Of each acknowledged record: topic, partition, offset and value.
        self.acknowledged: list[tuple[str, int, int, bytes]] = []
        self.failed = 0

    async def send(self, messages: Sequence[Message], *, seconds: float) -> None:
        """Send records within about so many seconds, and wait for their acknowledgement."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self._cluster.bootstrap,
            enable_idempotence=True,
            acks="all",
            linger_ms=5,
            request_timeout_ms=20_000,
        )
        while True:
            try:
                await producer.start()
            except KafkaError:
                await asyncio.sleep(0.2)
            else:
                break
        burst = self._chance.choice((10, 60, 300))
        sent = []
        for at in range(0, len(messages), burst):
            sent += [
                (message, *await self._send(producer, message))
                for message in messages[at : at + burst]
            ]
            await asyncio.sleep(seconds * burst / len(messages))
        for message, partition, acknowledged in sent:
            try:
                done = await acknowledged
            except KafkaError:
                self.failed += 1
            else:
                self.acknowledged.append(
                    (topic_name(message.family), partition, done.offset, message.value)
                )
        await producer.stop()

    async def _send(
        self, producer: AIOKafkaProducer, message: Message
    ) -> tuple[int, asyncio.Future[Any]]:
        # A producer with another partitioner: workers forward what it sends.
        partition = (
            self._chance.randrange(self._partitions)
            if self._chance.random() < self._misrouted
            else partition_for(message.key, self._partitions)
        )
        return partition, await producer.send(
            topic_name(message.family),
            message.value,
            key=message.key,
            headers=list(message.headers),
            partition=partition,
        )
