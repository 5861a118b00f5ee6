"""The batch transport: Faust's aiokafka transport, with one message per partition and poll.

Faust processes single records, with a task pair, a future and a produce request each. Here the
records of one partition and poll are one Faust message, of event topics and of changelogs: its
value is the list of records, its offset that of the last record. Assignment, rebalance, recovery,
tables and commits are Faust's own.

README names the modules that use private names of Faust and the Kafka clients, which are pinned
exactly; tests/integration/test_engine.py fails when an upgrade changes what is used here.
"""

from __future__ import annotations

import asyncio
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextvars import ContextVar
from copy import copy
from time import monotonic
from typing import Any, ClassVar, NamedTuple, cast

from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import READ_UNCOMMITTED
from aiokafka.errors import IllegalGenerationError, IllegalStateError, KafkaError, for_code
from aiokafka.protocol.commit import OffsetCommitRequest
from aiokafka.protocol.group import JoinGroupRequest, SyncGroupRequest
from aiokafka.structs import OffsetAndMetadata
from faust import Schema
from faust.tables.manager import TableManager
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage, Message
from mode.utils.futures import notify

from boundary.errors import SmartRegionError
from broker.poll_bytes import bound_polls_of_aiokafka, one_poll
from broker.record_batches import read_any_batch_with_aiokafka
from broker.write_sequences import REFUSALS, reuse_refused_sequences
from events.records import OutgoingRecord
from streams.commit_metadata import (
    NO_METADATA,
    Attempt,
    CommitMetadata,
    decode_commit_metadata,
    encode_commit_metadata,
)
from streams.topic_faults import TopicFault

#: The largest age of the last heartbeat, as a share of the session timeout; the rest of the timeout
#: is left for a write.
HEARTBEAT_AGE_SHARE = 0.8
#: The longest wait of a fetch request: while records arrive, after IDLE_SECONDS without any, and
#: during a rebalance. A broker ends it when a record arrives (the demo's does not). Until then
#: resumed partitions, and all other requests on its connection, wait: a recovery makes several.
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


