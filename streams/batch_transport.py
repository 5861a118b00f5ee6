"""The seam: Faust's aiokafka transport, handing on one message per partition and poll.

Faust moves one record at a time: a task pair, a future and a produce request each. Here a record
of an event topic or a changelog never becomes a Faust message of its own: a poll's records of one
partition travel as one message whose value is their list and whose offset is the last one's.
Assignment, rebalance, recovery, tables and commits stay Faust's own.

README names the modules that use private names of Faust and the Kafka clients, which are pinned
exactly; tests/integration/test_engine.py fails when an upgrade changes what is used here.
"""

from __future__ import annotations

import asyncio
from copy import copy
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, cast

from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import READ_UNCOMMITTED
from aiokafka.structs import OffsetAndMetadata
from faust import Schema
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage, Message
from mode.utils.futures import notify

from boundary.errors import SmartRegionError
from broker.poll_bytes import bound_polls_of_aiokafka, one_poll
from broker.record_batches import read_any_batch_with_aiokafka
from broker.write_sequences import REFUSALS, give_refused_sequences_back
from streams.commit_metadata import (
    NOTHING_NOTED,
    Attempt,
    CommitMetadata,
    decode_commit_metadata,
    encode_commit_metadata,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence

    from faust.tables.manager import TableManager

    from events.records import OutgoingRecord
    from streams.topic_faults import TopicFault


__all__ = [
    "AttemptNotNotedError",
    "BatchConsumer",
    "BatchProducer",
    "BatchSchema",
    "BatchTransport",
    "Committed",
    "LeaseLostError",
    "ProduceFailedError",
    "WriteRefusedError",
]

#: A lease is trusted for this part of the session: the rest is what a write may take.
LEASE_SHARE = 0.8
FETCH_MAX_WAIT_MS = 100
#: What the client or the broker raises for what a write holds, and not for where it goes.
_FOR_CONTENT = (
    *REFUSALS,
    AssertionError,
    OverflowError,
    TypeError,
    UnicodeError,
)
_SHORT_POLL_SECONDS = 0.05


class LeaseLostError(SmartRegionError):
    """This worker may no longer own the partition: it must not write, and has to end."""

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
    """A write that no attempt will bring to the broker, for what it holds: its size or its form."""


class AttemptNotNotedError(SmartRegionError):
    """The group did not take the note that work at a record begins: somebody else may own it."""

    def __init__(self, tp: TP, offset: int) -> None:
        super().__init__(
            f"{tp.topic}[{tp.partition}]@{offset}: the broker did not take the note that work"
            " begins here; the batch is read again after a restart"
        )


class Committed(NamedTuple):
    """The next offset to read of a partition, as the group has it, and what is kept beside it."""

    offset: int
    metadata: CommitMetadata


class BatchSchema(Schema[Any, Any]):
    """A schema that decodes nothing: the value is the list of raw records."""

    def compile(self, app: Any, **_: Any) -> Callable[..., Any]:  # noqa: ANN401 - Faust's types
        """Return the function that makes an event of a batch message."""
        create_event = app.create_event

        async def decode(message: Any, *, propagate: bool = False) -> Any:  # noqa: ANN401, ARG001
            return create_event(None, message.value, message.headers, message)

        return decode


class _LeasedThread(driver.AIOKafkaConsumerThread):
    """Faust's consumer thread, which also remembers when the broker last knew this member."""

    mundane_level = "debug"
    known_at: float = 0.0

    def _create_consumer(self, loop: asyncio.AbstractEventLoop) -> Any:  # noqa: ANN401
        read_any_batch_with_aiokafka()
        bound_polls_of_aiokafka()
        consumer = super()._create_consumer(loop)
        # Faust says 1.5 s; some brokers do not wake a waiting fetch when a record arrives.
        consumer._fetch_max_wait_ms = FETCH_MAX_WAIT_MS
        commit = consumer.commit

        async def commit_with_metadata(offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
            noted = cast("BatchConsumer", self.consumer).noted
            await commit(
                {
                    tp: OffsetAndMetadata(one.offset, encode_commit_metadata(noted(TP(*tp))))
                    for tp, one in offsets.items()
                }
            )

        # Faust commits an empty text.
        consumer.commit = commit_with_metadata
        # What a producer took back before it was done was never said.
        consumer._isolation_level = "read_committed"
        return consumer

    async def on_start(self) -> None:
        await super().on_start()
        coordinator = self._ensure_consumer()._coordinator
        beat = coordinator._do_heartbeat

        async def heartbeat() -> bool:
            sent_at = monotonic()
            known: bool = await beat()
            if known:
                self.known_at = max(self.known_at, sent_at)
            return known

        coordinator._do_heartbeat = heartbeat

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        self.known_at = monotonic()
        await super().on_partitions_assigned(assigned, generation_id)

    async def _fetch_records(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - Faust's
        with one_poll():
            return await super()._fetch_records(*args, **kwargs)

    def generation(self) -> int:
        """Return the group generation of which the coordinator counts this worker a member."""
        return int(self._ensure_consumer()._coordinator.generation)

    def read_up_to(self, tp: TP) -> int:
        """Return the next offset to ask the broker for; 0 before it is known."""
        assignment = self._ensure_consumer()._subscription.subscription.assignment
        position = assignment.state_value(tp)._position
        return position or 0

    async def committed(self, tps: Iterable[TP]) -> Mapping[TP, Committed]:
        """Return what the group has committed of some partitions, those left out of which nothing.

        Raises as aiokafka does where the broker does not answer, or does not allow it.
        """
        wanted = [TopicPartition(*tp) for tp in tps]
        fetch = self._ensure_consumer()._coordinator.fetch_committed_offsets
        found: Mapping[TopicPartition, OffsetAndMetadata] = await self.call_thread(fetch, wanted)
        return {
            TP(*tp): Committed(one.offset, decode_commit_metadata(one.metadata))
            for tp, one in found.items()
        }

    def stable_end(self, tp: TP) -> int | None:
        """Return up to where every transaction has ended, as the last fetch response told it."""
        end: int | None = self._ensure_consumer().last_stable_offset(tp)
        return end

    async def _highwaters(self, partitions: Any) -> Mapping[TP, int]:  # noqa: ANN401 - Faust's
        """Return the high watermarks, which are what a recovery has to come up to.

        A consumer of what is committed is told the last stable offset instead: where a transaction
        is open on a changelog, states lie behind it, and a recovery may not end without them.
        """
        consumer = self._ensure_consumer()
        fetcher = copy(consumer._fetcher)
        fetcher._isolation_level = READ_UNCOMMITTED
        ends: Mapping[TP, int] = await fetcher.end_offsets(partitions, consumer._request_timeout_ms)
        return ends

    async def check_errors(self) -> None:
        """Raise, in the consumer's thread, the error that aiokafka has parked, if any."""
        coordinator = self._ensure_consumer()._coordinator

        async def check() -> None:
            coordinator.check_errors()

        await self.call_thread(check)


class BatchConsumer(driver.Consumer):
    """Faust's consumer, polling batches and committing only what is explicitly done."""

    mundane_level = "debug"
    transport: BatchTransport
    _thread: _LeasedThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        #: Per partition: the generation in which work was done, and the next offset to do.
        self._done: dict[TP, tuple[int, int]] = {}
        #: Per partition: the next offset to hand on.
        self._next: dict[TP, int] = {}
        #: Per partition: a hole that was met once, and sought back from.
        self._hole: dict[TP, tuple[int, int]] = {}
        #: Per partition: what is written beside its offset with the next commit.
        self._notes: dict[TP, CommitMetadata] = {}
        #: Per partition: the last offset that a poll brought.
        self._brought: dict[TP, int] = {}
        #: Partitions in which work was begun since they are this worker's.
        self._begun: set[TP] = set()
        #: The generation whose restored states were checked, and what was found to be lost.
        self._checked: int | None = None
        self.faults: Sequence[TopicFault] = ()
        super().__init__(*args, **kwargs)

    def _new_consumer_thread(self) -> _LeasedThread:
        return _LeasedThread(self, loop=self.loop, beacon=self.beacon)

    # -- reading

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        """Yield one message per partition with new records.

        While the group rebalances no event topic is read: Faust would clear its queues, and with
        them records past which a later batch commits. Nor is one before the restored states were
        checked, or while some are lost. Records that a poll brought and that can no longer be
        handed on are sought back to.
        """
        # Before the wait: a poll may outlive the generation in which it was made.
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
            await self.sleep(_SHORT_POLL_SECONDS)
            return
        if self._buffered_partitions:
            # Held back while their agent is busy. It may want them again before a poll without
            # them ends, and would then wait for nothing.
            timeout = min(timeout, _SHORT_POLL_SECONDS)
        polled = dict(await self._getmany(active_partitions=readable, timeout=timeout) or {})
        self._pass_over(readable - polled.keys(), generation)
        self._brought.update((tp, records[-1].offset) for tp, records in polled.items())
        while polled:
            if self.should_stop:
                return
            tp, records = next(iter(polled.items()))
            if not self.flow_active or generation != self.app.consumer_generation_id:
                await self._seek_back(polled)
                return
            if not self._is_changelog_tp(tp) and self.app.rebalancing:
                await self._seek_back(polled)
                return
            del polled[tp]
            if self._is_changelog_tp(tp):
                yield tp, self._to_batch(tp, records, generation)
            elif await self._follows_on(tp, records[0].offset):
                self._next[tp] = records[-1].offset + 1
                yield tp, self._to_batch(tp, records, generation)

    def _pass_over(self, quiet: Iterable[TP], generation: int) -> None:
        """Take as done what was read of partitions and holds no record for us.

        That is what was aborted, and the marks that end transactions. Without it a recovery would
        wait for the last of them, and so would whoever waits for the offsets of the group.
        """
        if generation != self.app.consumer_generation_id:
            return
        restored = cast("TableManager", self.app.tables).recovery.active_offsets
        for tp in self.assignment().intersection(quiet):
            passed, brought = self._thread.read_up_to(tp), self._brought.get(tp, -1)
            if not self._is_changelog_tp(tp):
                _, done = self._done.get(tp, (0, self._committed_offset[tp] or 0))
                if brought < done < passed:
                    self._done[tp] = (generation, passed)
            elif (last := restored.get(tp)) is not None and brought <= last < passed - 1:
                restored[tp] = passed - 1

    def checked(self, generation: int, faults: Sequence[TopicFault]) -> None:
        """Let events be read in this generation, unless something was found to be lost."""
        self._checked, self.faults = generation, faults

    def _may_read_events(self, generation: int) -> bool:
        return not self.app.rebalancing and self._checked == generation and not self.faults

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

    async def _follows_on(self, tp: TP, offset: int) -> bool:
        """Tell whether nothing was lost before `offset`; else seek back, once.

        A hole that is still there on the second reading is the log's own (retention, compaction,
        transaction markers). A log that ends before what was read of it has lost its last records:
        the client has gone back to its beginning, and so do we.
        """
        expected = self._next.get(tp)
        if expected is not None and offset < expected:
            self.log.error(
                "events lost topic=%s partition=%d read_up_to=%d read_again_from=%d",
                *tp,
                expected,
                offset,
            )
            # Faust would leave out, and not commit, what is before these.
            self._read_offset[tp] = self._committed_offset[tp] = None
        if expected is None or offset <= expected or self._hole.get(tp) == (expected, offset):
            self._hole.pop(tp, None)
            return True
        self._hole[tp] = (expected, offset)
        await self.seek_wait({tp: expected})
        return False

    async def _seek_back(self, polled: Mapping[TP, Any]) -> None:
        """Let what a poll brought, and is not handed on, be read again.

        Of a changelog too: the poll may have waited while the group formed anew, and the records be
        those that a recovery has sought since. Without them it would wait for ever. Where somebody
        has sought elsewhere meanwhile, that holds.
        """
        unread = {
            tp: records[0].offset
            for tp, records in polled.items()
            if self._is_changelog_tp(tp)
            and tp in self.assignment()
            and self._thread.read_up_to(tp) == records[-1].offset + 1
        }
        try:
            if unread:
                await self.seek_wait(unread)
            await self.perform_seek()
        except Exception as error:  # noqa: BLE001 - the next recovery seeks again
            self.log.warning("could not seek back during a rebalance: %r", error)

    async def perform_seek(self) -> None:
        """Go to the committed offsets; a partition that has none goes to its beginning.

        So does one whose states lack what only its records still tell.
        """
        committed = await self.seek_to_committed()
        again = committed.keys() & set(self.transport.to_read_again())
        fresh: dict[TP, int] = {}
        for tp, offset in committed.items():
            if self._is_changelog_tp(tp):
                self._read_offset[tp] = None
                continue
            self._hole.pop(tp, None)
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
            tp for tp in committed if not self._is_changelog_tp(tp) and tp not in self._notes
        ]
        await self.committed(unknown)
        if again:
            self.log.warning(
                "reading again from the beginning: %s: states held facts recorded in the future, or"
                " told by others than their owners",
                ", ".join(f"{tp.topic}[{tp.partition}]" for tp in sorted(again)),
            )
            # At once: a worker that takes over begins there, too.
            await self._thread.commit(dict.fromkeys(again, 0))

    async def committed(self, tps: Iterable[TP]) -> Mapping[TP, Committed]:
        """Return what the group has committed of some partitions, those left out of which nothing.

        What is kept beside an offset is noted, where this worker has not noted anything yet. Raises
        as aiokafka does where the broker does not answer, or does not allow it.
        """
        found = await self._thread.committed(tps)
        for tp, one in found.items():
            self._notes.setdefault(tp, one.metadata)
        return found

    # -- acknowledging

    def done(self, message: Message) -> None:
        """Let the offset after a batch be committed: all that it led to is on the broker."""
        # Some brokers count generations from 0, which is one all the same.
        generation = -1 if message.generation_id is None else message.generation_id
        self._done[message.tp] = (generation, message.offset + 1)
        noted = self._notes.get(message.tp)
        if noted is not None and noted.attempt is not None:
            self.note(message.tp, noted.model_copy(update={"attempt": None}))
        message.ack(self)

    def ack(self, message: Message) -> bool:
        """Release a message; what may be committed is said by `done` alone."""
        if message.acked:
            return False
        message.acked = True
        self._unacked_messages.discard(message)
        notify(self._waiting_for_ack)
        return True

    def noted(self, tp: TP) -> CommitMetadata:
        """Return what the next commit of a partition's offset writes beside it."""
        return self._notes.get(tp, NOTHING_NOTED)

    def note(self, tp: TP, metadata: CommitMetadata) -> None:
        """Let the next commit of a partition's offset write this beside it.

        It holds until the partition is another worker's.
        """
        self._notes[tp] = metadata

    def is_fresh(self, tp: TP) -> bool:
        """Tell whether nothing was begun in a partition yet since it is this worker's."""
        return tp not in self._begun

    async def begin(self, tp: TP, offset: int) -> int:
        """Write beside the offset that work at it begins; return how often that ended a worker.

        All before `offset` is done: it is committed. What is written stands until the record is
        done, and survives any end of the process. Raises AttemptNotNotedError.
        """
        self._begun.add(tp)
        noted = self.noted(tp)
        before = noted.attempt
        ends = before.count if before is not None and before.offset == offset else 0
        attempt = Attempt(offset=offset, count=ends + 1)
        self.note(tp, noted.model_copy(update={"attempt": attempt}))
        if not await self._thread.commit({tp: offset}):
            raise AttemptNotNotedError(tp, offset)
        return ends

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:  # noqa: ANN401
        # A copy: the commit awaits, and batches go on being done meanwhile.
        return (
            tp for tp in list(self._done) if topics is None or tp in topics or tp.topic in topics
        )

    def _new_offset(self, tp: TP) -> int | None:
        generation, offset = self._done.get(tp, (-1, 0))
        return offset if generation == self.app.consumer_generation_id else None

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Keep no account of gaps: `done` covers a batch with every offset in it."""

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Commit what is done (Faust), then forget the offsets of the old generation."""
        await super().on_partitions_revoked(revoked)
        for tp in revoked:
            self._done.pop(tp, None)
            self._next.pop(tp, None)
            self._hole.pop(tp, None)
            self._notes.pop(tp, None)
            self._begun.discard(tp)
            self._brought.pop(tp, None)

    # -- owning

    def assert_lease(self, message: Message) -> None:
        """Refuse to write for a partition that the group may have given to another worker.

        Raises LeaseLostError where `lease_doubt` finds a reason.
        """
        doubt = self.lease_doubt(message.generation_id)
        if doubt is not None:
            raise LeaseLostError(message.tp, reason=doubt)

    def lease_doubt(self, generation: int | None) -> str | None:
        """Return why work of a generation may be another worker's by now; None where it is not.

        It is when the group has formed anew, and when the broker has not answered a heartbeat for
        0.8 of the session: a worker that slept through its session must not write old state over
        its successor's.
        """
        current = self._thread.generation()
        if generation != current:
            return f"the work is of generation {generation}, the group's is {current}"
        age = monotonic() - self._thread.known_at
        limit = LEASE_SHARE * self.app.conf.broker_session_timeout
        if age > limit:
            return f"the broker last answered a heartbeat {age:.1f} s ago (limit {limit:.1f} s)"
        return None

    def unheard_for(self) -> float:
        """Return for how many seconds the broker has not answered as to a member of its group."""
        return monotonic() - self._thread.known_at

    async def check_errors(self) -> None:
        """Raise the coordinator error that aiokafka has parked, which Faust never asks for."""
        await self._thread.check_errors()

    def lag(self) -> Mapping[TP, int]:
        """Return, per event partition, the records known to be there and not yet done.

        The high watermark is the one that the last fetch response carried.
        """
        behind: dict[TP, int] = {}
        for tp in self.assignment():
            if self._is_changelog_tp(tp):
                continue
            end = self.highwater(tp)
            if end is not None:
                _, done = self._done.get(tp, (0, self._committed_offset[tp] or 0))
                if self._next.get(tp, done) == done:
                    # All that was handed on is done: up to where is read, there was nothing else
                    # but what brokers keep for themselves, as the mark that ends a transaction.
                    done = max(done, self._thread.read_up_to(tp))
                behind[tp] = max(end - done, 0)
        return behind

    def held(self) -> Mapping[TP, int]:
        """Return, per event partition, how much of its lag lies behind an open transaction.

        Nobody is given it before the transaction ends: it is no sign of a worker that stands still.
        """
        held: dict[TP, int] = {}
        for tp, behind in self.lag().items():
            stable, end = self._thread.stable_end(tp), self.highwater(tp)
            if behind and stable is not None and 0 <= stable < end:
                held[tp] = min(end - stable, behind)
        return held


class BatchProducer(driver.Producer):
    """Faust's producer, which also writes whole batches and waits for their acknowledgement."""

    mundane_level = "debug"
    idempotent: ClassVar[bool] = True

    def _new_producer(self, transactional_id: str | None = None) -> Any:  # noqa: ANN401 - Faust's
        give_refused_sequences_back()
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
        """Write (key, value) records to one partition; return once the broker has them all.

        The last of them has the headers. Returns the offset after it, None where the broker did not
        say. Raises ProduceFailedError if any is not acknowledged, a WriteRefusedError for what it
        holds.
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
        for place, (key, value) in enumerate(records):
            headers = list(last_headers) if place == last else []
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
        # A batch that the broker already had, from an earlier attempt, may come back without one.
        return None if tail is None or tail.offset < 0 else int(tail.offset) + in_batch

    async def write_all(
        self,
        records: Sequence[OutgoingRecord],
    ) -> None:
        """Write (topic, partition, key, value, headers) records; return once all are there.

        Raises ProduceFailedError if any is not acknowledged, a WriteRefusedError for what it holds.
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
    kind = WriteRefusedError if isinstance(cause, _FOR_CONTENT) else ProduceFailedError
    return kind(topic, partition, cause=cause)


class BatchTransport(driver.Transport):
    """Faust's aiokafka transport with the batching consumer and producer.

    `to_read_again` returns the partitions of events that have to be read from their beginning.
    """

    Consumer = BatchConsumer
    Producer = BatchProducer

    def __init__(
        self,
        *args: Any,
        to_read_again: Callable[[], Iterable[TP]] = tuple,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.to_read_again = to_read_again
