"""A worker's surroundings without Faust or Kafka: its app, its consumer and its producer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from math import inf
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

import faust
from faust.exceptions import ConsumerNotStarted
from faust.types import TP, Message

from events.records import OutgoingRecord
from streams.batch_transport import BatchConsumer, BatchProducer
from streams.decisions import NOTHING_ACCEPTED
from streams.topic_faults import TopicFault

GENERATION = 3


class _Generation(NamedTuple):
    consumer_generation_id: int


@dataclass
class FakeConsumer:
    """A consumer whose partitions the test sets, and which records calls."""

    owned: set[TP] = field(default_factory=set)
    waiting: dict[TP, int] = field(default_factory=dict)
    behind_transactions: dict[TP, int] = field(default_factory=dict)
    started: bool = True
    generation: int = GENERATION
    problem: str | None = None
    error: BaseException | None = None
    silent_seconds: float = 0.0
    unthrottled_seconds: float = inf
    finished: list[Message] = field(default_factory=list)
    begun: list[tuple[TP, int]] = field(default_factory=list)
    ends: dict[int, int] = field(default_factory=dict)
    taken_back: int = 0
    """How often the attempts in progress were taken back."""
    faults: Sequence[TopicFault] = ()
    sought: bool = True
    """Whether the partitions of the generation are sought."""
    behind: dict[TP, int] = field(default_factory=dict)
    """The processed records that partitions have yet to read."""
    log_starts: dict[TP, int] = field(default_factory=dict)
    look_failure: Exception | None = None
    awaited: Callable[[], bool] = lambda: False
    """Whether a rebalance waits for the batches in process."""
    stopped: set[TP] = field(default_factory=set)
    """The partitions with a batch that was ended early."""
    again: list[set[str]] = field(default_factory=list)
    """The topics that were to be read again."""
    released: list[Message] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.transport = SimpleNamespace(accepted=NOTHING_ACCEPTED)

    @property
    def real(self) -> BatchConsumer:
        """Return itself, typed as the class that it replaces."""
        return cast("BatchConsumer", self)

    @property
    def app(self) -> _Generation:
        return _Generation(GENERATION)

    def assignment(self) -> set[TP]:
        self._assert_started()
        return self.owned

    def lag(self) -> dict[TP, int]:
        self._assert_started()
        return self.waiting

    def event_ends(self) -> dict[TP, int]:
        self._assert_started()
        return {}

    def in_transactions(self) -> dict[TP, int]:
        self._assert_started()
        return self.behind_transactions

    def ownership_problem(self, generation: int | None) -> str | None:
        """Return the problem that the test has set, or that of a generation that has passed."""
        self._assert_started()
        if generation != self.generation:
            return f"the work is of generation {generation}, the group's is {self.generation}"
        return self.problem

    def is_sought(self, generation: int) -> bool:
        del generation
        return self.sought

    def is_caught_up(self, tp: TP) -> bool:
        return tp not in self.behind

    def to_catch_up(self) -> int:
        return sum(self.behind.values())

    async def look_at_logs(self) -> None:
        if self.look_failure is not None:
            raise self.look_failure

    async def read_again(self, topics: Collection[str]) -> None:
        self.again.append({*topics})

    def needs_attempt(self, tp: TP) -> bool:
        return not any(begun == tp for begun, _ in self.begun)

    def crashes_at(self, tp: TP, offset: int) -> int:
        del tp
        return self.ends.get(offset, 0)

    async def begin_attempt(self, tp: TP, offset: int) -> int:
        """Record an attempt; return the number of ends that the test has set."""
        self.begun.append((tp, offset))
        return self.ends.get(offset, 0)

    async def take_back_attempts(self) -> None:
        self.taken_back += 1

    def done(self, message: Message, *, is_partly: bool = False) -> None:
        self.finished.append(message)
        if is_partly:
            self.stopped.add(message.tp)

    def is_awaited(self) -> bool:
        return self.awaited()

    def is_stopped(self, tp: TP) -> bool:
        """Return True if a batch was ended early."""
        return tp in self.stopped

    def release(self, message: Message) -> None:
        self.stopped.add(message.tp)
        self.ack(message)

    def ack(self, message: Message) -> bool:
        self.released.append(message)
        return True

    async def check_errors(self) -> None:
        self._assert_started()
        if self.error is not None:
            raise self.error

    def seconds_since_throttle(self) -> float:
        return self.unthrottled_seconds

    def seconds_since_heartbeat(self) -> float:
        return self.silent_seconds

    def _assert_started(self) -> None:
        if not self.started:
            raise ConsumerNotStarted


@dataclass
class FakeProducer:
    """A producer whose broker acknowledges or fails as the test says."""

    acknowledges: asyncio.Event = field(default_factory=asyncio.Event)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    failure: BaseException | None = None
    records: list[OutgoingRecord] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.acknowledges.set()

    @property
    def real(self) -> BatchProducer:
        """Return itself, typed as the class that it replaces."""
        return cast("BatchProducer", self)

    async def write_all(self, records: Sequence[OutgoingRecord]) -> None:
        self.asked.set()
        await self.acknowledges.wait()
        if self.failure is not None:
            raise self.failure
        self.records += records


class _Signal:
    """One of Faust's signals, sent by the test."""

    def __init__(self) -> None:
        self.receivers: list[Any] = []

    def connect(self, receiver: Any, **_: object) -> None:  # noqa: ANN401
        self.receivers.append(receiver)

    async def send(self, partitions: set[TP]) -> None:
        for receiver in self.receivers:
            await receiver(None, partitions)


class FakeApp:
    """A Faust app whose state the test sets; initially it has an assignment."""

    def __init__(self, consumer: FakeConsumer) -> None:
        self.consumer = consumer
        self.producer = FakeProducer()
        self.rebalancing = False
        self.consumer_generation_id = GENERATION
        self.on_partitions_assigned = _Signal()
        self.on_partitions_revoked = _Signal()

    @property
    def real(self) -> faust.App:
        """Return itself, typed as the class that it replaces."""
        return cast("faust.App", self)
