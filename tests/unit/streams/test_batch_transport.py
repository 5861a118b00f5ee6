"""What the consumer, its thread and the producer do with a broker, and when.

What is passed on, sought and committed of a partition is decided by `AssignedPartition`
(test_assigned_partition.py, test_partition_decisions.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from math import inf
from time import monotonic
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import AsyncMock, Mock

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition, errors
from aiokafka.consumer.fetcher import READ_COMMITTED, READ_UNCOMMITTED
from aiokafka.protocol.commit import OffsetCommitRequest
from aiokafka.structs import OffsetAndMetadata
from faust.types import TP, ConsumerMessage, Message

from events.fact import Family
from events.records import OutgoingRecord
from streams import batch_transport
from streams.assigned_partition import Batch
from streams.batch_transport import (
    BatchConsumer,
    ProduceFailedError,
    WriteRefusedError,
    _BatchConsumerThread,
)
from streams.commit_metadata import Attempt, decode_commit_metadata
from streams.state_store import Position
from streams.topic_faults import FaultKind
from tests.support.async_tests import played
from tests.support.group_member import (
    GENERATION,
    ScriptedThread,
    batch,
    build_app,
    consumer_of,
    joined,
    keep,
    last_record,
    loss_of,
    member,
    polled,
    position_of,
    producing,
    read,
    read_and_merge,
    rebalance,
    record,
    topic,
)


async def turns() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def has_merged(*tps: TP, upto: int = 5) -> tuple[BatchConsumer, ScriptedThread]:
    """Return a member that has merged and committed its partitions' records before an offset."""
    consumer, thread = await member(*tps)
    for tp in tps:
        thread.brings(polled(tp, *range(upto)))
        await read_and_merge(consumer)
    await consumer.commit()
    return consumer, thread


def message(tp: TP, *, offset: int) -> Message:
    return ConsumerMessage(
        tp.topic,
        tp.partition,
        offset,
        0.0,
        0,
        [],
        None,
        cast("bytes", Batch([record(tp, offset)], 0)),  # As Faust types a value.
        None,
        tp=tp,
        generation_id=GENERATION,
    )


EVENTS = topic(Family.SCHOOLS)
OTHERS = topic(Family.GRANTS)


@played
class TestReading:
    async def test_nothing_is_read_before_the_partitions_are_sought_or_in_a_rebalance(self) -> None:
        """Faust resumes the topics before it seeks, and clears its queues."""
        consumer, thread = joined(EVENTS)
        thread.brings(polled(EVENTS, 0))
        assert await batch(consumer) == []
        await consumer.perform_seek()
        consumer.app.rebalancing = True
        assert await batch(consumer) == []
        assert thread.polled == []  # None at all would mean every partition to aiokafka.
        consumer.app.rebalancing = False
        assert await batch(consumer) == [(EVENTS, [0])]

    async def test_a_poll_is_short_while_a_partition_is_held_back(self) -> None:
        """Its agent was busy, and may be free again long before records of others arrive."""
        consumer, thread = await member(EVENTS, OTHERS)
        consumer.on_buffer_full(EVENTS)
        await batch(consumer)
        consumer.on_buffer_drop(EVENTS)
        await batch(consumer)

        assert thread.polled == [{OTHERS}, {EVENTS, OTHERS}]
        assert thread.timeouts[0] < 0.1 * thread.timeouts[1]

    @pytest.mark.parametrize(
        ("change", "position", "sought"),
        [
            # A poll may outlive the generation in which it was made.
            (lambda one: setattr(one.app, "consumer_generation_id", GENERATION + 1), 1, [0]),
            # Faust clears its queues then: what it would not deliver is read again.
            (lambda one: one.stop_flow(), 1, [0]),
            # A rebalance is signalled before the flow stops.
            (lambda one: setattr(one.app, "rebalancing", True), 1, [0]),
            # Who seeks later wins: the assignment has sought the position of the states.
            (lambda one: one.stop_flow(), 7, []),
        ],
        ids=["generation", "flow", "rebalance", "sought meanwhile"],
    )
    async def test_polled_records_that_cannot_be_passed_on_are_sought_back(
        self, change: Callable[[BatchConsumer], object], position: int, sought: list[int]
    ) -> None:
        consumer, thread = await member(EVENTS)
        thread.positions[EVENTS] = position
        thread.brings(polled(EVENTS, 0), meanwhile=lambda: change(consumer))

        assert await batch(consumer) == []
        assert thread.sought == [{EVENTS: offset} for offset in sought]

    async def test_what_was_fetched_before_a_seek_moves_no_position(self) -> None:
        """A poll without records would pass over all that an erasure has left."""
        consumer, thread = await has_merged(EVENTS)
        thread.starts[EVENTS], thread.positions[EVENTS] = 2, 5
        consumer.transport.accepted = {(*EVENTS,): [loss_of(EVENTS, log_start=2)]}
        seek_wait = thread.seek_wait

        async def seek_after_a_poll(positions: Mapping[TP, int]) -> None:
            assert await batch(consumer) == []
            await seek_wait(positions)

        vars(thread)["seek_wait"] = seek_after_a_poll

        await consumer.look_at_logs()

        assert thread.sought == [{EVENTS: 2}]
        assert position_of(consumer, EVENTS) == Position(2, None, 2)

    async def test_an_assignment_meanwhile_makes_no_generation_sought(self) -> None:
        """The answers are those of partitions that others may have by then."""
        consumer, thread = joined(EVENTS)

        async def revoked(*tps: TP) -> Mapping[TP, int]:
            await consumer.on_partitions_revoked(set(tps))
            return dict.fromkeys(tps, 9)

        thread.highwaters = revoked  # type: ignore[method-assign]

        await consumer.perform_seek()

        assert not consumer.is_sought(GENERATION)
        assert thread.sought == []


