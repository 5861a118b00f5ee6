"""The batch transport: Faust's aiokafka transport, with one message per batch of records.

Faust processes single records, with a task pair, a future and a produce request each. Here a
Faust message is the records that a poll returned for a partition, cut at the committed offset: its
value is a `Batch`, its offset that of the last record. Faust still handles assignments, rebalances
and commits.

`streams.assigned_partition` decides what is read, sought and committed of a partition.

README names the modules that use private names of Faust and the Kafka clients, which are pinned
exactly; tests/integration/test_engine.py fails when an upgrade changes a name used here.
"""

from __future__ import annotations

import asyncio
from collections.abc import (
    AsyncIterator,
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import suppress
from contextvars import ContextVar
from copy import copy
from math import inf
from time import monotonic
from typing import Any, ClassVar, cast

from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import READ_UNCOMMITTED
from aiokafka.errors import (
    IllegalGenerationError,
    IllegalStateError,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)
from aiokafka.protocol.commit import OffsetCommitRequest
from aiokafka.protocol.group import SyncGroupRequest
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
from events.records import OutgoingRecord
from events.topics import FAMILIES
from streams.assigned_partition import AssignedPartition, Batch
from streams.commit_metadata import (
    NOT_COMMITTED,
    Committed,
    decode_commit_metadata,
    encode_commit_metadata,
)
from streams.decisions import NOTHING_ACCEPTED, NOTHING_NOTED, AcceptedLoss, AcceptedLosses
from streams.partition_snapshots import PartitionSnapshots
from streams.state_store import StateStore
from streams.topic_faults import TopicFault

#: Figures are shown until the last heartbeat reaches this share of the session timeout: after it,
#: another worker may show them.
HEARTBEAT_AGE_SHARE = 0.8
#: The maximum wait of a fetch request. A broker answers earlier when a record arrives (the demo's
#: does not). Resumed partitions and all other requests on the connection wait for the answer, and
#: a rebalance makes several requests.
FETCH_MAX_WAIT_MS = 100
#: The most that the answer to a fetch may hold, over all partitions. Under a quota of the broker
#: (`consumer_byte_rate`) the client waits as long as the quota takes for that much: with aiokafka's
#: 50 MiB often longer than the request timeout, after which it fetches the same again.
FETCH_MAX_BYTES = 4 * 1024 * 1024
#: How long a stopping worker waits for the broker to store that no record has ended it.
TAKE_BACK_SECONDS = 2.0
#: Errors of the client or the broker that are caused by the content of a write.
_CONTENT_ERRORS = (
    *REFUSALS,
    AssertionError,
    OverflowError,
    TypeError,
    UnicodeError,
)
_SHORT_POLL_SECONDS = 0.05
#: The generation in which this task's commit was requested.
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
    """A write that every attempt fails to deliver, because of its size or format."""


class AttemptNotCommittedError(SmartRegionError):
    """An attempt at a record was not committed: another worker may own the partition."""

    def __init__(self, tp: TP, offset: int) -> None:
        super().__init__(
            f"{tp.topic}[{tp.partition}]@{offset}: the broker did not commit the attempt at this"
            " record; the batch is read again after a restart"
        )


class BatchSchema(Schema[Any, Any]):
    """A schema without decoding: the value is the list of raw records."""

    def compile(self, app: Any, **_: Any) -> Callable[..., Any]:  # noqa: ANN401 - Faust's types
        """Return the function that creates an event from a batch message."""
        create_event = app.create_event

        async def decode(message: Any, *, propagate: bool = False) -> Any:  # noqa: ANN401, ARG001
            return create_event(None, message.value, message.headers, message)

        return decode


class _BatchConsumerThread(driver.AIOKafkaConsumerThread):
    """Faust's consumer thread, which also records when the broker last confirmed the member."""

    mundane_level = "debug"
    #: When the last request that renewed the session was sent: a heartbeat that the broker has
    #: answered, or the request that returned the assignment. The session began after that.
    heartbeat_at: float = 0.0
    _sync_sent_at: float = 0.0
    #: Until when the broker, by its last answers, lets this client wait because of a quota.
    throttled_until: float = -inf

    def _create_consumer(self, loop: asyncio.AbstractEventLoop) -> Any:  # noqa: ANN401
        read_any_batch_with_aiokafka()
        owner = cast("BatchConsumer", self.consumer)
        report_gaps_with_aiokafka(FAMILIES, owner.note_gap, owner.note_leader)
        bound_polls_of_aiokafka()
        consumer = super()._create_consumer(loop)
        # Faust's values are 1.5 s and 50 MiB.
        consumer._fetch_max_wait_ms = FETCH_MAX_WAIT_MS
        consumer._fetch_max_bytes = FETCH_MAX_BYTES
        commit = consumer.commit

        commits = asyncio.Lock()

        async def commit_with_metadata(offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
            _commit_generation.set(self.generation())
            # One at a time: a retried commit must not overtake a later one.
            async with commits:
                found = owner.to_commit(TP(*tp) for tp in offsets)
                if not found:
                    return
                await commit(
                    {
                        TopicPartition(*tp): OffsetAndMetadata(
                            one.offset, encode_commit_metadata(one.metadata)
                        )
                        for tp, one in found.items()
                    }
                )
                owner.note_committed(found)

        # Faust commits empty metadata.
        consumer.commit = commit_with_metadata
        consumer._isolation_level = "read_committed"
        return consumer

    def _note_throttles(self, client: Any) -> None:  # noqa: ANN401 - aiokafka's
        ask = client.send

        async def send(*request: object, **how: object) -> Any:  # noqa: ANN401 - aiokafka's answer
            answer = await ask(*request, **how)
            if throttle_ms := getattr(answer, "throttle_time_ms", 0):
                until = monotonic() + throttle_ms / 1000
                self.throttled_until = max(self.throttled_until, until)
            return answer

        client.send = send

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
            if isinstance(request, SyncGroupRequest):
                self._sync_sent_at = monotonic()
            return await send(request)

        async def offsets(node_id: int, topics: object) -> Any:  # noqa: ANN401 - aiokafka's answer
            try:
                return await ask_for_offsets(node_id, topics)
            except KafkaError as error:
                if error.invalid_metadata:
                    # Otherwise aiokafka would request positions from the same broker for ever.
                    fetcher._client.force_metadata_update()
                raise

        set_error = fetcher._set_error

        def replace_error(tp: TopicPartition, error: KafkaError) -> None:
            # aiokafka asserts that no error is pending: a second one would stop all partitions.
            fetcher._records.pop(tp, None)
            set_error(tp, error)

        self._note_throttles(fetcher._client)
        fetcher._set_error = replace_error
        fetcher._proc_offset_request = offsets
        coordinator._do_heartbeat = heartbeat
        coordinator._send_req = send_request

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        # Not the time of this call: the process may have been suspended since the answer.
        self.heartbeat_at = max(self.heartbeat_at, self._sync_sent_at)
        await super().on_partitions_assigned(assigned, generation_id)

    async def _fetch_records(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - Faust's
        with one_poll():
            return await super()._fetch_records(*args, **kwargs)

    def note_poll(self) -> None:
        """Count this as a poll, although nothing is fetched.

        aiokafka leaves the group after `broker_max_poll_interval` without a poll, and rejoins only
        after the next one. A worker without partitions would never poll.
        """
        self._ensure_consumer()._subscription._last_fetch_ended = monotonic()

    def generation(self) -> int:
        """Return the group generation of this member, according to aiokafka's coordinator."""
        return int(self._ensure_consumer()._coordinator.generation)

    def fetch_position(self, tp: TP) -> int:
        """Return the next offset to fetch; 0 before it is known."""
        assignment = self._ensure_consumer()._subscription.subscription.assignment
        position = assignment.state_value(tp)._position
        return position or 0

    async def committed(self, tps: Iterable[TP]) -> Mapping[TP, Committed]:
        """Return the committed offsets of the group, for the given partitions that have one.

        Raises aiokafka's errors if the broker does not answer or refuses.
        """
        wanted = [TopicPartition(*tp) for tp in tps]
        fetch = self._ensure_consumer()._coordinator.fetch_committed_offsets
        found: Mapping[TopicPartition, OffsetAndMetadata] = await self.call_thread(fetch, wanted)
        return {
            TP(*tp): Committed(one.offset, decode_commit_metadata(one.metadata))
            for tp, one in found.items()
        }

    def stable_end(self, tp: TP) -> int | None:
        """Return the last stable offset of the last fetch response; None before the first."""
        end: int | None = self._ensure_consumer().last_stable_offset(tp)
        return end

    async def _highwaters(self, partitions: Any) -> Mapping[TP, int]:  # noqa: ANN401 - Faust's
        """Return the high watermarks.

        A read-committed consumer gets the last stable offsets instead; an open transaction may hold
        those back behind records that were read.
        """
        consumer = self._ensure_consumer()
        fetcher = copy(consumer._fetcher)
        fetcher._isolation_level = READ_UNCOMMITTED
        # The wrapper of `on_start` would use the isolation level of the original fetcher.
        vars(fetcher).pop("_proc_offset_request", None)
        ends: Mapping[TP, int] = await fetcher.end_offsets(partitions, consumer._request_timeout_ms)
        return ends

    async def check_errors(self) -> None:
        """Raise the pending error of aiokafka's coordinator, in the consumer's thread."""

        async def check() -> None:
            self._ensure_consumer()._coordinator.check_errors()

        await self.call_thread(check)


def _check_commit(request: OffsetCommitRequest) -> None:
    """Raise IllegalGenerationError if the group's generation changed since a commit was requested.

    aiokafka sends its current generation, or -1 if the broker has forgotten the member. A group
    without members accepts -1, so an offset might move back.
    """
    generation = request._consumer_group_generation_id
    if generation < 0 or generation != _commit_generation.get():
        raise IllegalGenerationError(request._consumer_group)


class BatchConsumer(driver.Consumer):
    """Faust's consumer, yielding batches and committing the positions of the states."""

    mundane_level = "debug"
    transport: BatchTransport
    _thread: _BatchConsumerThread
    #: Whether the broker's end offsets directly follow the last record.
    has_exact_ends: ClassVar[bool] = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        #: The partitions of the last assignment.
        self._partitions: dict[TP, AssignedPartition] = {}
        self.log_starts: dict[TP, int] = {}
        """The first offset of each partition, as of the last look at the logs."""
        self._assigned_generation = -1
        self._is_revoked = True
        #: The generation whose partitions are sought.
        self._sought_generation: int | None = None
        super().__init__(*args, **kwargs)

    def _new_consumer_thread(self) -> _BatchConsumerThread:
        return _BatchConsumerThread(self, loop=self.loop, beacon=self.beacon)

    # -- positions

    def is_caught_up(self, tp: TP) -> bool:
        """Return True if a partition's states have all records before the committed offset."""
        partition = self._partitions.get(tp)
        return partition is not None and partition.is_shown

    def to_catch_up(self) -> int:
        """Return the number of offsets until all assigned partitions are caught up."""
        return sum(one.remaining for one in self._read())

    def _read(self) -> list[AssignedPartition]:
        """Return the partitions being read: none while a rebalance assigns them."""
        # A copy: the partitions may change while a commit awaits.
        return [one for one in [*self._partitions.values()] if not one.is_revoked]

    @property
    def faults(self) -> Sequence[TopicFault]:
        """What the logs of assigned partitions have lost."""
        return [one.fault for one in self._read() if one.fault is not None]

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Drop the states of partitions that another worker now has, then do as Faust does."""
        for tp in self._partitions.keys() - assigned:
            self._partitions.pop(tp).drop()
        if generation_id - self._assigned_generation not in {0, 1}:
            # Meanwhile another worker may have owned the partitions and committed more.
            for partition in self._partitions.values():
                partition.is_caught_up = partition.is_known = False
        self._assigned_generation, self._is_revoked = generation_id, False
        await super().on_partitions_assigned(assigned, generation_id)

    async def perform_seek(self) -> None:
        """Seek all assigned partitions to the positions of their states.

        Raises aiokafka's errors if the broker does not answer or refuses.
        """
        generation = self.app.consumer_generation_id
        tps = sorted(self.assignment())
        committed = await self._thread.committed(tps)
        if self._is_outdated(generation):
            return
        for tp in tps:
            self._read_offset[tp] = None
            self._partitions[tp] = AssignedPartition(
                tp,
                committed.get(tp) or self.transport.noted.get((*tp,), NOT_COMMITTED),
                store=self.transport.state_store,
                rules=self.transport.rules,
                snapshots=self.transport.snapshots,
                before=self._partitions.get(tp),
            )
        for partition in self._read():
            await partition.restore()
        if self._is_outdated(generation):
            return
        try:
            await self._look_at(tps)
        except IllegalStateError as error:
            self.log.warning("a rebalance has taken partitions that were sought: %r", error)
            return
        if not self._is_outdated(generation):
            self._sought_generation = generation

    def _is_outdated(self, generation: int) -> bool:
        return self._is_revoked or generation != self.app.consumer_generation_id

    async def keep_snapshots(self, *, is_end: bool = False) -> None:
        """Write the snapshots that are due."""
        for partition in self._read():
            await partition.keep_snapshot(is_end=is_end)

    async def look_at_logs(self) -> None:
        """Check whether the logs of the assigned partitions have lost records.

        Resumes a partition whose log is whole again. Raises the errors of `perform_seek`.
        """
        generation = self._sought_generation
        if generation is None or not self._may_read(generation):
            return
        with suppress(IllegalStateError):  # A rebalance has begun, and will seek.
            await self._look_at(sorted(self.assignment()))

    async def read_again(self, topics: Collection[str]) -> None:
        """Read the partitions of topics from the start. Raises as `look_at_logs`."""
        for partition in self._read():
            if partition.tp.topic in topics:
                partition.read_again()
        await self.look_at_logs()

    def commits(self) -> Mapping[tuple[str, int], Committed]:
        """Return the last commits of the partitions whose log is whole up to there."""
        return {(*one.tp,): one.last_commit for one in self._read() if one.is_shown}

    async def _look_at(self, tps: Sequence[TP]) -> None:
        """Check the extents of logs, and seek to the positions of those that are whole."""
        # Taken first: reading continues while a broker answers, and may pass the end it returns.
        read = {one: one.read_up_to for one in self._read()}
        starts = await self.earliest_offsets(*tps)
        ends = await self.highwaters(*tps)
        self.log_starts = dict(starts)
        positions: dict[TP, int] = {}
        for partition, read_up_to in read.items():
            tp = partition.tp
            if partition.is_revoked or tp not in ends:
                continue
            end = ends[tp] if self.has_exact_ends else None
            offset = partition.look(starts[tp], end, read_up_to, self._accepted(tp))
            if offset is not None:
                positions[tp] = offset
        if positions:
            await self._seek_all(positions)

    async def _seek_all(self, positions: Mapping[TP, int]) -> None:
        """Seek; fetched records do not advance a partition before its last seek has ended."""
        seek = object()
        sought = [self._partitions[tp] for tp in positions if tp in self._partitions]
        for partition in sought:
            partition.seek = seek
        await self.seek_wait(positions)
        for partition in sought:
            if partition.seek is seek:
                partition.seek = None

    def _accepted(self, tp: TP) -> Sequence[AcceptedLoss]:
        return self.transport.accepted.get((*tp,), ())

    # -- reading

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        """Yield the new records of each partition in batches.

        Nothing is read during a rebalance and before its seek: Faust clears its queues. If polled
        records can no longer be yielded, the partition is sought back to them.
        """
        # Read before the wait: the generation may change during a poll.
        generation = self.app.consumer_generation_id
        if not self.flow_active:
            await self.wait(self.can_resume_flow.wait())
        faulty = {one.tp for one in self._read() if one.fault is not None}
        readable = self._get_active_partitions() - faulty
        if not readable or not self._may_read(generation):
            # aiokafka interprets an empty set as all partitions.
            self._thread.note_poll()
            await self.sleep(_SHORT_POLL_SECONDS)
            return
        polled = await self._poll(readable, timeout)
        await self._skip_control_records(readable - polled.keys(), generation)
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
            partition = self._partitions[tp]
            batches = partition.take(records, self._accepted(tp))
            if isinstance(batches, int):
                await self._try_seek({tp: batches})
                continue
            for batch in batches:
                partition.pass_on(batch)
                yield tp, self._message_of(tp, batch, generation)

    async def _poll(self, readable: set[TP], max_wait: float) -> dict[TP, Any]:
        """Return the records of one poll, by partition."""
        if self._buffered_partitions:
            # Partitions are paused while their agent is busy. If they are resumed during a long
            # poll that excludes them, they wait until it ends.
            max_wait = min(max_wait, _SHORT_POLL_SECONDS)
        try:
            return dict(await self._getmany(active_partitions=readable, timeout=max_wait) or {})
        except (OffsetOutOfRangeError, NoOffsetForPartitionError) as error:
            self.log.warning("a log has moved, or lost records: %r", error)
            await self.look_at_logs()
            return {}

    async def _skip_control_records(self, quiet: Collection[TP], generation: int) -> None:
        """Move past aborted and control records, in partitions for which a poll returned nothing.

        Otherwise, everything that waits for the end of the log or for zero lag would hang.
        """
        if generation != self.app.consumer_generation_id or not self._may_read(generation):
            return
        positions: dict[TP, int] = {}
        for partition in self._read():
            tp = partition.tp
            if tp in quiet and tp in self.assignment():
                offset = partition.skip_to(self._thread.fetch_position(tp), self._accepted(tp))
                if offset is not None:
                    positions[tp] = offset
        if positions:
            await self._try_seek(positions)

    def is_sought(self, generation: int) -> bool:
        """Return True once a generation's partitions are sought, until a revocation.

        Faust's own flags may say so too early: if a rebalance begins while another one ends, they
        take the end of the first for the end of both.
        """
        return self._sought_generation == generation

    def finish_empty(self) -> None:
        """Mark a generation without partitions as sought: Faust does not seek for it."""
        self._sought_generation = self.app.consumer_generation_id

    def _may_read(self, generation: int) -> bool:
        return self.is_sought(generation) and not self.app.rebalancing

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

    def note_leader(self, leader: LeaderEpoch) -> None:
        """Note which leader wrote the fetched records. Called in the consumer's thread."""
        partition = self._partitions.get(TP(leader.topic, leader.partition))
        if partition is not None:
            partition.note_leader(leader)

    def note_gap(self, gap: OffsetGap) -> None:
        """Note that fetched offsets have no record. Called in the consumer's thread."""
        partition = self._partitions.get(TP(gap.topic, gap.partition))
        if partition is not None:
            partition.note_gap(gap.first, gap.next)

    async def _seek_back(self, polled: Mapping[TP, Any]) -> None:
        """Seek back to polled records that are not yielded.

        Skips a partition that was sought meanwhile, and one whose fetch position moved past
        markers: the rebalance or the next look seeks it.
        """
        unread = {
            tp: records[0].offset
            for tp, records in polled.items()
            if tp in self.assignment()
            and self._partitions[tp].seek is None
            and self._thread.fetch_position(tp) == records[-1].offset + 1
        }
        for tp in polled.keys() & self._partitions.keys() - unread.keys():
            self._partitions[tp].seek = self._partitions[tp].seek or object()
        if unread:
            await self._try_seek(unread)

    async def _try_seek(self, positions: Mapping[TP, int]) -> None:
        """Seek, unless a rebalance meanwhile takes the partitions."""
        try:
            await self._seek_all(positions)
        except Exception as error:  # noqa: BLE001 - the next rebalance seeks again
            self.log.warning("could not seek back during a rebalance: %r", error)

    # -- acknowledging

    def done(self, message: Message, *, is_partly: bool = False) -> None:
        """Release a batch that is merged, or partly merged.

        The merged records are committed. The rest is read again after the rebalance, as are the
        partition's batches that were already passed on (`is_stopped`).
        """
        partition = self._partitions.get(message.tp)
        if partition is not None:
            partition.ended_early |= is_partly
            if not partition.is_revoked:
                partition.note_merged()
        message.ack(self)

    def is_awaited(self) -> bool:
        """Return True while a rebalance waits for the batches in process."""
        return bool(self.app.rebalancing)

    def is_stopped(self, tp: TP) -> bool:
        """Return True if no more of a partition is processed before it is sought.

        A rebalance seeks it, or the acceptance of its lost records.
        """
        partition = self._partitions.get(tp)
        return (
            partition is None
            or partition.is_revoked
            or partition.ended_early
            or partition.fault is not None
        )

    def release(self, message: Message) -> None:
        """Leave a batch and the partition's later ones to be read again after the rebalance."""
        if message.tp in self._partitions:
            self._partitions[message.tp].ended_early = True
        self.ack(message)

    def ack(self, message: Message) -> bool:
        """Release a message; commits use the position of the states instead."""
        if message.acked:
            return False
        message.acked = True
        self._unacked_messages.discard(message)
        notify(self._waiting_for_ack)
        return True

    def to_commit(self, tps: Iterable[TP]) -> Mapping[TP, Committed]:
        """Return what to commit now for those partitions that are still read."""
        wanted = {*tps}
        return {one.tp: one.to_commit() for one in self._read() if one.tp in wanted}

    def note_committed(self, committed: Mapping[TP, Committed]) -> None:
        """Note what was committed to the group."""
        for partition in self._read():
            partition.last_commit = committed.get(partition.tp, partition.last_commit)

    def needs_attempt(self, tp: TP) -> bool:
        """Return whether to commit an attempt before a batch of a partition."""
        return self._partitions[tp].needs_attempt

    def crashes_at(self, tp: TP, offset: int) -> int:
        """Return how many attempts at a record have ended a worker."""
        return self._partitions[tp].crashes_at(offset)

    async def begin_attempt(self, tp: TP, offset: int) -> int:
        """Commit an attempt at the record at `offset`; return how many attempts ended a worker.

        All records before `offset` are done. Until the record is done, the attempt is metadata of
        the committed offset, so it survives the process. Raises AttemptNotCommittedError.
        """
        partition = self._partitions.get(tp)
        if partition is not None and not partition.is_revoked:
            ends = partition.crashes_at(offset)
            partition.begin_attempt(offset)
            if await self._thread.commit({tp: partition.processed}) and not partition.is_revoked:
                return ends
        raise AttemptNotCommittedError(tp, offset)

    async def take_back_attempts(self) -> None:
        """Withdraw the attempts in progress: no record has ended this worker.

        Attempts still count if the broker does not store this within TAKE_BACK_SECONDS.
        """
        if self.ownership_problem(self.app.consumer_generation_id) is not None:
            return
        under_way = {one.tp: one.processed for one in self._read() if one.withdraw_attempt()}
        if not under_way:
            return
        try:
            await asyncio.wait_for(self._thread.commit(under_way), TAKE_BACK_SECONDS)
        except Exception as error:  # noqa: BLE001 - this worker ends in any case
            self.log.warning("attempts not withdrawn, so they count error=%r", error)

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:  # noqa: ANN401
        return (
            one.tp
            for one in self._read()
            if topics is None or one.tp in topics or one.tp.topic in topics
        )

    def _new_offset(self, tp: TP) -> int | None:
        """Return the position of the states: all records before it are merged and written."""
        partition = self._partitions.get(tp)
        return partition.processed if partition is not None and partition.is_committed else None

    def _should_commit(self, tp: TP, offset: int) -> bool:  # noqa: ARG002 - Faust's signature
        partition = self._partitions[tp]
        return partition.to_commit() != partition.last_commit

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Ignore gaps: the position is past them."""

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Commit what is done (by Faust), then drop the offsets of the revoked partitions.

        States and positions stay until the next assignment: most partitions come back.
        """
        self._begin_rebalance()
        await super().on_partitions_revoked(revoked)
        for tp in revoked & self._partitions.keys():
            self._partitions[tp].revoke()

    def _begin_rebalance(self) -> None:
        self._sought_generation, self._is_revoked = None, True
        # An earlier rebalance may have ended after the thread announced this one.
        self.app.rebalancing = True

    # -- ownership

    def ownership_problem(self, generation: int | None) -> str | None:
        """Return why another worker may own the partitions of a generation; None if none can.

        Either the group has a newer generation, or no heartbeat succeeded for 0.8 of the session
        timeout: a suspended worker must not show old figures beside its successor's.
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

    def seconds_since_throttle(self) -> float:
        """Return the seconds since a quota of the broker last held this client back; 0: it does."""
        return max(0.0, monotonic() - self._thread.throttled_until)

    async def check_errors(self) -> None:
        """Raise the pending error of aiokafka's coordinator, which Faust does not check."""
        await self._thread.check_errors()

    async def verify_all_partitions_active(self) -> None:
        """Do nothing: `streams.watchdog` detects a stalled worker."""

    def lag(self) -> Mapping[TP, int]:
        """Return the number of unprocessed records, by partition of events."""
        return {
            tp: max(end - (self._partitions[tp].processed if tp in self._partitions else 0), 0)
            for tp, end in self.event_ends().items()
        }

    def event_ends(self) -> Mapping[TP, int]:
        """Return the high watermarks of the last fetch responses, by partition of events."""
        ends = {tp: cast("int | None", self.highwater(tp)) for tp in self.assignment()}
        return {tp: end for tp, end in ends.items() if end is not None}

    def in_transactions(self) -> Mapping[TP, int]:
        """Return how many records of the lag are behind an open transaction, by partition.

        No consumer can fetch them before the transaction ends: they do not mean a stalled worker.
        """
        found: dict[TP, int] = {}
        for tp, behind in self.lag().items():
            stable, end = self._thread.stable_end(tp), self.highwater(tp)
            if behind and stable is not None and 0 <= stable < end:
                found[tp] = min(end - stable, behind)
        return found


class BatchProducer(driver.Producer):
    """Faust's producer, which can also write a whole batch and await its acknowledgement."""

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

        Raises ProduceFailedError if a record is not acknowledged, WriteRefusedError if its content
        is the cause.
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

    `state_store` holds the positions of the partitions, `rules` is the fingerprint of the rules
    that refuse records.
    """

    Consumer = BatchConsumer
    Producer = BatchProducer

    def __init__(
        self,
        *args: Any,
        state_store: StateStore,
        rules: str = "",
        accepted: AcceptedLosses = NOTHING_ACCEPTED,
        noted: Mapping[tuple[str, int], Committed] = NOTHING_NOTED,
        snapshots: PartitionSnapshots | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.state_store = state_store
        self.rules = rules
        self.snapshots = snapshots
        self.accepted = accepted
        """The losses that operators have accepted, by topic and partition."""
        self.noted = noted
        """Earlier commits, for partitions of which the group no longer has one."""