class PartitionFencedError(SmartRegionError):
    """This worker may no longer own the partition: it must not write, and must end."""

    def __init__(self, tp: TP, *, reason: str) -> None:
        super().__init__(
            f"{tp.topic}[{tp.partition}]: {reason}; another worker may own the partition, so this "
            "one writes nothing more and ends: let the supervisor restart it"
        )


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
                    tp: OffsetAndMetadata(one.offset, encode_commit_metadata(metadata_of(TP(*tp))))
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

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Seek to the committed offsets of all assigned partitions; return them, 0 for none.

        One request asks for all: aiokafka makes one for each partition, one after the other. Where
        a rebalance has assigned partitions meanwhile, nothing is sought, and IllegalStateError is
        raised: the recovery after it seeks. Raises aiokafka's errors as `committed`.
        """
        consumer = self._ensure_consumer()

        async def seek() -> Mapping[TP, int]:
            assignment = consumer._subscription.subscription.assignment
            assigned = sorted(assignment.tps)
            found = await consumer._coordinator.fetch_committed_offsets(assigned)
            if not assignment.active:
                raise IllegalStateError("a rebalance has assigned partitions meanwhile")
            offsets = {TP(*tp): found[tp].offset if tp in found else 0 for tp in assigned}
            for tp, offset in offsets.items():
                if offset:
                    consumer._fetcher.seek_to(TopicPartition(*tp), offset)
            return offsets

        sought: Mapping[TP, int] = await self.call_thread(seek)
        return sought

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
        """Return the high watermarks, which a recovery has to reach.

        A read-committed consumer gets the last stable offset instead: where a transaction is open
        on a changelog, a recovery would end without the states behind it.
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

    async def rejoin(self) -> None:
        """Ask aiokafka's coordinator to join the group again, in the consumer's thread."""
        await self._call(self._ensure_consumer()._coordinator.request_rejoin)

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
    """Faust's consumer, which yields batches and commits only what `done` has marked."""

    mundane_level = "debug"
    transport: BatchTransport
    _thread: _BatchConsumerThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        #: By partition: the generation of the last batch done, and the offset after it.
        self._done: dict[TP, tuple[int, int]] = {}
        #: By partition: the next offset to yield.
        self._next: dict[TP, int] = {}
        #: By partition: a gap (expected, polled) after which the consumer has sought back once.
        self._sought_gap: dict[TP, tuple[int, int]] = {}
        #: By partition: the metadata of the next commit.
        self._metadata: dict[TP, CommitMetadata] = {}
        #: By partition: the last offset that a poll returned.
        self._polled: dict[TP, int] = {}
        #: By partition with an attempt since its assignment: what was noted of it before.
        self._begun: dict[TP, Attempt | None] = {}
        #: Partitions of which a batch was ended early, until they are revoked.
        self._ended_early: set[TP] = set()
        #: When a poll last returned records.
        self._received_at = monotonic()
        #: The generation whose restored states are checked, and the faults found.
        self._checked_generation: int | None = None
        self.faults: Sequence[TopicFault] = ()
        super().__init__(*args, **kwargs)

    def _new_consumer_thread(self) -> _BatchConsumerThread:
        return _BatchConsumerThread(self, loop=self.loop, beacon=self.beacon)

    # -- reading

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        """Yield one message per partition with new records.

        During a rebalance no event topic is read: Faust would clear its queues, and with them
        records before the offset that a later batch commits. Event topics are not read either
        before the restored states are checked, or while states are lost. Polled records that can no
        longer be yielded are sought back to.
        """
        # Read before the wait: the generation may change during a poll.
        generation = self.app.consumer_generation_id
        if not self.flow_active:
            await self.wait(self.can_resume_flow.wait())
        readable = {
            tp
            for tp in self._get_active_partitions()
            if self._may_read_events(generation) or self._is_changelog_tp(tp)
        }
        if not readable:
            # To aiokafka an empty set means every partition.
            self._thread.note_poll()
            await self.sleep(_SHORT_POLL_SECONDS)
            return
        polled = await self._poll(readable, timeout)
        self._skip_control_records(readable - polled.keys(), generation)
        self._polled.update((tp, records[-1].offset) for tp, records in polled.items())
        while polled:
            if self.should_stop:
                return
            tp, records = next(iter(polled.items()))
            if not self.flow_active or generation != self.app.consumer_generation_id:
                await self._seek_back(polled)
                return
            if not self._is_changelog_tp(tp) and not self._may_read_events(generation):
                await self._seek_back(polled)
                return
            del polled[tp]
            if self._is_changelog_tp(tp):
                yield tp, self._to_batch(tp, records, generation)
            elif await self._is_contiguous(tp, records[0].offset):
                self._next[tp] = records[-1].offset + 1
                yield tp, self._to_batch(tp, records, generation)

    async def _poll(self, readable: set[TP], max_wait: float) -> dict[TP, Any]:
        """Return the records of one poll, by partition."""
        if self._buffered_partitions:
            # Paused while their agent is busy. It may resume them before a long poll without them
            # ends, and would then wait.
            max_wait = min(max_wait, _SHORT_POLL_SECONDS)
        self._thread.set_fetch_max_wait(self._fetch_max_wait())
        polled = dict(await self._getmany(active_partitions=readable, timeout=max_wait) or {})
        if polled:
            self._received_at = monotonic()
        return polled

    def _fetch_max_wait(self) -> int:
        if self.app.rebalancing:
            return REBALANCE_FETCH_MAX_WAIT_MS
        is_idle = monotonic() - self._received_at > IDLE_SECONDS
        return IDLE_FETCH_MAX_WAIT_MS if is_idle else FETCH_MAX_WAIT_MS

    def _skip_control_records(self, quiet: Iterable[TP], generation: int) -> None:
        """Mark aborted and control records as done, in partitions of which a poll returned nothing.

        Otherwise a recovery, and every reader of the group's lag, would wait for them.
        """
        if generation != self.app.consumer_generation_id:
            return
        restored = cast("TableManager", self.app.tables).recovery.active_offsets
        for tp in self.assignment().intersection(quiet):
            position, polled = self._thread.fetch_position(tp), self._polled.get(tp, -1)
            if not self._is_changelog_tp(tp):
                if not self._may_read_events(generation):
                    # What was polled is forgotten with the revocation, perhaps before it was done.
                    continue
                _, done = self._done.get(tp, (0, self._committed_offset[tp] or 0))
                if polled < done < position:
                    self._done[tp] = (generation, position)
            elif (last := restored.get(tp)) is not None and polled <= last < position - 1:
                restored[tp] = position - 1

    def restored_end(self, tp: TP) -> int:
        """Return the end of a changelog partition that the last recovery had to reach."""
        return cast("TableManager", self.app.tables).recovery.active_highwaters[tp] + 1

    def finish_check(self, generation: int, faults: Sequence[TopicFault]) -> None:
        """Allow reading events in this generation, unless the check has found faults."""
        self._checked_generation, self.faults = generation, faults

    def is_checked(self, generation: int) -> bool:
        """Return True once a generation's states are restored and checked, until a revocation.

        Faust's own flags may say so too early: where a rebalance begins while a recovery ends, the
        end of that recovery is taken for the end of the rebalance.
        """
        return self._checked_generation == generation

    def _may_read_events(self, generation: int) -> bool:
        return self.is_checked(generation) and not self.faults and not self.app.rebalancing

    def _to_batch(self, tp: TP, records: Any, generation: int) -> ConsumerMessage:  # noqa: ANN401
        last = records[-1]
        return ConsumerMessage(
            topic=tp.topic,
            partition=tp.partition,
            offset=last.offset,
            timestamp=last.timestamp / 1000.0,
            timestamp_type=last.timestamp_type,
            headers=[],
            key=None,
            value=records,
            checksum=None,
            tp=tp,
            generation_id=generation,
        )

    async def _is_contiguous(self, tp: TP, offset: int) -> bool:
        """Return True where no record is missing before `offset`; else seek back, once.

        A gap that remains when it is fetched again belongs to the log (retention, compaction,
        transaction markers). A log that ends before the offset read has lost its last records:
        aiokafka has restarted at its beginning, and so does this consumer.
        """
        expected = self._next.get(tp)
        if expected is not None and offset < expected:
            self.log.error(
                "events lost topic=%s partition=%d read_up_to=%d read_again_from=%d",
                *tp,
                expected,
                offset,
            )
            # Faust would skip, and not commit, the records before these offsets.
            self._read_offset[tp] = self._committed_offset[tp] = None
        if expected is None or offset <= expected or self._sought_gap.get(tp) == (expected, offset):
            self._sought_gap.pop(tp, None)
            return True
        self._sought_gap[tp] = (expected, offset)
        await self._try_seek({tp: expected})
        return False

    async def _seek_back(self, polled: Mapping[TP, Any]) -> None:
        """Seek back to polled records that are not yielded.

        A rebalance may have happened during the poll: a recovery would wait for these records of
        changelogs for ever. A partition that was sought meanwhile is left as it is. Nothing is
        sought to what is committed: that may be older than what the end of the recovery asks for.
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
        except Exception as error:  # noqa: BLE001 - the next recovery seeks again
            self.log.warning("could not seek back during a rebalance: %r", error)

    async def perform_seek(self) -> None:
        """Seek to the committed offsets, and to the beginning of partitions without one.

        Partitions to reprocess are sought to their beginning as well.
        """
        committed = await self.seek_to_committed()
        again = committed.keys() & set(self.transport.to_reprocess())
        fresh: dict[TP, int] = {}
        for tp, offset in committed.items():
            if self._is_changelog_tp(tp):
                self._read_offset[tp] = None
                continue
            self._sought_gap.pop(tp, None)
            self._next.pop(tp, None)
            if offset and tp not in again:
                self._read_offset[tp] = self._committed_offset[tp] = offset
                self._next[tp] = offset
            else:
                self._read_offset[tp] = self._committed_offset[tp] = None
                fresh[tp] = 0
        if fresh:
            await self.seek_wait(fresh)
        unknown = [
            tp for tp in committed if not self._is_changelog_tp(tp) and tp not in self._metadata
        ]
        await self.committed(unknown)
        if again:
            self.log.warning(
                "reading again from the beginning: %s: states held facts recorded in the future, or"
                " reported by others than their owners",
                ", ".join(f"{tp.topic}[{tp.partition}]" for tp in sorted(again)),
            )
            # Committed at once, for a worker to which the partition is assigned next.
            await self._thread.commit(dict.fromkeys(again, 0))

    async def committed(self, tps: Collection[TP]) -> Mapping[TP, Committed]:
        """Return the committed offsets of the group, for the given partitions that have one.

        Their metadata becomes that of the next commit, before this worker has begun anything there:
        what an earlier assignment has left is outdated. Raises aiokafka's errors where the broker
        does not answer or refuses.
        """
        found = await self._thread.committed(tps)
        for tp in tps:
            if tp in found:
                self._metadata[tp] = found[tp].metadata
            else:
                self._metadata.pop(tp, None)
        return found

    # -- acknowledging

    def done(self, message: Message, *, before: int | None = None) -> None:
        """Allow the commit of the offset after a batch: the broker has acknowledged its writes.

        With `before`, only of that offset in it: the rest is read again after the rebalance, and so
        are the partition's batches that were passed on already (`is_stopped`).
        """
        # Some brokers count generations from 0, which is a valid generation.
        generation = -1 if message.generation_id is None else message.generation_id
        self._done[message.tp] = (generation, message.offset + 1 if before is None else before)
        if before is not None:
            self._ended_early.add(message.tp)
        metadata = self._metadata.get(message.tp)
        if metadata is not None and metadata.attempt is not None:
            self.set_metadata(message.tp, metadata.model_copy(update={"attempt": None}))
        message.ack(self)

    def is_awaited(self) -> bool:
        """Return True while a rebalance waits for the batches in process."""
        return bool(self.app.rebalancing)

    def is_stopped(self, tp: TP) -> bool:
        """Return True where nothing more of a partition is processed before the rebalance."""
        return tp in self._ended_early

    def release(self, message: Message) -> None:
        """Leave a batch, and the partition's later ones, to be read again after the rebalance."""
        self._ended_early.add(message.tp)
        self.ack(message)

    def ack(self, message: Message) -> bool:
        """Release a message; only `done` allows a commit."""
        if message.acked:
            return False
        message.acked = True
        self._unacked_messages.discard(message)
        notify(self._waiting_for_ack)
        return True

    def metadata_of(self, tp: TP) -> CommitMetadata:
        """Return the metadata of a partition's next commit."""
        return self._metadata.get(tp, NO_METADATA)

    def set_metadata(self, tp: TP, metadata: CommitMetadata) -> None:
        """Set the metadata of a partition's next commits, until it is revoked."""
        self._metadata[tp] = metadata

    def is_fresh(self, tp: TP) -> bool:
        """Return True before the first attempt in a partition since its assignment."""
        return tp not in self._begun

    def ends_at(self, tp: TP, offset: int) -> int:
        """Return how many attempts at a record have ended a worker."""
        attempt = self.metadata_of(tp).attempt
        return attempt.count if attempt is not None and attempt.offset == offset else 0

    async def begin(self, tp: TP, offset: int) -> int:
        """Commit an attempt at the record at `offset`; return how many attempts ended a worker.

        All records before `offset` are done. The attempt is metadata of the committed offset until
        the record is done: it survives the end of the process. Raises AttemptNotCommittedError.
        """
        ends = self.ends_at(tp, offset)
        self._begun[tp] = self.metadata_of(tp).attempt if ends else None
        attempt = Attempt(offset=offset, count=ends + 1)
        self.set_metadata(tp, self.metadata_of(tp).model_copy(update={"attempt": attempt}))
        if not await self._thread.commit({tp: offset}):
            raise AttemptNotCommittedError(tp, offset)
        return ends

    async def take_back_attempts(self) -> None:
        """Commit that no record has ended this worker: the attempts under way do not count.

        Those do of which the broker takes no note within TAKE_BACK_SECONDS.
        """
        under_way = {
            tp: attempt.offset
            for tp in self._begun
            if (attempt := self.metadata_of(tp).attempt) is not None
        }
        if not under_way or self.ownership_problem(self.app.consumer_generation_id) is not None:
            return
        for tp in under_way:
            before = self.metadata_of(tp).model_copy(update={"attempt": self._begun[tp]})
            self.set_metadata(tp, before)
        try:
            await asyncio.wait_for(self._thread.commit(under_way), TAKE_BACK_SECONDS)
        except Exception as error:  # noqa: BLE001 - this worker ends in any case
            self.log.warning("attempts that the broker has ended count error=%r", error)

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:  # noqa: ANN401
        # A copy: batches may be marked as done while the commit awaits.
        return (
            tp for tp in list(self._done) if topics is None or tp in topics or tp.topic in topics
        )

    def _new_offset(self, tp: TP) -> int | None:
        generation, offset = self._done.get(tp, (-1, 0))
        return offset if generation == self.app.consumer_generation_id else None

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Ignore gaps: `done` covers every offset of a batch."""

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Commit what is done (Faust), then drop the offsets of the revoked partitions."""
        self._begin_rebalance()
        await super().on_partitions_revoked(revoked)
        for tp in revoked:
            self._done.pop(tp, None)
            self._next.pop(tp, None)
            self._sought_gap.pop(tp, None)
            self._metadata.pop(tp, None)
            self._begun.pop(tp, None)
            self._ended_early.discard(tp)
            self._polled.pop(tp, None)

    def _begin_rebalance(self) -> None:
        self._checked_generation = None
        # The end of a recovery may have come between the thread's word of it and the revocation.
        self.app.rebalancing = True

    # -- ownership

    def assert_not_fenced(self, message: Message) -> None:
        """Check that the message's partition is still this worker's; raise PartitionFencedError."""
        problem = self.ownership_problem(message.generation_id)
        if problem is not None:
            raise PartitionFencedError(message.tp, reason=problem)

    def ownership_problem(self, generation: int | None) -> str | None:
        """Return why another worker may own the partitions of a generation; None for no reason.

        The reasons are a newer generation, and no successful heartbeat for 0.8 of the session
        timeout: a worker that was suspended must not write old state over its successor's.
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

    async def rejoin(self) -> None:
        """Join the group again: what was written to the changelogs meanwhile is merged."""
        await self._thread.rejoin()

    async def verify_all_partitions_active(self) -> None:
        """Do nothing: `streams.watchdog` finds a worker that does not get on."""

    def lag(self) -> Mapping[TP, int]:
        """Return the records that are not done, by partition of events."""
        behind: dict[TP, int] = {}
        for tp, end in self.event_ends().items():
            _, done = self._done.get(tp, (0, self._committed_offset[tp] or 0))
            if self._next.get(tp, done) == done:
                # All yielded records are done: what was fetched after them are control records,
                # such as transaction markers.
                done = max(done, self._thread.fetch_position(tp))
            behind[tp] = max(end - done, 0)
        return behind

    def event_ends(self) -> Mapping[TP, int]:
        """Return the high watermarks of the last fetch responses, by partition of events."""
        return {
            tp: end
            for tp in self.assignment()
            if not self._is_changelog_tp(tp) and (end := self.highwater(tp)) is not None
        }

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

    async def write_batch(
        self,
        topic: str,
        partition: int,
        records: Sequence[tuple[bytes, bytes]],
        *,
        last_headers: Sequence[tuple[str, bytes]] = (),
    ) -> int | None:
        """Write (key, value) records to one partition and await their acknowledgement.

        The last record has the headers. Returns the offset after it, or None where the broker
        returned none. Raises ProduceFailedError where a record is not acknowledged, and
        WriteRefusedError where its content is the cause.
        """
        producer = self._ensure_producer()
        try:
            return await self._send_batches(producer, topic, partition, records, last_headers)
        except Exception as error:
            raise _failure(topic, partition, error) from error

    async def _send_batches(
        self,
        producer: Any,  # noqa: ANN401 - aiokafka has no types
        topic: str,
        partition: int,
        records: Sequence[tuple[bytes, bytes]],
        last_headers: Sequence[tuple[str, bytes]] = (),
    ) -> int | None:
        sent: list[Any] = []
        batch = producer.create_batch()
        last = len(records) - 1
        in_batch = 0
        for position, (key, value) in enumerate(records):
            headers = list(last_headers) if position == last else []
            if batch.append(key=key, value=value, timestamp=None, headers=headers) is None:
                batch.close()
                sent.append(await producer.send_batch(batch, topic, partition=partition))
                batch = producer.create_batch()
                batch.append(key=key, value=value, timestamp=None, headers=headers)
                in_batch = 0
            in_batch += 1
        batch.close()
        sent.append(await producer.send_batch(batch, topic, partition=partition))
        *_, tail = await asyncio.gather(*sent)
        # The answer for a duplicate batch, of an earlier attempt, may have no offset.
        return None if tail is None or tail.offset < 0 else int(tail.offset) + in_batch

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

    `to_reprocess` returns the partitions of events to process again from their beginning.
    """

    Consumer = BatchConsumer
    Producer = BatchProducer

    def __init__(
        self,
        *args: Any,
        to_reprocess: Callable[[], Iterable[TP]] = tuple,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.to_reprocess = to_reprocess
