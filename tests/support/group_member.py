"""A member of a consumer group without a broker: Faust's consumer on a scripted thread."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from time import monotonic
from typing import Any, cast

import faust
from faust.types import TP, ConsumerMessage, Message

from catalogue.loader import load_catalogue
from catalogue.model import Catalogue
from events.fact import Family
from events.last_record import LastRecord
from events.topics import FAMILIES, topic_name
from streams.app import create_app
from streams.assigned_partition import Batch
from streams.batch_transport import BatchConsumer, BatchProducer, BatchTransport
from streams.clock import FixedClock
from streams.commit_metadata import NO_METADATA, CommitMetadata, Committed
from streams.decisions import AcceptedLoss
from streams.engine import Engine
from streams.settings import Settings
from streams.state_store import Position
from tests.support.records import PARTITIONS, FakeRecord

APP_ID = "member"
GENERATION = 7
LOG_END = 1000
"""Where a log ends, unless a test says otherwise."""

Poll = Mapping[TP, list["PolledRecord"]]


@dataclass(frozen=True)
class PolledRecord(FakeRecord):
    """A record as aiokafka returns it to Faust."""

    timestamp: int = 1_700_000_000_000
    timestamp_type: int = 0


class ScriptedThread:
    """A substitute for Faust's consumer thread, between the consumer and the broker.

    It returns what a test has set, and records calls: `polled` the partitions of each poll,
    `timeouts` their timeouts, `sought` the seeks, and `committed_offsets` those of the group, with
    their `metadata`. `starts` and `log_ends` are the extents of logs on the broker, `ends` those of
    the last fetches.
    """

    def __init__(self) -> None:
        self.polls: deque[Callable[[], Poll]] = deque()
        self.polled: list[set[TP]] = []
        self.timeouts: list[float] = []
        self.sought: list[dict[TP, int]] = []
        self.committed_offsets: dict[TP, int | None] = {}
        self.metadata: dict[TP, CommitMetadata] = {}
        self.consumer: BatchConsumer | None = None
        self.takes_commits = True
        self.assigned: set[TP] = set()
        self.starts: dict[TP, int] = {}
        self.log_ends: dict[TP, int] = {}
        self.ends: dict[TP, int] = {}
        self.stable_ends: dict[TP, int] = {}
        self.positions: dict[TP, int] = {}
        self.current = GENERATION
        self.heartbeat_at = monotonic()

    def note_poll(self) -> None:
        """Count nothing."""

    def brings(self, poll: Poll, *, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Set the records of the next poll; `meanwhile` is called during it."""

        def bring() -> Poll:
            meanwhile()
            return poll

        self.polls.append(bring)

    async def getmany(self, partitions: set[TP], timeout: float) -> Poll:  # noqa: ASYNC109
        """Poll: Faust's signature."""
        self.polled.append(set(partitions))
        self.timeouts.append(timeout)
        return self.polls.popleft()() if self.polls else {}

    async def earliest_offsets(self, *tps: TP) -> Mapping[TP, int]:
        return {tp: self.starts.get(tp, 0) for tp in tps}

    async def highwaters(self, *tps: TP) -> Mapping[TP, int]:
        return {tp: self.log_ends.get(tp, LOG_END) for tp in tps}

    async def committed(self, tps: Iterable[TP]) -> Mapping[TP, Committed]:
        return {
            tp: Committed(offset, self.metadata.get(tp, NO_METADATA))
            for tp in tps
            if (offset := self.committed_offsets.get(tp)) is not None
        }

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        self.sought.append(dict(partitions))

    async def commit(self, offsets: Mapping[TP, int]) -> bool:
        """Commit for the group, as the real thread does."""
        if self.takes_commits and self.consumer is not None:
            found = self.consumer.to_commit(offsets)
            for tp, (offset, metadata) in found.items():
                self.committed_offsets[tp], self.metadata[tp] = offset, metadata
            self.consumer.note_committed(found)
        return self.takes_commits

    def assignment(self) -> set[TP]:
        return self.assigned

    def highwater(self, tp: TP) -> int | None:
        return self.ends.get(tp)

    def stable_end(self, tp: TP) -> int | None:
        return self.stable_ends.get(tp)

    def fetch_position(self, tp: TP) -> int:
        return self.positions.get(tp, 0)

    def generation(self) -> int:
        return self.current


@cache
def _catalogue() -> Catalogue:
    return load_catalogue()


def build_engine() -> Engine:
    """Return an engine with the shipped catalogue, on the last day of 2020."""
    return Engine(_catalogue(), FixedClock(date(2020, 12, 31)), partitions=PARTITIONS)


def build_app(
    engine: Engine | None = None,
    *,
    on_failure: Callable[[BaseException], None] = lambda _: None,
    transport: type[BatchTransport] = BatchTransport,
    **settings: Any,
) -> faust.App:
    """Return the app as a worker builds it, not started. Needs a running loop."""
    app = create_app(
        Settings(app_id=APP_ID, partitions=PARTITIONS, **settings),
        engine or build_engine(),
        on_failure=on_failure,
        transport=transport,
    )
    app.finalize()
    return app


def consumer_of(app: faust.App) -> BatchConsumer:
    """Return the app's consumer; the loop of its thread, which never runs, is closed."""
    consumer = cast("BatchConsumer", app.consumer)
    consumer._thread.thread_loop.close()
    return consumer


