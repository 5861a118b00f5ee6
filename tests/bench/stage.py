"""One broker with a workload on it, and applications that have read nothing of it yet."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

from aiokafka import AIOKafkaProducer

from broker.offsets import uncommitted
from broker.topic_admin import apply_topics
from events.cloudevent import CloudEvent, encode_structured
from events.partitioning import partitions_for
from events.topics import (
    DEAD_LETTER_OUTCOMES,
    DEFAULT_PARTITIONS,
    TopicSpec,
    declared_topics,
    topic_name,
)
from tests.bench.application import Application
from tests.bench.harness import BenchError
from tests.bench.workloads import Workload
from tests.support.kafka import KafkaBroker, remove_members
from tests.support.waiting import wait_until

COMMIT_SECONDS = 30.0
_BATCH_BYTES = 256 * 1024
_BLOCK_EVENTS = 20_000
"""No more events than these are in memory."""


class Stage:
    """The broker on which every engine runs, one after the other."""

    def __init__(self, broker: KafkaBroker, *, partitions: int = DEFAULT_PARTITIONS) -> None:
        self._broker = broker
        self.partitions = partitions
        #: The number of records, by topic and partition.
        self._ends: Counter[tuple[str, int]] = Counter()
        self._numbers = itertools.count(1)
        apply_topics(broker.bootstrap, declared_topics(partitions=partitions))

    def preload(self, workload: Workload) -> None:
        """Put a workload's events on its topic, in place of whatever was there.

        A worker reads all topics of events before it is ready: no other workload is there.
        """
        self.empty()
        self.send(workload.events())

    def empty(self) -> None:
        filled = {topic for topic, _ in self._ends}
        self._ends.clear()
        if not filled:
            return
        filled.add(DEAD_LETTER_OUTCOMES)  # It has the ids of the topics.
        with self._broker.admin() as admin:
            admin.delete_topics(filled)
            wait_until(lambda: not filled & set(admin.list_topics()), seconds=COMMIT_SECONDS)
        apply_topics(self._broker.bootstrap, declared_topics(partitions=self.partitions))

    def send(self, events: Iterable[CloudEvent]) -> int:
        """Put events on the topics of their families; return how many they are."""
        return asyncio.run(self._send(iter(events)))

    @contextmanager
    def application(self, workload: Workload) -> Iterator[Application]:
        """Yield a new application that has to read all events of a workload.

        It has an empty changelog, for engines that write one. Topics with its name are deleted
        afterwards.
        """
        application = Application(
            self._broker.bootstrap,
            f"bench-{next(self._numbers)}",
            workload.family,
            self._ends.total(),
        )
        changelog = TopicSpec(application.changelog, "entity", self.partitions, 1, compacted=True)
        apply_topics(self._broker.bootstrap, [changelog])
        yield application
        with self._broker.admin() as admin:
            # An engine may have made topics of its own.
            own = re.compile(rf"{application.app_id}(?!\d)")
            admin.delete_topics([topic for topic in admin.list_topics() if own.search(topic)])

    def await_committed(self, application: Application) -> None:
        """Return when the group has committed every event. Raises BenchError."""
        app_id = application.app_id
        with self._broker.admin() as admin:
            if not wait_until(
                lambda: not uncommitted(admin, app_id, self._ends), seconds=COMMIT_SECONDS
            ):
                behind = uncommitted(admin, app_id, self._ends)
                raise BenchError(f"{app_id}: {behind} records not committed after its work")

    def dismiss(self, application: Application) -> None:
        """Put the group's members out, whose processes have ended without a word."""
        with self._broker.admin() as admin:
            remove_members(admin, [application.app_id])

    def log_bytes(self) -> int:
        """Return the size of the logs of all events on the broker's disk."""
        return sum(
            file.stat().st_size
            for topic in {topic for topic, _ in self._ends}
            for folder in (self._broker.folder / "data").glob(f"{topic}-[0-9]*")
            for file in folder.glob("*.log")
        )

    async def _send(self, events: Iterator[CloudEvent]) -> int:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._broker.bootstrap, max_batch_size=_BATCH_BYTES, acks="all"
        )
        await producer.start()
        open_batches: dict[tuple[str, int], Any] = {}
        sent = 0
        try:
            while block := [*islice(events, _BLOCK_EVENTS)]:
                records = [encode_structured(event) for event in block]
                numbers = partitions_for([record.key for record in records], self.partitions)
                for event, number, (key, value, headers) in zip(
                    block, numbers, records, strict=True
                ):
                    home = topic_name(event.fact.FAMILY), number
                    content = {"timestamp": None, "key": key, "value": value, "headers": headers}
                    batch = open_batches.get(home)
                    if batch is None or batch.append(**content) is None:
                        if batch is not None:
                            await producer.send_batch(batch, home[0], partition=number)
                        batch = open_batches[home] = producer.create_batch()
                        batch.append(**content)
                    self._ends[home] += 1
                sent += len(block)
            for (topic, number), batch in open_batches.items():
                await producer.send_batch(batch, topic, partition=number)
            await producer.flush()
        finally:
            await producer.stop()
        return sent
