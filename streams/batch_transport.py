"""The batch transport: Faust's aiokafka transport, with one message per partition and poll.

Faust processes single records, with a task pair, a future and a produce request each. Here the
records of one partition and poll are one Faust message: its value is a `Batch`, its offset that of
the last record. Assignment, rebalance and commits are Faust's own.

The log is the state. A partition that is assigned is read from the position of its states in the
state store, from the log's start where it has none. Records before the committed offset change
states and nothing else: their dead letters and forwards are written. The partition is caught up
once its position has reached the committed offset. Whatever is in doubt is answered by a seek to
the position.

README names the modules that use private names of Faust and the Kafka clients, which are pinned
exactly; tests/integration/test_engine.py fails when an upgrade changes what is used here.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import defaultdict
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import suppress
from contextvars import ContextVar
from copy import copy
from operator import attrgetter
from time import monotonic
from typing import Any, ClassVar, Final, NamedTuple, cast

from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import READ_UNCOMMITTED
from aiokafka.errors import (
    IllegalGenerationError,
    IllegalStateError,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
    for_code,
)
from aiokafka.protocol.commit import OffsetCommitRequest
from aiokafka.protocol.group import JoinGroupRequest, SyncGroupRequest
from aiokafka.structs import OffsetAndMetadata
from faust import Schema
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage, Message
from mode.utils.futures import notify

from boundary.errors import SmartRegionError
from broker.offset_gaps import LeaderEpoch, OffsetGap, report_gaps_with_aiokafka
from broker.poll_bytes import bound_polls_of_aiokafka, one_poll
from broker.record_batches import read_any_batch_with_aiokafka
from broker.write_sequences import REFUSALS, reuse_refused_sequences
from events.last_record import LastRecord
from events.records import OutgoingRecord, Record
from events.topics import FAMILIES, topic_name
from streams.accepted_losses import NOTHING_ACCEPTED, AcceptedLoss, AcceptedLosses
from streams.commit_metadata import (
    NO_METADATA,
    Attempt,
    CommitMetadata,
    decode_commit_metadata,
    encode_commit_metadata,
)
from streams.state_store import Position, StateStore
from streams.topic_faults import FaultKind, TopicFault, records_deleted

#: The largest age of the last heartbeat with which figures are shown, as a share of the session
#: timeout: afterwards another worker may show them.
HEARTBEAT_AGE_SHARE = 0.8
#: The longest wait of a fetch request: while records arrive, after IDLE_SECONDS without any, and
#: during a rebalance. A broker ends it when a record arrives (the demo's does not). Until then
#: resumed partitions, and all other requests on its connection, wait: a rebalance makes several.
FETCH_MAX_WAIT_MS = 100
IDLE_FETCH_MAX_WAIT_MS = 500
REBALANCE_FETCH_MAX_WAIT_MS = 50
IDLE_SECONDS = 5.0
#: A worker that ends waits so long for the broker to note that no record has ended it.
TAKE_BACK_SECONDS = 2.0
#: Errors of the client or the broker that the content of a write causes.
_CONTENT_ERRORS = (
    *REFUSALS,
    AssertionError,
    OverflowError,
    TypeError,
    UnicodeError,
)
_SHORT_POLL_SECONDS = 0.05
#: The generation in which the commit was asked for that this task makes.
_commit_generation: ContextVar[int] = ContextVar("_commit_generation")


class ProduceFailedError(SmartRegionError):
    """The broker did not acknowledge a write that the batch depends on."""

    def __init__(self, topic: str, partition: int | None, *, cause: BaseException) -> None:
        where = topic if partition is None else f"{topic}[{partition}]"
        super().__init__(
            f"{where}: the broker did not acknowledge a write ({cause!r}); nothing beyond it was "
            "acknowledged, and the batch is read again after a restart"
        )


class WriteRefusedError(ProduceFailedError):
    """A write that every attempt fails to deliver, because of its size or its format."""


class AttemptNotCommittedError(SmartRegionError):
    """An attempt at a record was not committed: another worker may own the partition."""

    def __init__(self, tp: TP, offset: int) -> None:
        super().__init__(
            f"{tp.topic}[{tp.partition}]@{offset}: the broker did not commit the attempt at this"
            " record; the batch is read again after a restart"
        )


class Committed(NamedTuple):
    """A committed offset of the group, and its metadata."""

    offset: int
    metadata: CommitMetadata


class Batch(NamedTuple):
    """Records of one partition that are processed together."""

    records: Sequence[Record]
    start: int
    """The position of the states that the records follow."""
    is_new: bool = True
    """False for records before the committed offset, which have been processed."""
    writes: bool = True
    """Whether dead letters and forwards are written: also of processed records, where the rules
    have changed since."""


_NOT_COMMITTED: Final = Committed(0, NO_METADATA)


def _cut(records: Sequence[Any], cuts: Iterable[int]) -> Iterator[Sequence[Any]]:
    """Yield records in parts that begin at the offsets in `cuts`."""
    begin = 0
    for cut in sorted(cuts):
        end = bisect_left(records, cut, key=attrgetter("offset"))
        if end > begin:
            yield records[begin:end]
            begin = end
    if begin < len(records):
        yield records[begin:]


class BatchSchema(Schema[Any, Any]):
    """A schema without decoding: the value is the list of raw records."""

    def compile(self, app: Any, **_: Any) -> Callable[..., Any]:  # noqa: ANN401 - Faust's types
        """Return the function that creates an event from a batch message."""
        create_event = app.create_event

        async def decode(message: Any, *, propagate: bool = False) -> Any:  # noqa: ANN401, ARG001
            return create_event(None, message.value, message.headers, message)

        return decode


class _BatchConsumerThread(driver.AIOKafkaConsumerThread):
    """Faust's consumer thread, which also records when the broker was last known to count on it."""

    mundane_level = "debug"
    #: When the last heartbeat was sent that the broker has answered, or the request whose answer
    #: was the assignment: the member's session at the broker began later.
    heartbeat_at: float = 0.0
    _sync_sent_at: float = 0.0
    #: The last request to join the group and its answer, of which aiokafka logs most nowhere.
    join_step: str = ""

    def _create_consumer(self, loop: asyncio.AbstractEventLoop) -> Any:  # noqa: ANN401
        read_any_batch_with_aiokafka()
        owner = cast("BatchConsumer", self.consumer)
        report_gaps_with_aiokafka(FAMILIES, owner.note_gap, owner.note_leader)
        bound_polls_of_aiokafka()
        consumer = super()._create_consumer(loop)
        # Faust's value is 1.5 s.
        consumer._fetch_max_wait_ms = FETCH_MAX_WAIT_MS
        commit = consumer.commit

        async def commit_with_metadata(offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
            metadata_of = cast("BatchConsumer", self.consumer).metadata_of
            _commit_generation.set(self.generation())
            await commit(
                {
                    tp: OffsetAndMetadata(
                        one.offset, encode_commit_metadata(metadata_of(TP(*tp), one.offset))
                    )
                    for tp, one in offsets.items()
                }
            )

        # Faust commits empty metadata.
        consumer.commit = commit_with_metadata
        # Records of aborted transactions are not read.
        consumer._isolation_level = "read_committed"
        return consumer

    async def on_start(self) -> None:
        await super().on_start()
        consumer = self._ensure_consumer()
        coordinator, fetcher = consumer._coordinator, consumer._fetcher
        ask_for_offsets = fetcher._proc_offset_request
        beat, send = coordinator._do_heartbeat, coordinator._send_req

        async def heartbeat() -> bool:
            sent_at = monotonic()
            answered: bool = await beat()
            if answered:
                self.heartbeat_at = max(self.heartbeat_at, sent_at)
            return answered

        async def send_request(request: object) -> Any:  # noqa: ANN401 - aiokafka's answer
            if isinstance(request, OffsetCommitRequest):
                _check_commit(request)
            if isinstance(request, JoinGroupRequest | SyncGroupRequest):
                return await self._send_join(send, request)
            return await send(request)

        async def offsets(node_id: int, topics: object) -> Any:  # noqa: ANN401 - aiokafka's answer
            try:
                return await ask_for_offsets(node_id, topics)
            except KafkaError as error:
                if error.invalid_metadata:
                    # Where aiokafka looks for positions it would ask the same broker for ever.
                    fetcher._client.force_metadata_update()
                raise

        set_error = fetcher._set_error

        def replace_error(tp: TopicPartition, error: KafkaError) -> None:
            # aiokafka asserts that there is none yet, which ends the reading of all partitions.
            fetcher._records.pop(tp, None)
            set_error(tp, error)

        fetcher._set_error = replace_error
        fetcher._proc_offset_request = offsets
        coordinator._do_heartbeat = heartbeat
        coordinator._send_req = send_request

    async def _send_join(self, send: Callable[[object], Awaitable[Any]], request: object) -> Any:  # noqa: ANN401
        if isinstance(request, SyncGroupRequest):
            self._sync_sent_at = monotonic()
        step = type(request).__name__.removesuffix("Request")
        self.join_step = f"{step} not answered"
        try:
            answer = await send(request)
        except KafkaError as error:
            self.join_step = f"{step}: {type(error).__name__}"
            raise
        self.join_step = f"{step}: {for_code(answer.error_code).message}"
        return answer

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        self.set_fetch_max_wait(REBALANCE_FETCH_MAX_WAIT_MS)
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        # Not the time of the call: the process may have stood still since the answer.
        self.heartbeat_at = max(self.heartbeat_at, self._sync_sent_at)
        await super().on_partitions_assigned(assigned, generation_id)

    async def _fetch_records(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - Faust's
        with one_poll():
            return await super()._fetch_records(*args, **kwargs)

    def note_poll(self) -> None:
        """Note a poll that asks for nothing, as one that was made.

        aiokafka leaves the group where none was made for `broker_max_poll_interval`, and joins it
        again after the next one only: a worker without partitions would never make one.
        """
        self._ensure_consumer()._subscription._last_fetch_ended = monotonic()

    def set_fetch_max_wait(self, milliseconds: int) -> None:
        """Set the longest wait of the next fetch requests."""
        self._ensure_consumer()._fetcher._fetch_max_wait_ms = milliseconds

    def generation(self) -> int:
        """Return the group generation of this member, as the coordinator has it."""
        return int(self._ensure_consumer()._coordinator.generation)

    def fetch_position(self, tp: TP) -> int:
        """Return the next offset to fetch; 0 before it is known."""
        assignment = self._ensure_consumer()._subscription.subscription.assignment
        position = assignment.state_value(tp)._position
        return position or 0

    async def committed(self, tps: Iterable[TP]) -> Mapping[TP, Committed]:
        """Return the committed offsets of the group, for the given partitions that have one.

        Raises aiokafka's errors where the broker does not answer or refuses.
        """
        wanted = [TopicPartition(*tp) for tp in tps]
        fetch = self._ensure_consumer()._coordinator.fetch_committed_offsets
        found: Mapping[TopicPartition, OffsetAndMetadata] = await self.call_thread(fetch, wanted)
        return {
            TP(*tp): Committed(one.offset, decode_commit_metadata(one.metadata))
            for tp, one in found.items()
        }

    def stable_end(self, tp: TP) -> int | None:
        """Return the last stable offset of the last fetch response; None before one."""
        end: int | None = self._ensure_consumer().last_stable_offset(tp)
        return end

    async def _highwaters(self, partitions: Any) -> Mapping[TP, int]:  # noqa: ANN401 - Faust's
        """Return the high watermarks.

        A read-committed consumer gets the last stable offsets instead, before which an open
        transaction may hold records that were read.
        """
        consumer = self._ensure_consumer()
        fetcher = copy(consumer._fetcher)
        fetcher._isolation_level = READ_UNCOMMITTED
        # That of `on_start` asks with the isolation level of the original.
        vars(fetcher).pop("_proc_offset_request", None)
        ends: Mapping[TP, int] = await fetcher.end_offsets(partitions, consumer._request_timeout_ms)
        return ends

    async def check_errors(self) -> None:
        """Raise the pending error of aiokafka's coordinator, in the consumer's thread."""
        await self._call(self._ensure_consumer()._coordinator.check_errors)

    async def _call(self, call: Callable[[], object]) -> None:
        """Call what is no coroutine function in the consumer's thread."""

        async def called() -> None:
            call()

        await self.call_thread(called)


def _check_commit(request: OffsetCommitRequest) -> None:
    """Raise IllegalGenerationError where the group has gone on since a commit was asked for.

    aiokafka sends the generation that it has when the request leaves, -1 for a member that the
    broker has forgotten. A group without members takes that one: an offset might go back.
    """
    generation = request._consumer_group_generation_id
    if generation < 0 or generation != _commit_generation.get():
        raise IllegalGenerationError(request._consumer_group)


class BatchConsumer(driver.Consumer):
    """Faust's consumer, which yields batches and commits the positions of the states."""

    mundane_level = "debug"
    transport: BatchTransport
    _thread: _BatchConsumerThread
    #: Whether a broker's end offsets are those of the last record.
    has_exact_ends: ClassVar[bool] = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        #: By partition: the position whose offset the next commit has.
        self._offered: dict[TP, Position] = {}
        #: By partition: the next offset to yield.
        self._next: dict[TP, int] = {}
        #: By partition: a gap (expected, polled), and how often the consumer has sought back to it.
        self._sought_gap: dict[TP, tuple[int, int, int]] = {}
        #: By partition: the record before the next to yield, to be found where it was.
        self._to_find: dict[TP, LastRecord] = {}
        #: By partition: the committed offset, from which on records are new.
        self._committed_at: dict[TP, int] = {}
        #: By partition: the position from which on it is shown.
        self._goal: dict[TP, int] = {}
        #: By partition: the metadata of the next commit; `last` is that at `_committed_at`.
        self._metadata: dict[TP, CommitMetadata] = {}
        #: By partition with an attempt since its assignment: its field, and what it had before.
        self._begun: dict[TP, tuple[str, Attempt | None]] = {}
        #: Partitions of which a batch was ended early, until they are revoked.
        self._ended_early: set[TP] = set()
        #: Partitions whose position has reached the committed offset.
        self._caught_up: set[TP] = set()
        #: By partition: what its log has lost; it is not read.
        self._faults: dict[TP, TopicFault] = {}
        #: By partition: fetched offsets without a record, from the first to before the next.
        self._gaps: defaultdict[TP, set[tuple[int, int]]] = defaultdict(set)
        #: By partition: the first of them that was fetched again, and is still there.
        self._missing: dict[TP, tuple[int, int]] = {}
        #: By partition: the fetches since the last poll, each with the epoch of a leader.
        self._leaders: defaultdict[TP, list[LeaderEpoch]] = defaultdict(list)
        #: By partition: the epoch of the leader that wrote what was polled last.
        self._epoch: dict[TP, int] = {}
        #: By partition: the record before the next to yield.
        self._passed_on: dict[TP, LastRecord] = {}
        self.log_starts: dict[TP, int] = {}
        """The first offset of each partition, as of the last look at the logs."""
        #: When a poll last returned records.
        self._received_at = monotonic()
        self._assigned_generation = -1
        self._is_revoked = True
        #: The generation whose partitions are sought.
        self._sought_generation: int | None = None
        super().__init__(*args, **kwargs)

    def _new_consumer_thread(self) -> _BatchConsumerThread:
        return _BatchConsumerThread(self, loop=self.loop, beacon=self.beacon)

    # -- positions

    def _position(self, tp: TP) -> Position | None:
        return self.transport.state_store.position(FAMILIES[tp.topic], tp.partition)

    def _next_of(self, tp: TP) -> int:
        position = self._position(tp)
        return 0 if position is None else position.next

    def _move(self, tp: TP, position: Position) -> None:
        self.transport.state_store.move(FAMILIES[tp.topic], tp.partition, position)

    def _drop(self, tp: TP) -> None:
        """Drop the states of a partition."""
        self.transport.state_store.drop(FAMILIES[tp.topic], tp.partition)
        self._caught_up.discard(tp)

    def is_caught_up(self, tp: TP) -> bool:
        """Return True where all records before the committed offset are in a partition's states."""
        return tp in self._caught_up and tp not in self._faults

    def to_catch_up(self) -> int:
        """Return the number of offsets until all assigned partitions are caught up."""
        left = 0
        for tp, goal in self._goal.items():
            left += max(goal - self._next_of(tp), 0)
        return left

    @property
    def faults(self) -> Sequence[TopicFault]:
        """What the logs of assigned partitions have lost."""
        return [*self._faults.values()]

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Drop the states of partitions that another worker has now; then as Faust does."""
        store = self.transport.state_store
        for family, partition in store.partitions():
            tp = TP(topic_name(family), partition)
            if tp not in assigned:
                self._drop(tp)
        if generation_id - self._assigned_generation not in {0, 1}:
            # Another worker may have had them meanwhile, and have committed more.
            self._caught_up.clear()
        self._assigned_generation, self._is_revoked = generation_id, False
        self._faults = {tp: fault for tp, fault in self._faults.items() if tp in assigned}
        await super().on_partitions_assigned(assigned, generation_id)

    async def perform_seek(self) -> None:
        """Seek all assigned partitions to the positions of their states.

        Raises aiokafka's errors where the broker does not answer or refuses.
        """
        generation = self.app.consumer_generation_id
        tps = sorted(self.assignment())
        committed = await self._thread.committed(tps)
        for tp in tps:
            self._read_offset[tp] = self._committed_offset[tp] = None
            self._committed_at[tp], self._metadata[tp] = committed.get(tp, _NOT_COMMITTED)
            self._goal[tp] = self._committed_at[tp]
        try:
            await self._look_at(tps)
        except IllegalStateError as error:
            self.log.warning("a rebalance has taken partitions that were sought: %r", error)
            return
        if generation == self.app.consumer_generation_id and not self._is_revoked:
            self._sought_generation = generation

    async def look_at_logs(self) -> None:
        """Look whether the logs of the assigned partitions have lost records.

        A partition whose log is whole again is read on. Raises as `perform_seek`.
        """
        generation = self._sought_generation
        if generation is None or not self._may_read(generation):
            return
        with suppress(IllegalStateError):  # A rebalance seeks.
            await self._look_at(sorted(self.assignment()))

    async def _look_at(self, tps: Sequence[TP]) -> None:
        """Look at the extents of logs, and seek to the positions of those that are whole."""
        # What is read while a broker answers may be beyond the end that it answers.
        read = {tp: max(self._committed_at.get(tp, 0), self._next_of(tp)) for tp in tps}
        starts = await self.earliest_offsets(*tps)
        ends = await self.highwaters(*tps)
        self.log_starts = dict(starts)
        positions: dict[TP, int] = {}
        for tp in tps:
            if tp not in self._committed_at:
                continue  # Revoked meanwhile.
            before = self._faults.pop(tp, None)
            fault = self._loss_of(tp, before, starts[tp], ends[tp], read[tp])
            if fault is not None:
                self._faults[tp] = fault
                continue
            position = self._position(tp)
            if position is None or position.start < starts[tp]:
                # Records were erased: what is left of them is read anew.
                self._drop(tp)
                position = Position(starts[tp], None, starts[tp])
                self._move(tp, position)
            elif self._next.get(tp, position.next) != position.next and before is None:
                continue  # Batches are under way.
            elif position.next < self._goal[tp] or before is not None:
                self._caught_up.discard(tp)
            self._sought_gap.pop(tp, None)
            self._next[tp] = position.next
            if position.last is None:
                self._to_find.pop(tp, None)
                self._passed_on.pop(tp, None)
                positions[tp] = position.next
            else:
                self._to_find[tp] = self._passed_on[tp] = position.last
                positions[tp] = position.last.offset
            self._catch_up(tp)
        if positions:
            await self.seek_wait(positions)

    def _loss_of(
        self, tp: TP, before: TopicFault | None, start: int, end: int, read: int
    ) -> TopicFault | None:
        """Return what the log with these first and next offsets has lost; None for nothing.

        `before` is the fault that was known of it, `read` the offset up to which it was read.
        """
        known = self._metadata[tp]
        if known.start is not None and start > known.start:
            if not any(one.covers_start(start) for one in self._accepted(tp)):
                return records_deleted(*tp, known.start, start)
            last = known.last if known.last and known.last.offset >= start else None
            self._metadata[tp] = known.model_copy(update={"start": start, "last": last})
        kind = None if before is None else before.fault
        if kind is FaultKind.RECORDS_DELETED and not self._has_accepted_gap(tp):
            return before
        fault = before if kind is FaultKind.LOG_DIVERGED else None
        if fault is None and end < read and self.has_exact_ends:
            problem = (
                f"ends at offset {end}, and was read up to {read}: it was created again, or lost"
                " its last records"
            )
            fault = TopicFault(*tp, FaultKind.EVENTS_LOST, problem)
        if fault is None or not self._has_accepted_loss_of_last(tp):
            return fault
        # What the log has now is processed as if nothing of it had ever been read.
        self._drop(tp)
        self._committed_at[tp], self._metadata[tp] = _NOT_COMMITTED
        self._committed_offset[tp] = None
        self._goal[tp] = end
        return None

    def _accepted(self, tp: TP) -> Sequence[AcceptedLoss]:
        return self.transport.accepted.get((*tp,), ())

    def _has_accepted_gap(self, tp: TP) -> bool:
        """Return whether operators have accepted the gap at which a partition's reading stopped."""
        gap = self._missing.get(tp)
        return gap is None or any(one.covers_gap(*gap) for one in self._accepted(tp))

    def _has_accepted_loss_of_last(self, tp: TP) -> bool:
        """Return whether operators have accepted that the last record read is lost."""
        position, known, committed = self._position(tp), self._metadata[tp], self._committed_at[tp]
        lasts = [one for one in (known.last, position and position.last) if one is not None]
        if known.last is None and committed:
            lasts.append(LastRecord.before(committed))
        return any(one.covers_last(last) for one in self._accepted(tp) for last in lasts)

    def _diverge(self, tp: TP, expected: LastRecord, found: LastRecord | None) -> None:
        """Note that a log has another record than the one that was read, or none any more."""
        has = "no record any more" if found is None else "another record"
        problem = f"has {has} at offset {expected.offset}, which was read: the log was replaced"
        self._faults[tp] = TopicFault(*tp, FaultKind.LOG_DIVERGED, problem)
        self._caught_up.discard(tp)

    def _catch_up(self, tp: TP) -> None:
        """Note where a partition has reached the committed offset, and compare its last record."""
        position, committed = self._position(tp), self._committed_at[tp]
        if position is None or position.next < self._goal[tp] or tp in self._caught_up:
            return
        if tp in self._faults:
            return  # The commit would say that the log is the one that was read.
        if tp in self._to_find:
            return  # A log that had lost records may be another one.
        known = self._metadata[tp]
        last = known.last
        if (
            last is not None
            and position.last != last
            and (position.last is None or position.last.offset < committed)
        ):
            self._diverge(tp, last, position.last)
            return
        self._caught_up.add(tp)
        self._begun.pop(tp, None)
        now = known.model_copy(
            update={"replay": None, "rules": self.transport.rules, "start": position.start}
        )
        self._metadata[tp] = now
        # The same offset is committed again where other metadata holds from now on.
        self._committed_offset[tp] = committed if now == known else None

    # -- reading

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        """Yield the new records of each partition in batches.

        Nothing is read during a rebalance, and before it has sought: Faust clears its queues.
        Polled records that can no longer be yielded are sought back to.
        """
        # Read before the wait: the generation may change during a poll.
        generation = self.app.consumer_generation_id
        if not self.flow_active:
            await self.wait(self.can_resume_flow.wait())
        readable = self._get_active_partitions() - self._faults.keys()
        if not readable or not self._may_read(generation):
            # To aiokafka an empty set means every partition.
            self._thread.note_poll()
            await self.sleep(_SHORT_POLL_SECONDS)
            return
        polled = await self._poll(readable, timeout)
        self._skip_control_records(readable - polled.keys(), generation)
        while polled:
            if self.should_stop:
                return
            tp, records = next(iter(polled.items()))
            if (
                not self.flow_active
                or generation != self.app.consumer_generation_id
                or not self._may_read(generation)
            ):
                await self._seek_back(polled)
                return
            del polled[tp]
            for batch in await self._batches(tp, records):
                self._next[tp] = batch.records[-1].offset + 1
                self._passed_on[tp] = LastRecord.of(batch.records[-1])
                yield tp, self._message_of(tp, batch, generation)

    async def _poll(self, readable: set[TP], max_wait: float) -> dict[TP, Any]:
        """Return the records of one poll, by partition."""
        if self._buffered_partitions:
            # Paused while their agent is busy. It may resume them before a long poll without them
            # ends, and would then wait.
            max_wait = min(max_wait, _SHORT_POLL_SECONDS)
        self._thread.set_fetch_max_wait(self._fetch_max_wait())
        try:
            polled = dict(await self._getmany(active_partitions=readable, timeout=max_wait) or {})
        except (OffsetOutOfRangeError, NoOffsetForPartitionError) as error:
            self.log.warning("a log has moved, or lost records: %r", error)
            await self.look_at_logs()
            return {}
        if polled:
            self._received_at = monotonic()
        return polled

    def _fetch_max_wait(self) -> int:
        if self.app.rebalancing:
            return REBALANCE_FETCH_MAX_WAIT_MS
        is_idle = monotonic() - self._received_at > IDLE_SECONDS
        return IDLE_FETCH_MAX_WAIT_MS if is_idle else FETCH_MAX_WAIT_MS

    def _skip_control_records(self, quiet: Iterable[TP], generation: int) -> None:
        """Move on past aborted and control records, in partitions of which a poll returned nothing.

        Otherwise whoever waits for their end, and every reader of the group's lag, would wait.
        """
        if generation != self.app.consumer_generation_id or not self._may_read(generation):
            return
        for tp in self.assignment().intersection(quiet):
            position, fetched = self._position(tp), self._thread.fetch_position(tp)
            if (
                position is None
                or self._next.get(tp) != position.next
                or fetched <= position.next
                or tp in self._to_find
            ):
                continue
            self._next[tp] = fetched
            self._move(tp, position._replace(next=fetched))
            self._catch_up(tp)

    def is_sought(self, generation: int) -> bool:
        """Return True once a generation's partitions are sought, until a revocation.

        Faust's own flags may say so too early: where a rebalance begins while another one ends, the
        end of that one is taken for the end of both.
        """
        return self._sought_generation == generation

    def finish_empty(self) -> None:
        """Note that a generation is sought in which this worker has no partitions.

        Faust seeks nothing for it.
        """
        self._sought_generation = self.app.consumer_generation_id

    def _may_read(self, generation: int) -> bool:
        return self.is_sought(generation) and not self.app.rebalancing

    async def _batches(self, tp: TP, records: Sequence[Any]) -> Sequence[Batch]:
        """Return the batches of polled records: new ones, and processed ones, apart.

        There are none where a gap before them is sought back to, or where the log has diverged.
        """
        expected, to_find = self._next[tp], self._to_find.get(tp)
        has_new_leader = self._has_new_leader(tp, records[0].offset)
        last = self._passed_on.get(tp)
        if has_new_leader and to_find is None and last is not None:
            # Its log may lack records that were read.
            self._to_find[tp] = last
            await self._try_seek({tp: last.offset})
            return ()
        first, seeks = (expected, 1) if to_find is None else (to_find.offset, 2)
        if not await self._is_contiguous(tp, first, records[0].offset, seeks):
            return ()
        if to_find is not None:
            del self._to_find[tp]
            found = next((one for one in records if one.offset >= first), None)
            there = None if found is None else LastRecord.of(found)
            if there != to_find:
                self._diverge(tp, to_find, there)
                return ()
            self._catch_up(tp)
        if not await self._has_all(tp, expected, records[-1].offset):
            return ()
        # Records that are merged may have been polled again.
        records = records[bisect_left(records, expected, key=attrgetter("offset")) :]
        if not records:
            return ()
        committed, known = self._committed_at[tp], self._metadata[tp]
        noted = (known.attempt, known.replay)
        cuts = {committed, *(one.offset for one in noted if one is not None)}
        batches = []
        for part in _cut(records, cuts):
            is_new = part[0].offset >= committed
            # Workers of 0.1 noted no rules.
            writes = is_new or known.rules not in (None, self.transport.rules)
            batches.append(Batch(part, expected, is_new, writes))
            expected = part[-1].offset + 1
        return batches

    def _message_of(self, tp: TP, batch: Batch, generation: int) -> ConsumerMessage:
        last = batch.records[-1]
        return ConsumerMessage(
            topic=tp.topic,
            partition=tp.partition,
            offset=last.offset,
            timestamp=last.timestamp / 1000.0,
            timestamp_type=cast("Any", last).timestamp_type,
            headers=[],
            key=None,
            value=cast("Any", batch),
            checksum=None,
            tp=tp,
            generation_id=generation,
        )

    async def _is_contiguous(self, tp: TP, expected: int, offset: int, seeks: int) -> bool:
        """Return True where no record is missing before `offset`; else seek back, so often.

        A gap that remains when it is fetched again belongs to the log: transaction markers, for
        example. A poll may have been under way when the last record was sought.
        """
        *gap, sought = self._sought_gap.get(tp, (0, 0, 0))
        if offset <= expected or (gap == [expected, offset] and sought >= seeks):
            self._sought_gap.pop(tp, None)
            return True
        sought = sought + 1 if gap == [expected, offset] else 1
        self._sought_gap[tp] = (expected, offset, sought)
        await self._try_seek({tp: expected})
        return False

    def note_leader(self, leader: LeaderEpoch) -> None:
        """Note who wrote what was fetched; called in the consumer's thread."""
        self._leaders[TP(leader.topic, leader.partition)].append(leader)

    def _has_new_leader(self, tp: TP, offset: int) -> bool:
        """Return whether another leader wrote what was polled from an offset on than before."""
        fetches = self._leaders[tp]
        at = next((n for n in reversed(range(len(fetches))) if fetches[n].offset <= offset), None)
        if at is None:
            return False
        # One fetch may bring several polls.
        del fetches[:at]
        before, self._epoch[tp] = self._epoch.get(tp), fetches[0].epoch
        return before not in (None, fetches[0].epoch)

    def note_gap(self, gap: OffsetGap) -> None:
        """Note that fetched offsets have no record; called in the consumer's thread."""
        self._gaps[TP(gap.topic, gap.partition)].add((gap.first, gap.next))

    async def _has_all(self, tp: TP, expected: int, last: int) -> bool:
        """Return True where each offset up to the last polled one has a record, or had one.

        Where one has none it is fetched again, once; then its record was deleted.
        """
        noted, before = self._gaps[tp], self._missing.pop(tp, None)
        # A copy: the consumer's thread may note one meanwhile.
        found = sorted(gap for gap in noted.copy() if gap[0] <= last)
        noted.difference_update(found)
        for gap in found:
            if gap[1] <= expected or any(one.covers_gap(*gap) for one in self._accepted(tp)):
                continue
            self._missing[tp] = gap
            if gap == before:
                self._faults[tp] = records_deleted(*tp, *gap)
                self._caught_up.discard(tp)
            else:
                await self._try_seek({tp: expected})
            return False
        return True

    async def _seek_back(self, polled: Mapping[TP, Any]) -> None:
        """Seek back to polled records that are not yielded.

        A partition that was sought meanwhile is left as it is.
        """
        unread = {
            tp: records[0].offset
            for tp, records in polled.items()
            if tp in self.assignment() and self._thread.fetch_position(tp) == records[-1].offset + 1
        }
        if unread:
            await self._try_seek(unread)

    async def _try_seek(self, positions: Mapping[TP, int]) -> None:
        """Seek, unless a rebalance takes the partitions meanwhile."""
        try:
            await self.seek_wait(positions)
        except Exception as error:  # noqa: BLE001 - the next rebalance seeks again
            self.log.warning("could not seek back during a rebalance: %r", error)

    # -- acknowledging

    def done(self, message: Message, *, is_partly: bool = False) -> None:
        """Release a batch that is merged, or merged partly.

        What is merged is committed. The rest is read again after the rebalance, and so are the
        partition's batches that were passed on already (`is_stopped`).
        """
        tp = message.tp
        if is_partly:
            self._ended_early.add(tp)
        if tp in self._goal:
            self._catch_up(tp)
            metadata = self._metadata[tp]
            # Not one of another worker, at a record that follows.
            if metadata.attempt is not None and metadata.attempt.offset < self._next_of(tp):
                self._metadata[tp] = metadata.model_copy(update={"attempt": None})
        message.ack(self)

    def is_awaited(self) -> bool:
        """Return True while a rebalance waits for the batches in process."""
        return bool(self.app.rebalancing)

    def is_stopped(self, tp: TP) -> bool:
        """Return True where nothing more of a partition is processed before it is sought.

        A rebalance seeks it, or the acceptance of what its log has lost.
        """
        is_sought = tp in self._committed_at and tp not in self._faults
        return tp in self._ended_early or not is_sought

    def release(self, message: Message) -> None:
        """Leave a batch, and the partition's later ones, to be read again after the rebalance."""
        self._ended_early.add(message.tp)
        self.ack(message)

    def ack(self, message: Message) -> bool:
        """Release a message: what is committed is the position of the states."""
        if message.acked:
            return False
        message.acked = True
        self._unacked_messages.discard(message)
        notify(self._waiting_for_ack)
        return True

    def metadata_of(self, tp: TP, offset: int) -> CommitMetadata:
        """Return the metadata of a partition's commit of an offset."""
        known = self._metadata.get(tp, NO_METADATA)
        if offset == self._committed_at.get(tp):
            return known
        for position in (self._position(tp), self._offered.get(tp)):
            if position is not None and position.next == offset:
                return known.model_copy(update={"last": position.last})
        return known.model_copy(update={"last": None})

    def is_fresh(self, tp: TP) -> bool:
        """Return True before the first attempt in a partition since it was caught up."""
        return tp not in self._begun or tp not in self._caught_up

    def ends_at(self, tp: TP, offset: int) -> int:
        """Return how many attempts at a record have ended a worker."""
        attempt = self._attempt_in(tp, self._field_of(tp, offset))
        return attempt.count if attempt is not None and attempt.offset == offset else 0

    def _field_of(self, tp: TP, offset: int) -> str:
        """Return the metadata's field of attempts at a record.

        One that is read again must not replace what is known of the one at the committed offset.
        """
        return "replay" if offset < self._committed_at.get(tp, 0) else "attempt"

    def _is_under_way(self, tp: TP) -> bool:
        return tp in self._begun and self._attempt_in(tp, "attempt") is not None

    def _attempt_in(self, tp: TP, field: str) -> Attempt | None:
        attempt: Attempt | None = getattr(self._metadata.get(tp, NO_METADATA), field)
        return attempt

    async def begin(self, tp: TP, offset: int) -> int:
        """Commit an attempt at the record at `offset`; return how many attempts ended a worker.

        All records before `offset` are done. The attempt is metadata of the committed offset until
        the record is done: it survives the end of the process. Raises AttemptNotCommittedError.
        """
        ends, field = self.ends_at(tp, offset), self._field_of(tp, offset)
        self._begun[tp] = field, self._attempt_in(tp, field) if ends else None
        metadata = self._metadata.get(tp, NO_METADATA)
        attempt = Attempt(offset=offset, count=ends + 1)
        self._metadata[tp] = metadata.model_copy(update={field: attempt})
        if not await self._thread.commit({tp: self._to_commit(tp, offset)}):
            raise AttemptNotCommittedError(tp, offset)
        return ends

    def _to_commit(self, tp: TP, offset: int) -> int:
        """Return the offset to commit an attempt with: none is below the committed one."""
        return max(offset, self._committed_at.get(tp, 0))

    async def take_back_attempts(self) -> None:
        """Commit that no record has ended this worker: the attempts under way do not count.

        Those do of which the broker takes no note within TAKE_BACK_SECONDS.
        """
        under_way = {
            tp: self._to_commit(tp, attempt.offset)
            for tp, (field, _) in self._begun.items()
            if (attempt := self._attempt_in(tp, field)) is not None
        }
        if not under_way or self.ownership_problem(self.app.consumer_generation_id) is not None:
            return
        for tp in under_way:
            field, before = self._begun[tp]
            self._metadata[tp] = self._metadata[tp].model_copy(update={field: before})
        try:
            await asyncio.wait_for(self._thread.commit(under_way), TAKE_BACK_SECONDS)
        except Exception as error:  # noqa: BLE001 - this worker ends in any case
            self.log.warning("attempts that the broker has ended count error=%r", error)

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:  # noqa: ANN401
        # A copy: partitions may be caught up while the commit awaits.
        return (
            tp
            for tp in [*self._committed_at]
            if topics is None or tp in topics or tp.topic in topics
        )

    def _new_offset(self, tp: TP) -> int | None:
        """Return the position of the states: all before it is merged, and written.

        Nothing before the committed offset is committed, and nothing during an attempt: `begin` has
        committed, and may again before this commit leaves.
        """
        position = self._position(tp)
        if position is None or tp not in self._caught_up or self._is_under_way(tp):
            return None
        self._offered[tp] = position
        return position.next

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Ignore gaps: the position is beyond them."""

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Commit what is done (Faust), then drop the offsets of the revoked partitions.

        States and positions stay until the assignment: most partitions come back.
        """
        self._begin_rebalance()
        await super().on_partitions_revoked(revoked)
        for of in (
            *(self._offered, self._next, self._sought_gap, self._to_find),
            *(self._leaders, self._epoch, self._passed_on),
            *(self._committed_at, self._goal, self._metadata, self._begun, self._missing),
        ):
            for tp in revoked:
                of.pop(tp, None)
        self._ended_early -= revoked

    def _begin_rebalance(self) -> None:
        self._sought_generation, self._is_revoked = None, True
        # The end of a rebalance may have come between the thread's word of it and the revocation.
        self.app.rebalancing = True

    # -- ownership

    def ownership_problem(self, generation: int | None) -> str | None:
        """Return why another worker may own the partitions of a generation; None for no reason.

        The reasons are a newer generation, and no successful heartbeat for 0.8 of the session
        timeout: a worker that was suspended must not show old figures beside its successor's.
        """
        current = self._thread.generation()
        if generation != current:
            return f"the work is of generation {generation}, the group's is {current}"
        age = self.seconds_since_heartbeat()
        limit = HEARTBEAT_AGE_SHARE * self.app.conf.broker_session_timeout
        if age > limit:
            return f"the broker last answered a heartbeat {age:.1f} s ago (limit {limit:.1f} s)"
        return None

    def seconds_since_heartbeat(self) -> float:
        """Return the seconds since the last successful heartbeat."""
        return monotonic() - self._thread.heartbeat_at

    @property
    def join_step(self) -> str:
        """The last request to join the group, and what came of it; empty before one."""
        return self._thread.join_step

    async def check_errors(self) -> None:
        """Raise the pending error of aiokafka's coordinator, which Faust does not check."""
        await self._thread.check_errors()

    async def verify_all_partitions_active(self) -> None:
        """Do nothing: `streams.watchdog` finds a worker that does not get on."""

    def lag(self) -> Mapping[TP, int]:
        """Return the records that are not processed, by partition of events."""
        behind: dict[TP, int] = {}
        for tp, end in self.event_ends().items():
            done = max(self._next_of(tp), self._committed_at.get(tp, 0))
            behind[tp] = max(end - done, 0)
        return behind

    def event_ends(self) -> Mapping[TP, int]:
        """Return the high watermarks of the last fetch responses, by partition of events."""
        ends = {tp: cast("int | None", self.highwater(tp)) for tp in self.assignment()}
        return {tp: end for tp, end in ends.items() if end is not None}

    def in_transactions(self) -> Mapping[TP, int]:
        """Return the records of the lag behind an open transaction, by partition of events.

        No consumer can fetch them before the transaction ends: they do not show a stalled worker.
        """
        found: dict[TP, int] = {}
        for tp, behind in self.lag().items():
            stable, end = self._thread.stable_end(tp), self.highwater(tp)
            if behind and stable is not None and 0 <= stable < end:
                found[tp] = min(end - stable, behind)
        return found


class BatchProducer(driver.Producer):
    """Faust's producer, which also writes whole batches and awaits their acknowledgement."""

    mundane_level = "debug"
    idempotent: ClassVar[bool] = True

    def _new_producer(self, transactional_id: str | None = None) -> Any:  # noqa: ANN401 - Faust's
        reuse_refused_sequences()
        return super()._new_producer(transactional_id)

    def _settings_extra(self) -> Mapping[str, Any]:
        return {"acks": "all", "enable_idempotence": self.idempotent}

    async def write_all(
        self,
        records: Sequence[OutgoingRecord],
    ) -> None:
        """Write records to their topics and await their acknowledgement.

        Raises ProduceFailedError where a record is not acknowledged, and WriteRefusedError where
        its content is the cause.
        """
        producer = self._ensure_producer()
        topic, partition = "", None
        try:
            sent = []
            for topic, partition, key, value, headers in records:
                sent.append(
                    await producer.send(
                        topic, value, key=key, partition=partition, headers=list(headers)
                    )
                )
            await asyncio.gather(*sent)
        except Exception as error:
            raise _failure(topic, partition, error) from error


def _failure(topic: str, partition: int | None, cause: Exception) -> ProduceFailedError:
    kind = WriteRefusedError if isinstance(cause, _CONTENT_ERRORS) else ProduceFailedError
    return kind(topic, partition, cause=cause)


class BatchTransport(driver.Transport):
    """Faust's aiokafka transport with the batching consumer and producer.

    `state_store` has the positions of the partitions, `rules` the fingerprint of what is refused.
    """

    Consumer = BatchConsumer
    Producer = BatchProducer

    def __init__(
        self,
        *args: Any,
        state_store: StateStore,
        rules: str = "",
        accepted: AcceptedLosses = NOTHING_ACCEPTED,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.state_store = state_store
        self.rules = rules
        self.accepted = accepted
        """The losses of records that operators have accepted, by topic and partition."""
