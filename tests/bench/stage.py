"""One broker with a workload on it, and applications that have read nothing of it yet."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiokafka import AIOKafkaProducer
from kafka import TopicPartition
from kafka.errors import CoordinatorNotAvailableError, NoError
from kafka.structs import OffsetAndMetadata

from broker.offsets import uncommitted
from broker.topic_admin import apply_topics
from events.cloudevent import EncodedRecord, encode_structured
from events.fact import Family
from events.partitioning import partition_for
from events.topics import (
    DEAD_LETTER_OUTCOMES,
    DEFAULT_PARTITIONS,
    TopicSpec,
    declared_topics,
    topic_name,
)
from tests.bench.application import Application
from tests.bench.workloads import Workload
from tests.support.kafka import KafkaBroker, remove_members
from tests.support.waiting import wait_until

COMMIT_SECONDS = 30.0
_BATCH_BYTES = 256 * 1024


class BehindError(Exception):
    def __init__(self, app_id: str, *, behind: int) -> None:
        super().__init__(f"{app_id}: {behind} records not committed {COMMIT_SECONDS:.0f} s later")


class Stage:
    """The broker on which every engine runs, one after the other."""

    def __init__(self, broker: KafkaBroker, *, partitions: int = DEFAULT_PARTITIONS) -> None:
        self._broker = broker
        self.partitions = partitions
        self._keys: dict[tuple[Family, int], list[bytes]] = {}
        self._numbers = itertools.count(1)
        self.mean_event_bytes: dict[str, int] = {}
        apply_topics(broker.bootstrap, declared_topics(partitions=partitions))

    def preload(self, workload: Workload) -> None:
        """Put a workload's events on its topic, in place of whatever was there.

        A worker reads all topics of events before it is ready: no other workload is there.
        """
        self._empty()
        records = [encode_structured(event) for event in workload.events()]
        sizes = [len(record.value) for record in records]
        self.mean_event_bytes[workload.name] = round(sum(sizes) / len(sizes))
        self.send(workload.family, records)

    def send(self, family: Family, records: list[EncodedRecord]) -> None:
        asyncio.run(self._send(family, records))

    @contextmanager
    def application(
        self, workload: Workload, *, events: int | None = None
    ) -> Iterator[Application]:
        """Yield a new application that has to read the last `events` of a workload, or all.

        All else counts as read. It has an empty changelog, for engines that write one. Topics with
        its name are deleted afterwards.
        """
        app_id = f"bench-{next(self._numbers)}"
        read = {
            family_partition: self._already_read(family_partition, workload.family, events)
            for family_partition in self._keys
        }
        offsets = {
            TopicPartition(topic_name(family), partition): OffsetAndMetadata(offset, "", -1)
            for (family, partition), offset in read.items()
            if offset  # A group without an offset begins at the beginning.
        }
        if offsets:
            self._commit(app_id, offsets)
        application = Application(
            self._broker.bootstrap,
            app_id,
            workload.family,
            sum(self._ends.values()) - sum(read.values()),
        )
        changelog = TopicSpec(application.changelog, "entity", self.partitions, 1, compacted=True)
        apply_topics(self._broker.bootstrap, [changelog])
        yield application
        with self._broker.admin() as admin:
            own = re.compile(rf"{app_id}(?!\d)")  # An engine may have made topics of its own.
            admin.delete_topics([topic for topic in admin.list_topics() if own.search(topic)])

    def await_committed(self, application: Application) -> None:
        """Return when the group has committed every event. Raises BehindError."""
        with self._broker.admin() as admin:
            if not wait_until(lambda: not self._behind(admin, application), seconds=COMMIT_SECONDS):
                raise BehindError(application.app_id, behind=self._behind(admin, application))

    def dismiss(self, application: Application) -> None:
        """Put the group's members out, whose processes have ended without a word."""
        with self._broker.admin() as admin:
            remove_members(admin, [application.app_id])

    def entities(self, application: Application) -> int:
        family, events = application.family, application.events
        read = {one: self._already_read(one, family, events) for one in self._keys}
        return len({key for one, begin in read.items() for key in self._keys[one][begin:]})

    def _empty(self) -> None:
        filled = {topic_name(family) for family, _ in self._keys}
        self._keys.clear()
        if not filled:
            return
        filled.add(DEAD_LETTER_OUTCOMES)  # It has the ids of the topics.
        with self._broker.admin() as admin:
            admin.delete_topics(filled)
            wait_until(lambda: not filled & set(admin.list_topics()), seconds=COMMIT_SECONDS)
        apply_topics(self._broker.bootstrap, declared_topics(partitions=self.partitions))

    @property
    def _ends(self) -> dict[tuple[Family, int], int]:
        return {family_partition: len(keys) for family_partition, keys in self._keys.items()}

    def _commit(self, app_id: str, offsets: dict[TopicPartition, OffsetAndMetadata]) -> None:
        def committed() -> bool:
            try:
                outcomes = admin.alter_group_offsets(app_id, offsets).values()
            except CoordinatorNotAvailableError:
                return False  # The broker makes its topic of offsets when the first group asks.
            return all(outcome is NoError for outcome in outcomes)

        with self._broker.admin() as admin:
            wait_until(committed, seconds=COMMIT_SECONDS)

    def _behind(self, admin: Any, application: Application) -> int:  # noqa: ANN401 - untyped client
        ends = {
            (topic_name(family), partition): end for (family, partition), end in self._ends.items()
        }
        return uncommitted(admin, application.app_id, ends)

    def _already_read(
        self, family_partition: tuple[Family, int], family: Family, events: int | None
    ) -> int:
        end = len(self._keys[family_partition])
        if family_partition[0] is not family:
            return end
        if events is None or events == sum(
            len(keys) for (one, _), keys in self._keys.items() if one is family
        ):
            return 0
        return max(end - events // self.partitions, 0)

    async def _send(self, family: Family, records: list[EncodedRecord]) -> None:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._broker.bootstrap, max_batch_size=_BATCH_BYTES, acks="all"
        )
        by_partition: dict[int, list[EncodedRecord]] = {}
        for record in records:
            home = partition_for(record.key, self.partitions)
            by_partition.setdefault(home, []).append(record)
        await producer.start()
        try:
            for partition, of_partition in by_partition.items():
                await _send_batches(producer, topic_name(family), partition, of_partition)
                keys = self._keys.setdefault((family, partition), [])
                keys.extend(record.key for record in of_partition)
            await producer.flush()
        finally:
            await producer.stop()


async def _send_batches(
    producer: Any,  # noqa: ANN401 - untyped client
    topic: str,
    partition: int,
    records: list[EncodedRecord],
) -> None:
    batch = producer.create_batch()
    for record in records:
        sent = {"key": record.key, "value": record.value, "headers": record.headers}
        if batch.append(timestamp=None, **sent) is None:
            await producer.send_batch(batch, topic, partition=partition)
            batch = producer.create_batch()
            batch.append(timestamp=None, **sent)
    await producer.send_batch(batch, topic, partition=partition)


def log_bytes(broker: KafkaBroker, topic: str) -> int:
    return sum(
        file.stat().st_size
        for folder in (broker.folder / "data").glob(f"{topic}-[0-9]*")
        for file in folder.glob("*.log")
    )
