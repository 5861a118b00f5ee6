"""The records of a run: part of the simulated Région, shuffled, some invalid, some duplicated."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from events.partitioning import partition_for
from events.topics import topic_name
from tests.simulation.cluster import Cluster
from tests.simulation.records import Sent, damaged, rival

#: The shares of a run's records that contradict another one of the same time, that explain a
#: milestone, and that have a mistake.
RIVALS_SHARE: Final = 0.03
EXPLANATIONS_SHARE: Final = 0.02
DAMAGED_SHARES: Final = (0.01, 0.1)
MISROUTED_SHARES: Final = (0.02, 0.2)
#: The minimum number of records for each entity of a run.
FEWEST_RECORDS: Final = (3, 8)


def chosen(pool: Mapping[bool, Sequence[Sent]], chance: Random, *, count: int) -> list[Sent]:
    """Return the records of a run, shuffled: some duplicated, contradicted or damaged.

    They are consecutive records, or all records of entities with many: if an older state replaces a
    newer one, this shows only for an entity with several. `pool` is that of
    `tests.simulation.records`.
    """
    region = pool[False]
    whole = count * 9 // 10
    fewest = chance.choice((1, *FEWEST_RECORDS))
    if fewest == 1:
        begin = chance.randrange(len(region) - count)
        taken = list(region[begin : begin + whole])
    else:
        numbers = Counter((one.family, one.key) for one in region)
        many = [entity for entity, number in numbers.items() if number >= fewest]
        of = {entity: place for place, entity in enumerate(chance.sample(many, len(many)))}
        places = sorted(
            (of[entity], at)
            for at, one in enumerate(region)
            if (entity := (one.family, one.key)) in of
        )
        taken = [region[at] for _, at in sorted(places[:whole], key=lambda one: one[1])]
    # Each record's position in the order of sending.
    placed = [(float(at), one) for at, one in enumerate(taken)]
    others = [rival(chance.choice(taken), chance) for _ in range(int(count * RIVALS_SHARE))]
    others += chance.sample(pool[True], int(count * EXPLANATIONS_SHARE))
    placed += [(chance.uniform(0, whole), one) for one in others]
    placed += [(float(at), chance.choice(placed)[1]) for at in range(len(placed), count)]
    wrong = chance.sample(range(len(placed)), int(count * chance.choice(DAMAGED_SHARES)))
    for at in wrong:
        placed[at] = placed[at][0], damaged(placed[at][1], chance)
    # Nearly in order: a record may be up to a few hundred positions out of place.
    reach = chance.choice((1, 20, 300))
    order = sorted(range(len(placed)), key=lambda at: placed[at][0] + chance.uniform(0, reach))
    return [placed[at][1] for at in order]


class Traffic:
    """A producer that sends the records of a run, and remembers which were acknowledged."""

    def __init__(self, cluster: Cluster, chance: Random, *, partitions: int) -> None:
        self._cluster = cluster
        self._chance = chance
        self._partitions = partitions
        self._misrouted = chance.choice(MISROUTED_SHARES)
        #: The topic, partition, offset and value of each acknowledged record.
        self.acknowledged: list[tuple[str, int, int, bytes | None]] = []
        self.failed = 0

    async def send(self, messages: Sequence[Sent], *, seconds: float) -> None:
        """Send records within about this many seconds, and wait for their acknowledgement."""
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
        self, producer: AIOKafkaProducer, message: Sent
    ) -> tuple[int, asyncio.Future[Any]]:
        # Some producers use another partitioner: workers forward their records.
        partition = (
            self._chance.randrange(self._partitions)
            if self._chance.random() < self._misrouted
            else partition_for(message.key or b"", self._partitions)
        )
        return partition, await producer.send(
            topic_name(message.family),
            message.value,
            key=message.key,
            headers=list(message.headers),
            partition=partition,
        )
