"""A worker's surroundings without Faust or Kafka: its app, its consumer and its producer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

import faust
from faust.exceptions import ConsumerNotStarted
from faust.types import TP, Message

from events.fact import Family
from events.records import OutgoingRecord, Record
from events.topics import topic_name
from streams.batch_transport import (
    BatchConsumer,
    BatchProducer,
    PartitionFencedError,
    WriteRefusedError,
)
from streams.commit_metadata import NO_METADATA, CommitMetadata
from streams.topic_faults import TopicFault

GENERATION = 3


def batch_message(records: Sequence[Record], *, family: Family, partition: int) -> Message:
    """Return the message in which a partition's records travel."""
    topic = topic_name(family)
    return cast(
        "Message",
        _Batch(topic, partition, records, TP(topic, partition), GENERATION),
    )


class _Batch(NamedTuple):
    topic: str
    partition: int
    value: Sequence[Record]
    tp: TP
    generation_id: int
    offset: int = 0


class _Generation(NamedTuple):
    consumer_generation_id: int


class StatesWritten(NamedTuple):
    """A batch of changelog records."""

    topic: str
    partition: int
    records: Sequence[tuple[bytes, bytes]]
    last_headers: Sequence[tuple[str, bytes]] = ()


@dataclass
class FakeConsumer:
    """A consumer that owns what the test says, and notes what was done."""

    owned: set[TP] = field(default_factory=set)
    waiting: dict[TP, int] = field(default_factory=dict)
    seen_ends: dict[TP, int] = field(default_factory=dict)
    behind_transactions: dict[TP, int] = field(default_factory=dict)
    started: bool = True
    generation: int = GENERATION
    problem: str | None = None
    error: BaseException | None = None
    silent_seconds: float = 0.0
    join_step: str = ""
    """The last request to join the group, and its answer."""
    finished: list[Message] = field(default_factory=list)
    begun: list[tuple[TP, int]] = field(default_factory=list)
    ends: dict[int, int] = field(default_factory=dict)
    taken_back: int = 0
    """How often it was told that no record has ended it."""
    faults: Sequence[TopicFault] = ()
    metadata: dict[TP, CommitMetadata] = field(default_factory=dict)
    log_ends: dict[TP, int] = field(default_factory=dict)
    """Where changelogs end on the broker."""
    rejoined: int = 0
    checked: bool = True
    """Whether the restored states of the generation are checked."""
    awaited: Callable[[], bool] = lambda: False
    """Whether a rebalance waits for the batches in process."""
    stopped: dict[TP, int] = field(default_factory=dict)
    """The offsets before which batches were ended."""
    released: list[Message] = field(default_factory=list)

    @property
    def real(self) -> BatchConsumer:
        """Return itself, as what it stands for."""
        return cast("BatchConsumer", self)

    @property
    def app(self) -> _Generation:
        """Return what knows the group's generation."""
        return _Generation(GENERATION)

    def assignment(self) -> set[TP]:
        """Return what this worker owns."""
        self._assert_started()
        return self.owned

    def lag(self) -> dict[TP, int]:
        """Return the records waiting."""
        self._assert_started()
        return self.waiting

    def event_ends(self) -> dict[TP, int]:
        """Return the ends of partitions."""
        self._assert_started()
        return self.seen_ends

    def in_transactions(self) -> dict[TP, int]:
        """Return those of them behind an open transaction."""
        self._assert_started()
        return self.behind_transactions

    def ownership_problem(self, generation: int | None) -> str | None:
        """Return the problem that the test has set, or that of a generation that has passed."""
        if generation != self.generation:
            return f"the work is of generation {generation}, the group's is {self.generation}"
        return self.problem

    def is_checked(self, generation: int) -> bool:
        """Return whether the test has the states of a generation checked."""
        del generation
        self._assert_started()
        return self.checked

    def assert_not_fenced(self, message: Message) -> None:
        """Raise PartitionFencedError where the test has set a problem."""
        problem = self.ownership_problem(message.generation_id)
        if problem is not None:
            raise PartitionFencedError(message.tp, reason=problem)

    def is_fresh(self, tp: TP) -> bool:
        """Return True before the first attempt in a partition."""
        return not any(begun == tp for begun, _ in self.begun)

    def ends_at(self, tp: TP, offset: int) -> int:
        """Return the number of ends that the test has set."""
        del tp
        return self.ends.get(offset, 0)

    async def begin(self, tp: TP, offset: int) -> int:
        """Record an attempt; return the number of ends that the test has set."""
        self.begun.append((tp, offset))
        return self.ends.get(offset, 0)

    async def take_back_attempts(self) -> None:
        """Count the calls."""
        self.taken_back += 1

    def done(self, message: Message, *, before: int | None = None) -> None:
        """Record a batch whose offset may be committed."""
        self.finished.append(message)
        if before is not None:
            self.stopped[message.tp] = before

    def is_awaited(self) -> bool:
        """Return what the test says."""
        return self.awaited()

    def is_stopped(self, tp: TP) -> bool:
        """Return True where a batch was ended early."""
        return tp in self.stopped

    def release(self, message: Message) -> None:
        """Record a batch that was left to the next assignment."""
        self.stopped[message.tp] = 0
        self.ack(message)

    def ack(self, message: Message) -> bool:
        """Record a batch that was released unprocessed."""
        self.released.append(message)
        return True

    def metadata_of(self, tp: TP) -> CommitMetadata:
        """Return the metadata of the next commit."""
        return self.metadata.get(tp, NO_METADATA)

    def set_metadata(self, tp: TP, value: CommitMetadata) -> None:
        """Set the metadata of the next commit."""
        self.metadata[tp] = value

    async def check_errors(self) -> None:
        """Raise the error that the test has set."""
        self._assert_started()
        if self.error is not None:
            raise self.error

    async def highwaters(self, *partitions: TP) -> dict[TP, int]:
        """Return the ends of partitions, or raise the error that the test has set."""
        if self.error is not None:
            raise self.error
        return {tp: self.log_ends.get(tp, 0) for tp in partitions}

    async def rejoin(self) -> None:
        """Count the requests to join again."""
        self.rejoined += 1

    def seconds_since_heartbeat(self) -> float:
        """Return the seconds that the test has set."""
        return self.silent_seconds

    def _assert_started(self) -> None:
        if not self.started:
            raise ConsumerNotStarted