def joined(
    *assigned: TP,
    committed: Mapping[TP, int] | None = None,
    transport: type[BatchTransport] = BatchTransport,
) -> tuple[BatchConsumer, ScriptedThread]:
    """Return the app's consumer after an assignment, before it seeks, and its thread.

    `committed` are the group's offsets. Needs a running loop.
    """
    app = build_app(transport=transport)
    app.consumer_generation_id = GENERATION
    consumer = consumer_of(app)
    thread = ScriptedThread()
    thread.assigned = set(assigned)
    thread.committed_offsets.update(committed or {})
    thread.consumer = consumer
    consumer._thread = thread  # type: ignore[assignment]
    consumer._set_active_tps(set(assigned))
    consumer._assigned_generation, consumer._is_revoked = GENERATION, False
    return consumer, thread


async def member(*assigned: TP, **given: Any) -> tuple[BatchConsumer, ScriptedThread]:
    """Return the app's consumer in the middle of its work, and its thread: it has sought.

    Its states are empty, and those of a partition without a committed offset are caught up.
    """
    consumer, thread = joined(*assigned, **given)
    await consumer.perform_seek()
    thread.sought.clear()
    return consumer, thread


async def rebalance(
    consumer: BatchConsumer,
    thread: ScriptedThread,
    *assigned: TP,
    generation: int = GENERATION + 1,
    meanwhile: Callable[[], object] = lambda: None,
) -> None:
    """Revoke all partitions, and assign some; `meanwhile`, called in between, acts for others.

    The consumer has committed what is done, but not yet sought.
    """

    async def commit(_: object) -> None:
        await consumer.commit()

    async def nothing(*_: object) -> None:
        """Skip what Faust does for its streams."""

    consumer._on_partitions_revoked = commit
    consumer._on_partitions_assigned = nothing
    await consumer.on_partitions_revoked(set(thread.assigned))
    meanwhile()
    thread.assigned = set(assigned)
    thread.current = consumer.app.consumer_generation_id = generation
    await consumer.on_partitions_assigned(set(assigned), generation)
    consumer.app.rebalancing = False


def position_of(consumer: BatchConsumer, tp: TP) -> Position | None:
    return consumer.transport.state_store.position(FAMILIES[tp.topic], tp.partition)


def _move(consumer: BatchConsumer, tp: TP, position: Position) -> None:
    consumer.transport.state_store.move(FAMILIES[tp.topic], tp.partition, position)


def keep(consumer: BatchConsumer, tp: TP, *, last: LastRecord) -> None:
    _move(consumer, tp, Position(last.offset + 1, last, 0))


def merge(consumer: BatchConsumer, handed: Message) -> None:
    """Do as the engine does with a batch: move the position, then release the batch."""
    batch = cast("Batch", handed.value)
    before = position_of(consumer, handed.tp)
    assert before is not None
    assert before.next == batch.start, "the batch does not follow the states"
    last = batch.records[-1]
    _move(consumer, handed.tp, Position(last.offset + 1, LastRecord.of(last), before.start))
    consumer.done(handed)


def topic(family: Family) -> TP:
    return TP(topic_name(family), 0)


def polled(tp: TP, *offsets: int) -> dict[TP, list[PolledRecord]]:
    return {tp: [record(tp, offset) for offset in offsets]}


def record(tp: TP, offset: int, *, key: bytes = b"key") -> PolledRecord:
    return PolledRecord(tp.topic, tp.partition, offset, key, b"value")


def last_record(offset: int, *, key: bytes = b"key") -> LastRecord:
    return LastRecord.of(record(topic(Family.SCHOOLS), offset, key=key))


async def read(consumer: BatchConsumer) -> list[ConsumerMessage]:
    """Poll once with the consumer; return the messages that it passes on."""
    return [handed async for _, handed in consumer.getmany(timeout=1.0)]


async def batch(consumer: BatchConsumer) -> list[tuple[TP, list[int]]]:
    """Poll once with the consumer; return the partitions and offsets that it passes on."""
    return [(handed.tp, offsets_of(handed)) for handed in await read(consumer)]


async def read_and_merge(consumer: BatchConsumer) -> list[Batch]:
    """Poll once with the consumer, and merge what it passes on; return the batches."""
    handed = await read(consumer)
    for one in handed:
        merge(consumer, one)
    return [cast("Batch", one.value) for one in handed]


def offsets_of(handed: Message) -> list[int]:
    return [one.offset for one in cast("Batch", handed.value).records]


def loss_of(tp: TP, **lost: Any) -> AcceptedLoss:
    at = datetime(2020, 1, 1, tzinfo=UTC)
    return AcceptedLoss(
        topic=tp.topic, partition=tp.partition, at=at, because="the disk failed", **lost
    )


class Broker:
    """A substitute for aiokafka's producer: what was sent, and its pending acknowledgements."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.answers: list[asyncio.Future[object]] = []

    async def send(self, topic: str, value: bytes, **parts: Any) -> Any:  # noqa: ANN401
        return self._take((topic, value, parts))

    def _take(self, sent: object) -> asyncio.Future[object]:
        self.sent.append(sent)
        self.answers.append(asyncio.get_running_loop().create_future())
        return self.answers[-1]


def producing(
    transport: type[BatchTransport] = BatchTransport,
) -> tuple[BatchProducer, Broker]:
    """Return the app's producer and the broker that it writes to. Needs a running loop."""
    producer = cast("BatchProducer", build_app(transport=transport).producer)
    broker = Broker()
    producer._producer = broker
    return producer, broker
