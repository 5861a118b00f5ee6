"""A member of a consumer group without a broker: Faust's consumer on a scripted thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from time import monotonic
from typing import Any, cast

import faust
from faust.types import TP, ConsumerMessage, Message

from catalogue.loader import load_catalogue
from catalogue.model import Catalogue
from events.fact import Family
from events.topics import changelog_name, topic_name
from streams.app import create_app
from streams.batch_transport import BatchConsumer, BatchTransport, Committed
from streams.clock import FixedClock
from streams.commit_metadata import NO_METADATA, CommitMetadata
from streams.engine import Engine
from streams.settings import Settings
from tests.support.records import PARTITIONS, FakeRecord

APP_ID = "member"
GENERATION = 7

Poll = Mapping[TP, list["PolledRecord"]]


@dataclass(frozen=True)
class PolledRecord(FakeRecord):
    """A record as aiokafka returns it to Faust."""

    timestamp: int = 1_700_000_000_000
    timestamp_type: int = 0


class ScriptedThread:
    """A substitute for Faust's consumer thread, between the consumer and the broker.

    It returns what a test has set, and records calls: `polled` the partitions of each poll,
    `timeouts` their timeouts, `sought` the seeks, `committed_offsets` those of the group, with
    their `metadata`, and `polls_noted` how many polls had nothing to ask for.
    """

    def __init__(self) -> None:
        self.polls: deque[Callable[[], Poll]] = deque()
        self.polled: list[set[TP]] = []
        self.timeouts: list[float] = []
        self.sought: list[dict[TP, int]] = []
        self.went_back = 0
        self.committed_offsets: dict[TP, int | None] = {}
        self.metadata: dict[TP, CommitMetadata] = {}
        self.takes_commits = True
        self.assigned: set[TP] = set()
        self.ends: dict[TP, int] = {}
        self.stable_ends: dict[TP, int] = {}
        self.positions: dict[TP, int] = {}
        self.current = GENERATION
        self.heartbeat_at = monotonic()
        self.fetch_max_waits: list[int] = []
        self.polls_noted = 0

    def note_poll(self) -> None:
        """Count a poll that had nothing to ask for."""
        self.polls_noted += 1

    def set_fetch_max_wait(self, milliseconds: int) -> None:
        """Record the longest wait of fetch requests."""
        self.fetch_max_waits.append(milliseconds)

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

    async def seek_to_committed(self) -> Mapping[TP, int | None]:
        """Seek to the committed offsets."""
        self.went_back += 1
        return {tp: self.committed_offsets.get(tp) for tp in self.assigned}

    async def committed(self, tps: Iterable[TP]) -> Mapping[TP, Committed]:
        """Return the committed offsets with their metadata."""
        return {
            tp: Committed(offset, self.metadata.get(tp, NO_METADATA))
            for tp in tps
            if (offset := self.committed_offsets.get(tp)) is not None
        }

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        """Record a seek."""
        self.sought.append(dict(partitions))

    async def commit(self, offsets: Mapping[TP, int]) -> bool:
        """Commit for the group."""
        if self.takes_commits:
            self.committed_offsets.update(offsets)
        return self.takes_commits

    def assignment(self) -> set[TP]:
        """Return the assigned partitions."""
        return self.assigned

    def highwater(self, tp: TP) -> int | None:
        """Return the high watermark of a partition, if a fetch has returned it."""
        return self.ends.get(tp)

    def stable_end(self, tp: TP) -> int | None:
        """Return the last stable offset."""
        return self.stable_ends.get(tp)

    def fetch_position(self, tp: TP) -> int:
        """Return the next offset to fetch."""
        return self.positions.get(tp, 0)

    def generation(self) -> int:
        """Return the generation of this member."""
        return self.current


@cache
def _catalogue() -> Catalogue:
    return load_catalogue()


def build_engine() -> Engine:
    """Return an engine with the catalogue that we ship, on the last day of 2020."""
    return Engine(
        _catalogue(), FixedClock(date(2020, 12, 31)), app_id=APP_ID, partitions=PARTITIONS
    )


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


def member(*assigned: TP) -> tuple[BatchConsumer, ScriptedThread]:
    """Return the app's consumer in the middle of its work, and its thread.

    Needs a running loop.
    """
    app = build_app()
    app.consumer_generation_id = GENERATION
    consumer = consumer_of(app)
    thread = ScriptedThread()
    thread.assigned = set(assigned)
    consumer._thread = thread  # type: ignore[assignment]
    consumer._set_active_tps(set(assigned))
    consumer.finish_check(GENERATION, ())
    return consumer, thread


def topic(family: Family, partition: int = 0) -> TP:
    """Return a partition of a family's events."""
    return TP(topic_name(family), partition)


def changelog(family: Family, partition: int = 0) -> TP:
    """Return a partition of a family's changelog."""
    return TP(changelog_name(APP_ID, family), partition)


def polled(tp: TP, *offsets: int) -> dict[TP, list[PolledRecord]]:
    """Return what a poll brings of one partition."""
    return {tp: [PolledRecord(tp.topic, tp.partition, n, b"key", b"value") for n in offsets]}


async def batch(consumer: BatchConsumer) -> list[tuple[TP, list[int]]]:
    """Poll once with the consumer; return the partitions and offsets that it hands on."""
    return [
        (tp, [record.offset for record in cast("list[PolledRecord]", handed.value)])
        async for tp, handed in consumer.getmany(timeout=1.0)
    ]


def message(
    tp: TP,
    records: Iterable[FakeRecord] = (),
    *,
    offset: int = 41,
    generation: int | None = GENERATION,
) -> Message:
    """Return the message of a batch whose last record has this offset."""
    return ConsumerMessage(
        tp.topic,
        tp.partition,
        offset,
        0.0,
        0,
        [],
        None,
        cast("bytes", list(records)),  # Faust's word for what a batch carries.
        None,
        tp=tp,
        generation_id=generation,
    )