@dataclass
class FakeProducer:
    """A producer whose broker acknowledges when the test says, or fails."""

    acknowledges: asyncio.Event = field(default_factory=asyncio.Event)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    failure: BaseException | None = None
    states: list[StatesWritten] = field(default_factory=list)
    records: list[OutgoingRecord] = field(default_factory=list)
    refuses: Callable[[bytes | None], bool] = lambda _: False
    """The value is refused by the broker."""
    ends: dict[tuple[str, int], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.acknowledges.set()

    @property
    def real(self) -> BatchProducer:
        """Return itself, as what it stands for."""
        return cast("BatchProducer", self)

    async def write_batch(
        self,
        topic: str,
        partition: int,
        records: Sequence[tuple[bytes, bytes]],
        *,
        last_headers: Sequence[tuple[str, bytes]] = (),
    ) -> int:
        """Record changelog records, once acknowledged."""
        await self._acknowledged()
        self._take_or_refuse(topic, (value for _, value in records))
        self.states.append(StatesWritten(topic, partition, records, last_headers))
        end = self.ends.get((topic, partition), 0) + len(records)
        self.ends[topic, partition] = end
        return end

    async def write_all(self, records: Sequence[OutgoingRecord]) -> None:
        """Record dead letters and forwards, once acknowledged."""
        await self._acknowledged()
        self._take_or_refuse("several", (record.value for record in records))
        self.records += records

    def _take_or_refuse(self, topic: str, values: Iterable[bytes | None]) -> None:
        if any(map(self.refuses, values)):
            raise WriteRefusedError(topic, None, cause=OverflowError("too much"))

    async def _acknowledged(self) -> None:
        self.asked.set()
        await self.acknowledges.wait()
        if self.failure is not None:
            raise self.failure


class _Signal:
    """One of Faust's signals, which a test sends itself."""

    def __init__(self) -> None:
        self.receivers: list[Any] = []

    def connect(self, receiver: Any, **_: object) -> None:  # noqa: ANN401
        self.receivers.append(receiver)

    async def send(self, partitions: set[TP]) -> None:
        """Notify all listeners."""
        for receiver in self.receivers:
            await receiver(None, partitions)


class _Recovery:
    remaining = 0

    def active_remaining_total(self) -> int:
        return self.remaining


@dataclass
class _Tables:
    actives_ready: bool = True
    recovery: _Recovery = field(default_factory=_Recovery)


class FakeApp:
    """A Faust app in the state in which the test puts it: at first, ready."""

    def __init__(self, consumer: FakeConsumer) -> None:
        self.consumer = consumer
        self.producer = FakeProducer()
        self.tables = _Tables()
        self.rebalancing = False
        self.in_recovery = False
        self.consumer_generation_id = GENERATION
        self.on_partitions_assigned = _Signal()
        self.on_partitions_revoked = _Signal()

    @property
    def real(self) -> faust.App:
        """Return itself, as what it stands for."""
        return cast("faust.App", self)