@played
class TestLosses:
    async def test_a_log_that_ends_before_what_was_read_is_neither_shown_nor_read(self) -> None:
        consumer, thread = await has_merged(EVENTS, OTHERS)
        thread.log_ends[EVENTS] = 4

        await consumer.look_at_logs()

        [fault] = consumer.faults
        assert (fault.topic, fault.partition, fault.fault) == (*EVENTS, FaultKind.EVENTS_LOST)
        assert fault.problem.startswith("ends at offset 4, and was read up to 5")
        assert (consumer.is_caught_up(EVENTS), consumer.is_caught_up(OTHERS)) == (False, True)
        assert consumer.log_starts == {EVENTS: 0, OTHERS: 0}
        assert consumer.is_stopped(EVENTS)
        await batch(consumer)
        assert thread.polled[-1] == {OTHERS}

    async def test_a_position_that_the_log_has_not_is_looked_at(self) -> None:
        consumer, thread = await has_merged(EVENTS)
        thread.log_ends[EVENTS] = 4
        thread.brings({}, meanwhile=Mock(side_effect=errors.OffsetOutOfRangeError))

        assert await batch(consumer) == []
        assert [fault.fault for fault in consumer.faults] == [FaultKind.EVENTS_LOST]

    async def test_what_is_merged_while_a_broker_returns_the_end_is_not_lost(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        consumer, thread = await has_merged(EVENTS)

        async def highwaters(*_: TP) -> Mapping[TP, int]:
            keep(consumer, EVENTS, last=last_record(5))
            return {EVENTS: 5}

        monkeypatch.setattr(thread, "highwaters", highwaters)

        await consumer.look_at_logs()

        assert consumer.faults == []


@played
class TestAttempts:
    async def test_are_committed_before_the_work_begins(self) -> None:
        consumer, thread = await has_merged(EVENTS, upto=41)
        assert consumer.needs_attempt(EVENTS)

        assert await consumer.begin_attempt(EVENTS, 41) == 0

        assert not consumer.needs_attempt(EVENTS)
        assert thread.committed_offsets == {EVENTS: 41}
        assert thread.metadata[EVENTS].attempts == (Attempt(offset=41, count=1),)
        assert thread.metadata[EVENTS].last == last_record(40)

        keep(consumer, EVENTS, last=last_record(41))
        consumer.done(message(EVENTS, offset=41))
        assert consumer.to_commit([EVENTS])[EVENTS].metadata.attempts == ()

    async def test_work_does_not_begin_where_the_group_takes_no_note(self) -> None:
        consumer, thread = await has_merged(EVENTS, upto=41)
        thread.takes_commits = False

        with pytest.raises(batch_transport.AttemptNotCommittedError):
            await consumer.begin_attempt(EVENTS, 41)

    async def test_that_the_broker_has_ended_do_not_count(self) -> None:
        consumer, thread = await has_merged(EVENTS, OTHERS, upto=41)
        for tp in (EVENTS, OTHERS):
            await consumer.begin_attempt(tp, 41)
        keep(consumer, OTHERS, last=last_record(41))
        consumer.done(message(OTHERS, offset=41))

        await consumer.take_back_attempts()

        assert thread.committed_offsets == {EVENTS: 41, OTHERS: 42}
        assert [one.attempts for one in thread.metadata.values()] == [(), ()]

    async def test_a_worker_that_may_have_lost_the_partition_withdraws_nothing(self) -> None:
        """Its offset may be far behind that of the partition's next owner."""
        consumer, thread = await has_merged(EVENTS, upto=41)
        await consumer.begin_attempt(EVENTS, 41)
        thread.current = GENERATION + 1

        await consumer.take_back_attempts()

        assert thread.metadata[EVENTS].attempts == (Attempt(offset=41, count=1),)


@pytest.mark.parametrize("merged", [0, 1])
@played
async def test_of_a_batch_that_is_left_to_a_rebalance_its_first_part_is_committed(
    merged: int,
) -> None:
    consumer, thread = await member(EVENTS)
    thread.brings(polled(EVENTS, 0, 1, 2))
    [handed] = await read(consumer)
    if merged:
        keep(consumer, EVENTS, last=last_record(0))
        consumer.done(handed, is_partly=True)
    else:
        consumer.release(handed)

    assert handed.acked
    await consumer.commit()
    assert thread.committed_offsets == {EVENTS: merged}
    assert consumer.is_stopped(EVENTS)
    await rebalance(consumer, thread, EVENTS)
    assert consumer.is_stopped(EVENTS)
    await consumer.perform_seek()
    assert not consumer.is_stopped(EVENTS)


@pytest.mark.parametrize(
    ("generation", "silence", "problem"),
    [
        (GENERATION, 0.7, "None"),
        # A member that the broker has not answered for long may have slept.
        (GENERATION, 0.85, "the broker last answered a heartbeat"),
        # The group went on without this worker; -1 is no member at all.
        (GENERATION + 1, 0.0, "the work is of generation 7"),
        (-1, 0.0, "the work is of generation 7"),
    ],
)
@played
async def test_ownership_ends_with_the_generation_and_before_the_session(
    generation: int, silence: float, problem: str
) -> None:
    consumer, thread = await member(EVENTS)
    thread.current = generation
    thread.heartbeat_at = monotonic() - silence * consumer.app.conf.broker_session_timeout

    assert str(consumer.ownership_problem(GENERATION)).startswith(problem)


class Fetcher:
    """Stands for aiokafka's, whose broker answers a question for offsets with an error."""

    def __init__(self) -> None:
        self.error: Exception = errors.NotLeaderForPartitionError()
        self._isolation_level = READ_COMMITTED
        #: Of each question.
        self.levels: list[int] = []
        self._client = Mock()
        self._records: dict[TopicPartition, object] = {}

    def _set_error(self, tp: TopicPartition, error: object) -> None:
        assert tp not in self._records, "aiokafka ends reading here"
        self._records[tp] = error

    async def _proc_offset_request(self, *_: object) -> None:
        self.levels.append(self._isolation_level)
        raise self.error

    async def end_offsets(self, *_: object) -> None:
        await self._proc_offset_request(1, {})


@played
class TestThread:
    async def thread(self, **answers: Any) -> tuple[_BatchConsumerThread, Any]:
        coordinator = Mock(generation=3)
        coordinator._do_heartbeat = AsyncMock(**answers)
        coordinator._send_req = self.send = AsyncMock(**answers)
        self.fetcher = Fetcher()
        thread = consumer_of(build_app())._thread
        consumer = SimpleNamespace(
            _coordinator=coordinator,
            _fetcher=self.fetcher,
            _request_timeout_ms=1000,
            start=AsyncMock(),
        )
        vars(thread)["_create_consumer"] = Mock(return_value=consumer)
        vars(thread)["call_thread"] = self.call_thread
        thread.thread_loop = asyncio.get_running_loop()
        await thread.on_start()
        return thread, coordinator

    @staticmethod
    async def call_thread(fun: Any, *given: Any) -> Any:  # noqa: ANN401
        return await fun(*given)

    @staticmethod
    @contextmanager
    def created(thread: _BatchConsumerThread) -> Iterator[Any]:
        thread._consumer = thread._create_consumer(asyncio.get_running_loop())
        try:
            yield thread._consumer
        finally:
            thread._consumer._closed = True

    @pytest.mark.parametrize("is_answered", [True, False])
    async def test_remembers_an_answered_heartbeat_by_its_sending(
        self, *, is_answered: bool
    ) -> None:
        """The broker's clock started when it got it, which may be long before the answer."""
        seen: list[float] = []

        def answer() -> bool:
            seen.append(monotonic())
            return is_answered

        thread, coordinator = await self.thread(side_effect=answer)
        before = monotonic()

        assert await coordinator._do_heartbeat() is is_answered

        assert (before <= thread.heartbeat_at <= seen[0]) is is_answered

    @pytest.mark.parametrize("throttle_ms", [0, 60_000])
    async def test_remembers_until_when_a_quota_holds_it_back(self, throttle_ms: int) -> None:
        thread, _ = await self.thread()
        assert thread.throttled_until == -inf  # Not 0: the machine may have just started.
        client = Fetcher()._client
        client.send = AsyncMock(return_value=SimpleNamespace(throttle_time_ms=throttle_ms))
        thread._note_throttles(client)

        answer = await client.send(1, "fetch")

        assert answer.throttle_time_ms == throttle_ms
        assert (thread.throttled_until > monotonic()) is (throttle_ms > 0)

    @pytest.mark.parametrize(
        ("asked_in", "sent_in", "is_sent"),
        [(3, 3, True), (3, 4, False), (3, -1, False), (-1, -1, False)],
    )
    async def test_a_commit_is_of_the_generation_in_which_it_was_requested(
        self, asked_in: int, sent_in: int, *, is_sent: bool
    ) -> None:
        """A group without members would take one of a member that it has forgotten."""
        _, coordinator = await self.thread()
        batch_transport._commit_generation.set(asked_in)
        request = OffsetCommitRequest("group", sent_in, "member", -1, [])

        with nullcontext() if is_sent else pytest.raises(errors.IllegalGenerationError):
            await coordinator._send_req(request)

        assert self.send.await_count == is_sent

    @pytest.mark.parametrize(
        ("error", "updates"),
        [(errors.NotLeaderForPartitionError(), 1), (errors.GroupAuthorizationFailedError(), 0)],
    )
    async def test_a_broker_that_does_not_lead_makes_the_client_look_for_the_one_that_does(
        self, error: Exception, updates: int
    ) -> None:
        """Aiokafka would ask it again until its metadata is too old, after five minutes."""
        await self.thread()
        self.fetcher.error = error

        with pytest.raises(type(error)):
            await self.fetcher._proc_offset_request(1, {})

        assert self.fetcher._client.force_metadata_update.call_count == updates

    async def test_a_second_error_of_a_partition_replaces_the_first(self) -> None:
        """Aiokafka asserts that there is none, and would read nothing any more."""
        await self.thread()
        tp = TopicPartition("raw", 0)
        for error in ("one", "other"):
            self.fetcher._set_error(tp, error)

        assert self.fetcher._records == {tp: "other"}

    async def test_commits_positions_with_their_metadata_one_after_the_other(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An earlier commit that is sent again would take the offset back."""
        sent: list[Mapping[TopicPartition, OffsetAndMetadata]] = []
        answered = asyncio.Event()

        async def commit(_: object, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
            sent.append(offsets)
            await answered.wait()

        monkeypatch.setattr(AIOKafkaConsumer, "commit", commit)
        consumer, _ = await member(EVENTS)
        keep(consumer, EVENTS, last=last_record(40))
        thread = _BatchConsumerThread(consumer, loop=consumer.loop)
        thread.thread_loop.close()
        asked = {TopicPartition(*EVENTS): OffsetAndMetadata(41, "")}
        with self.created(thread) as made:
            made._coordinator = SimpleNamespace(generation=3)
            commits = [asyncio.create_task(made.commit(asked)) for _ in range(2)]
            await turns()
            keep(consumer, EVENTS, last=last_record(41))
            assert len(sent) == 1
            answered.set()
            await asyncio.gather(*commits)

        found = [one for offsets in sent for one in offsets.values()]
        assert [one.offset for one in found] == [41, 42]
        lasts = [decode_commit_metadata(one.metadata).last for one in found]
        assert lasts == [last_record(40), last_record(41)]

    async def test_the_end_of_a_log_is_behind_open_transactions(self) -> None:
        """What was read may be behind one; all else is read as committed."""
        thread, _ = await self.thread()

        for asking in (thread._highwaters([]), self.fetcher.end_offsets()):
            with pytest.raises(errors.NotLeaderForPartitionError):
                await asking

        assert self.fetcher.levels == [READ_UNCOMMITTED, READ_COMMITTED]

    async def test_the_client_stays_in_its_group_and_waits_a_tenth_of_a_second_at_most(
        self,
    ) -> None:
        """Where a broker does not wake a waiting fetch, that is what a record waits."""
        thread = consumer_of(build_app())._thread
        with self.created(thread) as made:
            made._subscription._last_fetch_ended -= 1000.0
            thread.note_poll()

            assert made._subscription.fetcher_idle_time < 1000.0
            assert made._fetch_max_wait_ms == batch_transport.FETCH_MAX_WAIT_MS == 100
            assert made._isolation_level == "read_committed"


@played
class TestLag:
    async def test_is_the_end_less_what_is_merged(self) -> None:
        """Or less what is committed, while that is read again; an unknown end is left out.

        A batch in flight is waited for, wherever the reading has got to.
        """
        unknown = topic(Family.DATASETS)
        consumer, thread = await member(EVENTS, OTHERS, unknown, committed={OTHERS: 12})
        thread.ends = {EVENTS: 100, OTHERS: 30}
        thread.brings(polled(EVENTS, *range(42)) | polled(OTHERS, 0))
        await read_and_merge(consumer)
        thread.brings(polled(EVENTS, 42))
        assert await batch(consumer) == [(EVENTS, [42])]

        assert consumer.lag() == {EVENTS: 58, OTHERS: 18}

    async def test_reports_what_is_behind_an_open_transaction(self) -> None:
        consumer, thread = await member(EVENTS, OTHERS)
        thread.ends, thread.stable_ends = {EVENTS: 50, OTHERS: 9}, {EVENTS: 42, OTHERS: 9}
        keep(consumer, EVENTS, last=last_record(39))

        assert consumer.lag() == {EVENTS: 10, OTHERS: 9}
        assert consumer.in_transactions() == {EVENTS: 8}


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (TimeoutError("no answer"), ProduceFailedError),
        (errors.MessageSizeTooLargeError(), WriteRefusedError),
    ],
)
@played
async def test_a_write_that_is_refused_is_an_error(
    error: Exception, failure: type[ProduceFailedError]
) -> None:
    """Else a refused record would be lost and its offset committed.

    One that its content causes would be refused again.
    """
    producer, broker = producing()
    records = [OutgoingRecord("letters", None, b"k", b"v", [("h", b"1")])] * 2
    writing = asyncio.create_task(producer.write_all(records))
    await turns()
    broker.answers[0].set_exception(error)

    with pytest.raises(ProduceFailedError) as raised:
        await writing

    assert type(raised.value) is failure
    assert repr(error) in str(raised.value)
