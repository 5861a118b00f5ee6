"""The seam: what is handed on, what may be committed, who may write, when a write is done."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from time import monotonic
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka.consumer.fetcher import READ_COMMITTED, READ_UNCOMMITTED
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    IllegalGenerationError,
    IllegalStateError,
    KafkaError,
    NotLeaderForPartitionError,
    RequestTimedOutError,
)
from aiokafka.protocol.commit import OffsetCommitRequest
from aiokafka.protocol.group import JoinGroupRequest, SyncGroupRequest
from aiokafka.structs import OffsetAndMetadata
from faust.types import TP

from events.fact import Family
from events.records import OutgoingRecord
from streams import batch_transport
from streams.batch_transport import (
    FETCH_MAX_WAIT_MS,
    HEARTBEAT_AGE_SHARE,
    IDLE_FETCH_MAX_WAIT_MS,
    IDLE_SECONDS,
    REBALANCE_FETCH_MAX_WAIT_MS,
    AttemptNotCommittedError,
    BatchConsumer,
    BatchProducer,
    PartitionFencedError,
    ProduceFailedError,
    _BatchConsumerThread,
)
from streams.commit_metadata import NO_METADATA, Attempt, ChangelogExtent, CommitMetadata
from streams.topic_faults import FaultKind, TopicFault
from tests.support.batch_writing import producing, states, turns
from tests.support.group_member import (
    GENERATION,
    batch,
    build_app,
    changelog,
    consumer_of,
    member,
    message,
    polled,
    topic,
)

EVENTS = topic(Family.SCHOOLS)
OTHERS = topic(Family.GRANTS)
CHANGELOG = changelog(Family.SCHOOLS)


def play(scene: Coroutine[Any, Any, None]) -> None:
    """Run a scene, as one worker's loop would."""
    asyncio.run(scene)


class TestReading:
    """What a poll hands on."""

    def test_a_polls_records_of_a_partition_are_one_message(self) -> None:
        """The message's offset is the last record's: one acknowledgement for all."""

        async def scene() -> None:
            consumer, thread = member(EVENTS, OTHERS)
            thread.brings(polled(EVENTS, 3, 4, 5) | polled(OTHERS, 9))

            handed = [(tp, got) async for tp, got in consumer.getmany(1.0)]

            assert [(tp, got.offset, got.generation_id) for tp, got in handed] == [
                (EVENTS, 5, GENERATION),
                (OTHERS, 9, GENERATION),
            ]
            assert [len(cast("list[object]", got.value)) for _, got in handed] == [3, 1]

        play(scene())

    def test_no_event_topic_is_read_while_the_group_rebalances(self) -> None:
        """Only changelogs are: Faust resumes the event topics before it seeks and clears."""

        async def scene() -> None:
            consumer, thread = member(EVENTS, CHANGELOG)
            consumer.app.rebalancing = True

            await batch(consumer)

            assert thread.polled == [{CHANGELOG}]

        play(scene())

    def test_with_nothing_to_read_nothing_is_polled(self) -> None:
        """No partition at all would mean every partition to aiokafka."""

        async def scene() -> None:
            consumer, thread = member(EVENTS)
            consumer.app.rebalancing = True

            assert await batch(consumer) == []
            assert thread.polled == []

        play(scene())

    def test_with_nothing_to_read_a_poll_is_noted(self) -> None:
        """A member that does not poll leaves its group: one too many, or with lost states."""

        async def scene() -> None:
            consumer, thread = member(EVENTS)
            consumer.faults = [TopicFault("log", 0, FaultKind.CHANGELOG_LOST, "is empty")]

            await batch(consumer)

            assert thread.polls_noted == 1

        play(scene())

    def test_a_poll_is_short_while_a_partition_is_held_back(self) -> None:
        """Its agent was busy, and may be free again long before records of others arrive."""

        async def scene() -> None:
            consumer, thread = member(EVENTS, OTHERS)
            consumer.on_buffer_full(EVENTS)
            await batch(consumer)
            consumer.on_buffer_drop(EVENTS)
            await batch(consumer)

            assert thread.polled == [{OTHERS}, {EVENTS, OTHERS}]
            assert thread.timeouts[0] < 0.1 * thread.timeouts[1]

        play(scene())

    def test_a_fetch_waits_longer_after_a_time_without_records(self) -> None:
        """Ten requests a second cost a twentieth of a processor; a record ends the wait."""

        async def scene() -> None:
            consumer, thread = member(EVENTS)
            await batch(consumer)
            consumer._received_at -= IDLE_SECONDS
            thread.brings(polled(EVENTS, 3))
            await batch(consumer)
            await batch(consumer)

            assert thread.fetch_max_waits == [
                FETCH_MAX_WAIT_MS,
                IDLE_FETCH_MAX_WAIT_MS,
                FETCH_MAX_WAIT_MS,
            ]

        play(scene())

    def test_a_fetch_is_short_while_the_group_rebalances(self) -> None:
        """A recovery's other requests wait for it: a broker answers a connection in order."""

        async def scene() -> None:
            consumer, thread = member(EVENTS, CHANGELOG)
            consumer._received_at -= IDLE_SECONDS
            consumer.app.rebalancing = True

            await batch(consumer)

            assert thread.fetch_max_waits == [REBALANCE_FETCH_MAX_WAIT_MS]

        play(scene())

    @pytest.mark.parametrize("tp", [EVENTS, CHANGELOG])
    def test_records_of_an_older_generation_are_sought_back(self, tp: Any) -> None:  # noqa: ANN401
        """A poll may outlive the generation in which it was made; its records are read again."""

        async def scene() -> None:
            consumer, thread = member(tp)
            consumer.app.in_recovery = False

            def rebalanced() -> None:
                consumer.app.consumer_generation_id = GENERATION + 1

            thread.positions[tp] = 4
            thread.brings(polled(tp, 3), meanwhile=rebalanced)

            assert await batch(consumer) == []
            assert thread.sought == [{tp: 3}]

        play(scene())

    @pytest.mark.parametrize(("position", "sought"), [(5, [{CHANGELOG: 3}]), (0, [])])
    def test_a_recoverys_records_in_an_older_poll_are_read_again(
        self, position: int, sought: list[dict[Any, int]]
    ) -> None:
        """A poll that outlived a rebalance took what a recovery sought; who seeks later wins."""

        async def scene() -> None:
            consumer, thread = member(CHANGELOG)
            thread.committed_offsets[CHANGELOG] = None
            thread.positions[CHANGELOG] = position

            def rebalanced() -> None:
                consumer.app.consumer_generation_id = GENERATION + 1

            thread.brings(polled(CHANGELOG, 3, 4), meanwhile=rebalanced)

            assert await batch(consumer) == []
            assert thread.sought == sought

        play(scene())

    def test_what_waits_behind_a_record_of_a_rebalance_is_read_again(self) -> None:
        """A changelog's records are not dropped because an event topic's come first in the poll."""

        async def scene() -> None:
            consumer, thread = member(EVENTS, CHANGELOG)
            thread.positions[CHANGELOG] = 4

            def rebalance() -> None:
                consumer.app.rebalancing = True

            thread.brings(polled(EVENTS, 8) | polled(CHANGELOG, 2, 3), meanwhile=rebalance)

            assert await batch(consumer) == []
            assert {CHANGELOG: 2} in thread.sought

        play(scene())

    def test_records_polled_while_the_flow_stopped_are_sought_back(self) -> None:
        """Faust clears its queues then: what it would not deliver is read again."""

        async def scene() -> None:
            consumer, thread = member(EVENTS)
            thread.positions[EVENTS] = 4
            thread.brings(polled(EVENTS, 3), meanwhile=consumer.stop_flow)

            assert await batch(consumer) == []
            assert thread.sought == [{EVENTS: 3}]
            # An answer that is late would come after that of the end of the recovery.
            assert thread.went_back == 0

        play(scene())

    def test_events_polled_while_a_rebalance_began_are_sought_back(self) -> None:
        """The rebalance is signalled before the flow stops."""

        async def scene() -> None:
            consumer, thread = member(EVENTS)

            def begin() -> None:
                consumer.app.rebalancing = True

            thread.positions[EVENTS] = 4
            thread.brings(polled(EVENTS, 3), meanwhile=begin)

            assert await batch(consumer) == []
            assert thread.sought == [{EVENTS: 3}]

        play(scene())

    def test_a_seek_that_fails_is_not_the_end(self) -> None:
        """The recovery that follows a rebalance seeks again."""

        async def scene() -> None:
            consumer, thread = member(EVENTS)
            consumer.seek_wait = failing  # type: ignore[method-assign, assignment]
            thread.positions[EVENTS] = 4
            thread.brings(polled(EVENTS, 3), meanwhile=consumer.stop_flow)

            assert await batch(consumer) == []

        async def failing(_: object) -> None:
            raise TimeoutError

        play(scene())


class TestHoles:
    """Offsets that do not follow on what was handed on before."""

    def test_a_hole_is_read_again(self) -> None:
        """Records may have been polled and dropped: nothing may commit past them."""

        async def scene() -> None:
            consumer, thread = member(EVENTS)
            thread.brings(polled(EVENTS, 3, 4))
            thread.brings(polled(EVENTS, 8))
            thread.brings(polled(EVENTS, 5, 6, 7, 8))

            assert [await batch(consumer) for _ in range(3)] == [
                [(EVENTS, [3, 4])],
                [],
                [(EVENTS, [5, 6, 7, 8])],
            ]
            assert thread.sought == [{EVENTS: 5}]

        play(scene())

    def test_a_hole_that_stays_is_the_logs_own(self) -> None:
        """What retention, compaction or a transaction left out cannot be waited for."""

        async def scene() -> None:
            consumer, thread = member(EVENTS)
            for offset in (4, 8, 8, 9):
                thread.brings(polled(EVENTS, offset))

            assert [len(await batch(consumer)) for _ in range(4)] == [1, 0, 1, 1]

        play(scene())

    def test_a_hole_of_a_partition_that_is_taken_meanwhile_ends_nothing(self) -> None:
        """The next assignment seeks."""

        async def scene() -> None:
            consumer, thread = member(EVENTS)
            for offset in (4, 8):
                thread.brings(polled(EVENTS, offset))

            async def seek_wait(partitions: Mapping[TP, int]) -> None:
                raise IllegalStateError(partitions)

            thread.seek_wait = seek_wait  # type: ignore[method-assign]

            assert [len(await batch(consumer)) for _ in range(2)] == [1, 0]

        play(scene())

    def test_a_hole_after_the_committed_offset_is_read_again(self) -> None:
        """Also the first record after a seek has to follow on."""

        async def scene() -> None:
            consumer, thread = member(EVENTS)
            thread.committed_offsets = {EVENTS: 5}
            await consumer.perform_seek()
            thread.brings(polled(EVENTS, 9))

            assert await batch(consumer) == []
            assert thread.sought == [{EVENTS: 5}]

        play(scene())

    def test_a_log_that_lost_its_end_is_read_from_where_the_client_goes_back_to(self) -> None:
        """Faust leaves out what is before the last offset that it read: new events would go."""

        async def scene() -> None:
            consumer, thread = member(EVENTS)
            consumer._read_offset[EVENTS] = consumer._committed_offset[EVENTS] = 8
            thread.brings(polled(EVENTS, 7, 8))
            thread.brings(polled(EVENTS, 0, 1))

            assert await batch(consumer) == [(EVENTS, [7, 8])]
            assert consumer._read_offset[EVENTS] == 8
            assert await batch(consumer) == [(EVENTS, [0, 1])]
            assert consumer._read_offset[EVENTS] is None
            assert consumer._should_commit(EVENTS, 2)

        play(scene())


class TestSeeking:
    """Going to the committed offsets."""

    def test_a_partition_without_one_goes_to_its_beginning(self) -> None:
        """Its position may be anywhere: an earlier generation may have read it, and lost it."""

        async def scene() -> None:
            consumer, thread = member(EVENTS, OTHERS)
            thread.committed_offsets = {OTHERS: 12}

            await consumer.perform_seek()

            assert thread.sought == [{EVENTS: 0}]

        play(scene())

    def test_a_read_offset_of_an_earlier_generation_is_forgotten(self) -> None:
        """Faust hands on nothing before its read offset."""

        async def scene() -> None:
            consumer, thread = member(EVENTS, OTHERS, CHANGELOG)
            thread.committed_offsets = {OTHERS: 12}
            for tp in (EVENTS, OTHERS, CHANGELOG):
                consumer._read_offset[tp] = 99

            await consumer.perform_seek()

            assert [consumer._read_offset[tp] for tp in (EVENTS, OTHERS, CHANGELOG)] == [
                None,
                12,
                None,
            ]

        play(scene())

    def test_a_changelog_stays_where_the_recovery_put_it(self) -> None:
        """Nobody commits a changelog; its recovery seeks by itself."""

        async def scene() -> None:
            consumer, thread = member(CHANGELOG)

            await consumer.perform_seek()

            assert thread.sought == []

        play(scene())

    def test_what_was_expected_before_is_forgotten(self) -> None:
        """Reading anew from the beginning is no hole, and neither is the first record there."""

        async def scene() -> None:
            consumer, thread = member(EVENTS)
            thread.brings(polled(EVENTS, 3))
            await batch(consumer)
            await consumer.perform_seek()
            thread.brings(polled(EVENTS, 6))

            assert await batch(consumer) == [(EVENTS, [6])]

        play(scene())


class TestNotes:
    """What is kept beside a committed offset."""

    KEPT = CommitMetadata(changelog=ChangelogExtent(start=0, end=7))
    NEWER = CommitMetadata(changelog=ChangelogExtent(start=0, end=9))

    def test_what_was_kept_is_kept_on(self) -> None:
        """By whoever is given the partition next."""

        async def scene() -> None:
            consumer, thread = member(EVENTS, OTHERS)
            thread.committed_offsets = {EVENTS: 41, OTHERS: None}
            thread.metadata = {EVENTS: self.KEPT}

            await consumer.perform_seek()

            assert consumer.metadata_of(EVENTS) == self.KEPT
            assert consumer.metadata_of(OTHERS) == NO_METADATA

        play(scene())

    def test_what_this_worker_noted_since_is_newer(self) -> None:
        """A rebalance reads again what was committed before."""

        async def scene() -> None:
            consumer, thread = member(EVENTS)
            thread.committed_offsets = {EVENTS: 41}
            thread.metadata = {EVENTS: self.KEPT}
            consumer.set_metadata(EVENTS, self.NEWER)

            await consumer.perform_seek()

            assert consumer.metadata_of(EVENTS) == self.NEWER

        play(scene())

    def test_what_an_earlier_assignment_left_is_outdated(self) -> None:
        """Another worker may have been at the partition since, and have ended there."""

        async def scene() -> None:
            consumer, thread = member(EVENTS, OTHERS)
            thread.committed_offsets = {EVENTS: 41, OTHERS: None}
            thread.metadata = {EVENTS: self.NEWER}
            for tp in (EVENTS, OTHERS):
                consumer.set_metadata(tp, self.KEPT)

            await consumer.committed([EVENTS, OTHERS])

            assert consumer.metadata_of(EVENTS) == self.NEWER
            assert consumer.metadata_of(OTHERS) == NO_METADATA

        play(scene())

    def test_that_work_begins_is_written_down_before(self) -> None:
        """With the offset, beside what is kept there, and until the work is done."""

        async def scene() -> None:
            consumer, thread = member(EVENTS)
            consumer.set_metadata(EVENTS, self.KEPT)
            assert consumer.is_fresh(EVENTS)

            assert await consumer.begin(EVENTS, 41) == 0

            begun = Attempt(offset=41, count=1)
            assert not consumer.is_fresh(EVENTS)
            assert thread.committed_offsets == {EVENTS: 41}
            assert consumer.metadata_of(EVENTS) == self.KEPT.model_copy(update={"attempt": begun})

            consumer.done(message(EVENTS, offset=41))
            assert consumer.metadata_of(EVENTS) == self.KEPT

        play(scene())

    @pytest.mark.parametrize(("offset", "ends"), [(41, 2), (42, 0)])
    def test_a_worker_learns_how_many_have_ended_there(self, offset: int, ends: int) -> None:
        """At the very record, and in a row."""

        async def scene() -> None:
            consumer, thread = member(EVENTS)
            thread.committed_offsets = {EVENTS: 41}
            thread.metadata = {EVENTS: CommitMetadata(attempt=Attempt(offset=41, count=2))}
            await consumer.perform_seek()

            assert await consumer.begin(EVENTS, offset) == ends

            assert consumer.metadata_of(EVENTS).attempt == Attempt(offset=offset, count=ends + 1)

        play(scene())

    def test_work_does_not_begin_where_the_group_takes_no_note(self) -> None:
        """The partition may be another worker's."""

        async def scene() -> None:
            consumer, thread = member(EVENTS)
            thread.takes_commits = False

            with pytest.raises(AttemptNotCommittedError):
                await consumer.begin(EVENTS, 41)

        play(scene())

    @pytest.mark.parametrize("before", [None, Attempt(offset=41, count=2)])
    def test_attempts_that_the_broker_has_ended_do_not_count(self, before: Attempt | None) -> None:
        """What was noted before them is noted again, beside the same offset and the same states."""

        async def scene() -> None:
            consumer, thread = member(EVENTS, OTHERS)
            earlier = self.KEPT.model_copy(update={"attempt": before})
            for tp in (EVENTS, OTHERS):
                consumer.set_metadata(tp, earlier)
                await consumer.begin(tp, 41)
            consumer.done(message(OTHERS, offset=41))
            thread.committed_offsets = {}

            await consumer.take_back_attempts()

            assert thread.committed_offsets == {EVENTS: 41}
            assert consumer.metadata_of(EVENTS) == earlier

        play(scene())

    def test_the_attempt_at_another_record_is_not_noted_again(self) -> None:
        """Each record of a batch that is processed singly has attempts of its own."""

        async def scene() -> None:
            consumer, _ = member(EVENTS)
            await consumer.begin(EVENTS, 41)
            await consumer.begin(EVENTS, 42)

            await consumer.take_back_attempts()

            assert consumer.metadata_of(EVENTS).attempt is None

        play(scene())

    def test_who_may_have_lost_the_partition_takes_nothing_back(self) -> None:
        """Its offset may be far behind that of the partition's next owner."""

        async def scene() -> None:
            consumer, thread = member(EVENTS)
            await consumer.begin(EVENTS, 41)
            thread.committed_offsets = {}
            thread.current = GENERATION + 1

            await consumer.take_back_attempts()

            assert thread.committed_offsets == {}

        play(scene())

    def test_a_broker_that_takes_no_note_holds_nobody_up(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The worker ends all the same: the attempts count, as those of one that was killed."""

        async def scene() -> None:
            consumer, thread = member(EVENTS)
            await consumer.begin(EVENTS, 41)
            monkeypatch.setattr(batch_transport, "TAKE_BACK_SECONDS", 0.01)

            async def never(_: object) -> bool:
                never_set: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
                return await never_set

            monkeypatch.setattr(thread, "commit", never)

            await consumer.take_back_attempts()

        play(scene())

    def test_it_goes_with_the_partition(self) -> None:
        """The next worker's notes are its own."""

        async def scene() -> None:
            consumer, _ = member(EVENTS)
            consumer.set_metadata(EVENTS, self.NEWER)

            await consumer.on_partitions_revoked({EVENTS})

            assert consumer.metadata_of(EVENTS) == NO_METADATA

        play(scene())


class TestCommitting:
    """Which offsets may be committed."""

    def test_what_is_done_is_committed(self) -> None:
        """The offset after the batch's last record."""

        async def scene() -> None:
            consumer, thread = member(EVENTS)
            consumer.done(message(EVENTS, offset=41))

            assert await consumer.commit()
            assert thread.committed_offsets == {EVENTS: 42}

        play(scene())

    def test_of_a_batch_that_ended_early_its_first_part_is_committed(self) -> None:
        """Nothing more of the partition is processed until it is assigned again."""

        async def scene() -> None:
            consumer, thread = member(EVENTS)
            consumer.done(message(EVENTS, offset=41), before=40)

            assert await consumer.commit()
            assert thread.committed_offsets == {EVENTS: 40}
            assert consumer.is_stopped(EVENTS)

            await consumer.on_partitions_revoked({EVENTS})
            assert not consumer.is_stopped(EVENTS)

        play(scene())

    def test_of_a_batch_that_is_left_to_a_rebalance_nothing_is_committed(self) -> None:
        """The rebalance does not wait for it, and nothing later of the partition is processed."""

        async def scene() -> None:
            consumer, thread = member(EVENTS)
            left = message(EVENTS, offset=41)

            consumer.release(left)

            assert left.acked
            assert consumer.is_stopped(EVENTS)
            await consumer.commit()
            assert thread.committed_offsets == {}

        play(scene())

    def test_an_acknowledgement_is_not_enough(self) -> None:
        """Faust acknowledges messages that it skips by itself: they are not done."""

        async def scene() -> None:
            consumer, thread = member(EVENTS)
            skipped = message(EVENTS, offset=41)

            assert consumer.ack(skipped)
            assert not consumer.ack(skipped)
            await consumer.commit()
            assert thread.committed_offsets == {}

        play(scene())

    def test_a_message_done_is_waited_for_no_longer(self) -> None:
        """A revocation waits for what is in flight, and for nothing else."""

        async def scene() -> None:
            consumer, _ = member(EVENTS)
            reported = message(EVENTS)
            reported.incref()
            consumer.track_message(reported)

            consumer.done(reported)

            assert not consumer.unacked

        play(scene())

    @pytest.mark.parametrize("generation", [GENERATION - 1, GENERATION + 1, None])
    def test_what_was_done_in_another_generation_is_not(self, generation: int | None) -> None:
        """It may be another worker's partition now, further on or further back."""

        async def scene() -> None:
            consumer, thread = member(EVENTS)
            consumer.done(message(EVENTS, generation=generation))

            await consumer.commit()

            assert thread.committed_offsets == {}

        play(scene())

    def test_a_groups_first_generation_may_be_zero(self) -> None:
        """Some brokers count from 0, and that is a generation like others."""

        async def scene() -> None:
            consumer, thread = member(EVENTS)
            consumer.app.consumer_generation_id = 0
            consumer.done(message(EVENTS, generation=0))

            await consumer.commit()

            assert thread.committed_offsets == {EVENTS: 42}

        play(scene())

    def test_a_hole_holds_no_commit_back(self) -> None:
        """A batch covers its offsets, whichever the log has."""

        async def scene() -> None:
            consumer, thread = member(EVENTS)
            await consumer._add_gap(EVENTS, 3, 30)
            consumer.done(message(EVENTS))

            await consumer.commit()

            assert thread.committed_offsets == {EVENTS: 42}
            # Nobody would ever take an account of gaps down again.
            assert not consumer._sought_gap

        play(scene())

    def test_a_revoked_partition_is_committed_then_forgotten(self) -> None:
        """A batch done in one generation is not committed in the next."""

        async def scene() -> None:
            consumer, thread = member(EVENTS)

            async def commits_first(_: object) -> None:
                await consumer.commit()

            consumer._on_partitions_revoked = commits_first
            thread.brings(polled(EVENTS, 41))
            await batch(consumer)
            consumer.done(message(EVENTS))

            await consumer.on_partitions_revoked({EVENTS})

            assert thread.committed_offsets == {EVENTS: 42}
            assert (consumer._done, consumer._next, consumer._sought_gap) == ({}, {}, {})

        play(scene())

    def test_a_revocation_ends_the_check_of_its_generation(self) -> None:
        """Nothing is read or shown on it any more, whatever Faust says of the rebalance."""

        async def scene() -> None:
            consumer, _ = member(EVENTS)
            assert consumer.is_checked(GENERATION)

            await consumer.on_partitions_revoked({EVENTS})

            assert not consumer.is_checked(GENERATION)

        play(scene())

    def test_batches_may_be_done_while_a_commit_looks(self) -> None:
        """A commit awaits between partitions; it must not trip over a new one."""

        async def scene() -> None:
            consumer, _ = member(EVENTS, OTHERS)
            consumer.done(message(EVENTS))
            looking = iter(consumer._filter_tps_with_pending_acks())
            first = next(looking)
            consumer.done(message(OTHERS))

            assert [first, *looking] == [EVENTS]

        play(scene())


class TestOwnership:
    """Who may write."""

    def test_holds_in_its_generation_with_a_fresh_heartbeat(self) -> None:
        """The usual case."""

        async def scene() -> None:
            consumer, _ = member(EVENTS)
            consumer.assert_not_fenced(message(EVENTS))

        play(scene())

    @pytest.mark.parametrize("current", [GENERATION + 1, -1])
    def test_ends_with_the_generation(self, current: int) -> None:
        """The group went on without this batch; -1 is no member at all."""

        async def scene() -> None:
            consumer, thread = member(EVENTS)
            thread.current = current

            with pytest.raises(
                PartitionFencedError, match=r"smartregion\.schools\[0\].*generation 7"
            ):
                consumer.assert_not_fenced(message(EVENTS))

        play(scene())

    @pytest.mark.parametrize(("share", "lost"), [(HEARTBEAT_AGE_SHARE - 0.1, False), (0.85, True)])
    def test_ends_before_the_session_does(self, share: float, lost: bool) -> None:  # noqa: FBT001
        """A member that the broker has not answered for long may have slept."""

        async def scene() -> None:
            consumer, thread = member(EVENTS)
            thread.heartbeat_at = monotonic() - share * consumer.app.conf.broker_session_timeout
            if lost:
                with pytest.raises(PartitionFencedError, match="heartbeat"):
                    consumer.assert_not_fenced(message(EVENTS))
            else:
                consumer.assert_not_fenced(message(EVENTS))

        play(scene())


class Coordinator:
    """Stands for aiokafka's: answers heartbeats, and has an error parked."""

    generation = 3

    def __init__(self) -> None:
        self.answers = True
        self.on_beat: Any = lambda: None
        self.on_send: Any = lambda: None
        self.parked: Exception | None = None
        self.sent: list[object] = []
        self.result: int | Exception = 0
        """What comes of a request: the error code of its answer, or an error of the client."""

    async def _do_heartbeat(self) -> bool:
        self.on_beat()
        return self.answers

    async def _send_req(self, request: object) -> object:
        self.sent.append(request)
        self.on_send()
        if isinstance(self.result, Exception):
            raise self.result
        return SimpleNamespace(error_code=self.result)

    def check_errors(self) -> None:
        """Raise what is parked."""
        if self.parked is not None:
            raise self.parked


class Fetcher:
    """Stands for aiokafka's, whose broker answers a question for offsets with an error."""

    def __init__(self) -> None:
        self.error: Exception = NotLeaderForPartitionError()
        self.updates = 0
        self._isolation_level = READ_COMMITTED
        self.levels: list[int] = []
        """Of each question."""
        self._client = SimpleNamespace(force_metadata_update=self._update)

    def _update(self) -> None:
        self.updates += 1

    async def _proc_offset_request(self, *_: object) -> None:
        self.levels.append(self._isolation_level)
        raise self.error

    async def end_offsets(self, *_: object) -> None:
        """Ask a broker."""
        await self._proc_offset_request(1, {})


@dataclass
class Sought:
    """What a thread with partitions asks for, and where it seeks."""

    thread: _BatchConsumerThread
    requests: list[Sequence[TP]] = field(default_factory=list)
    seeks: dict[TP, int] = field(default_factory=dict)
    is_rebalanced: bool = False
    """Whether the partitions are assigned anew before the answer."""


class TestThread:
    """The consumer thread and aiokafka's coordinator."""

    async def thread(self) -> tuple[_BatchConsumerThread, Coordinator]:
        """Return a started thread with a coordinator."""
        coordinator = Coordinator()
        thread = consumer_of(build_app())._thread
        self.fetcher = Fetcher()
        self.committed: list[object] = []

        async def start() -> None:
            """Connect to nothing."""

        consumer = SimpleNamespace(_coordinator=coordinator, _fetcher=self.fetcher, start=start)
        thread._create_consumer = lambda loop: consumer  # type: ignore[method-assign]  # noqa: ARG005
        thread.thread_loop = asyncio.get_running_loop()
        await thread.on_start()
        return thread, coordinator

    def test_remembers_an_answered_heartbeat_by_its_sending(self) -> None:
        """The broker's clock started when it got it, which may be long before the answer."""

        async def scene() -> None:
            thread, coordinator = await self.thread()
            seen: list[float] = []
            coordinator.on_beat = lambda: seen.append(monotonic())
            before = monotonic()

            assert await coordinator._do_heartbeat()

            assert before <= thread.heartbeat_at <= seen[0]

        play(scene())

    def test_an_unanswered_heartbeat_proves_nothing(self) -> None:
        """The age counts from the last answer."""

        async def scene() -> None:
            thread, coordinator = await self.thread()
            coordinator.answers = False

            assert not await coordinator._do_heartbeat()

            assert thread.heartbeat_at == 0.0

        play(scene())

    def test_an_assignment_is_an_answer_to_what_was_sent_before(self) -> None:
        """A first batch may come before a first heartbeat, and long after the broker's answer."""

        async def scene() -> None:
            thread, coordinator = await self.thread()

            async def assigned(*_: object) -> None:
                """Do nothing."""

            consumer = cast("BatchConsumer", thread.consumer)
            consumer.threadsafe_partitions_assigned = assigned  # type: ignore[assignment,method-assign]
            before = monotonic()
            await coordinator._send_req(SyncGroupRequest("group", 3, "member", None, []))
            sent = monotonic()

            await thread.on_partitions_assigned(set(), 3)

            assert before <= thread.heartbeat_at <= sent
            assert thread.generation() == 3

        play(scene())

    @pytest.mark.parametrize(
        ("result", "step"),
        [
            (0, "JoinGroup: NO_ERROR"),
            (14, "JoinGroup: COORDINATOR_LOAD_IN_PROGRESS"),
            (RequestTimedOutError(), "JoinGroup: RequestTimedOutError"),
        ],
    )
    def test_remembers_what_came_of_a_request_to_join(
        self, result: int | Exception, step: str
    ) -> None:
        """Aiokafka tries again for ever, and logs most of the answers nowhere."""

        async def scene() -> None:
            thread, coordinator = await self.thread()
            coordinator.result = result
            assert thread.join_step == ""

            with suppress(KafkaError):
                await coordinator._send_req(
                    JoinGroupRequest("group", 6000, 60000, "", "", "consumer", [])
                )

            assert thread.join_step == step

        play(scene())

    def test_remembers_a_request_to_join_that_is_not_answered(self) -> None:
        """As long as others have not joined."""

        async def scene() -> None:
            thread, coordinator = await self.thread()
            seen: list[str] = []
            coordinator.on_send = lambda: seen.append(thread.join_step)

            await coordinator._send_req(SyncGroupRequest("group", 3, "member", None, []))

            assert seen == ["SyncGroup not answered"]

        play(scene())

    @pytest.mark.parametrize(
        ("asked_in", "sent_in", "is_sent"),
        [(3, 3, True), (3, 4, False), (3, -1, False), (-1, -1, False)],
    )
    def test_a_commit_is_of_the_generation_in_which_it_was_asked_for(
        self, asked_in: int, sent_in: int, *, is_sent: bool
    ) -> None:
        """A group without members would take one of a member that it has forgotten."""

        async def scene() -> None:
            _, coordinator = await self.thread()
            batch_transport._commit_generation.set(asked_in)
            request = OffsetCommitRequest("group", sent_in, "member", -1, [])

            with nullcontext() if is_sent else pytest.raises(IllegalGenerationError):
                await coordinator._send_req(request)

            assert coordinator.sent == ([request] if is_sent else [])

        play(scene())

    @pytest.mark.parametrize(
        ("error", "updates"),
        [(NotLeaderForPartitionError(), 1), (GroupAuthorizationFailedError(), 0)],
    )
    def test_a_broker_that_does_not_lead_makes_the_client_look_for_the_one_that_does(
        self, error: Exception, updates: int
    ) -> None:
        """Aiokafka would ask it again until its metadata is too old, after five minutes."""

        async def scene() -> None:
            await self.thread()
            self.fetcher.error = error

            with pytest.raises(type(error)):
                await self.fetcher._proc_offset_request(1, {})

            assert self.fetcher.updates == updates

        play(scene())

    async def assigned(self, committed: Mapping[TP, int]) -> Sought:
        """Return a thread with three partitions, and what it asks for and seeks."""
        thread, coordinator = await self.thread()
        sought = Sought(thread)
        assignment = SimpleNamespace(tps=frozenset({EVENTS, OTHERS, CHANGELOG}), active=True)

        async def fetch(tps: Sequence[TP]) -> Mapping[TP, OffsetAndMetadata]:
            sought.requests.append(tps)
            assignment.active = not sought.is_rebalanced
            return {tp: OffsetAndMetadata(offset, "") for tp, offset in committed.items()}

        async def call_thread(fun: Any, *given: Any) -> Any:  # noqa: ANN401
            return await fun(*given)

        made = cast("Any", thread)._consumer
        made._subscription = SimpleNamespace(subscription=SimpleNamespace(assignment=assignment))
        made._fetcher.seek_to = sought.seeks.__setitem__
        coordinator.fetch_committed_offsets = fetch  # type: ignore[attr-defined]
        thread.call_thread = call_thread  # type: ignore[method-assign]
        return sought

    def test_asks_for_all_committed_offsets_at_once(self) -> None:
        """With many partitions, one request for each took longer than a step may take."""

        async def scene() -> None:
            sought = await self.assigned({EVENTS: 41, OTHERS: 0})

            found = await sought.thread.seek_to_committed()

            assert [set(tps) for tps in sought.requests] == [{EVENTS, OTHERS, CHANGELOG}]
            assert sought.seeks == {EVENTS: 41}
            assert found == {EVENTS: 41, OTHERS: 0, CHANGELOG: 0}

        play(scene())

    def test_an_answer_after_the_next_assignment_seeks_nothing(self) -> None:
        """What was committed then may be less than what is read by now."""

        async def scene() -> None:
            sought = await self.assigned({EVENTS: 41})
            sought.is_rebalanced = True

            with pytest.raises(IllegalStateError):
                await sought.thread.seek_to_committed()

            assert sought.seeks == {}

        play(scene())

    def test_the_end_of_a_recovery_is_behind_open_transactions(self) -> None:
        """It would otherwise end without the states of one; all else is read as committed."""

        async def scene() -> None:
            thread, _ = await self.thread()
            cast("Any", thread)._consumer._request_timeout_ms = 1000

            for asking in (thread._highwaters([]), self.fetcher.end_offsets()):
                with pytest.raises(NotLeaderForPartitionError):
                    await asking

            assert self.fetcher.levels == [READ_UNCOMMITTED, READ_COMMITTED]

        play(scene())

    def test_asks_for_the_error_that_aiokafka_parks(self) -> None:
        """In the consumer's thread, for the coordinator is not safe elsewhere."""

        async def scene() -> None:
            thread, coordinator = await self.thread()
            called: list[object] = []

            async def call_thread(fun: Any) -> None:  # noqa: ANN401
                called.append(fun)
                await fun()

            thread.call_thread = call_thread  # type: ignore[method-assign]
            await thread.check_errors()
            coordinator.parked = PermissionError("parked")

            with pytest.raises(PermissionError, match="parked"):
                await thread.check_errors()
            assert len(called) == 2

        play(scene())

    def test_a_noted_poll_keeps_the_member_in_its_group(self) -> None:
        """The client counts the time since the last one, whatever it brought."""

        async def scene() -> None:
            thread = consumer_of(build_app())._thread
            made = thread._create_consumer(asyncio.get_running_loop())
            thread._consumer = made
            try:
                made._subscription._last_fetch_ended -= 1000.0
                thread.note_poll()

                assert made._subscription.fetcher_idle_time < 1000.0
            finally:
                made._closed = True  # Never started: nothing to close.

        play(scene())

    def test_a_fetch_waits_a_tenth_of_a_second_at_most(self) -> None:
        """Where a broker does not wake a waiting fetch, that is what a record waits.

        It asks for what is committed alone.
        """

        async def scene() -> None:
            thread = consumer_of(build_app())._thread
            made = thread._create_consumer(asyncio.get_running_loop())
            try:
                assert made._fetch_max_wait_ms == FETCH_MAX_WAIT_MS == 100
                assert made._isolation_level == "read_committed"
            finally:
                made._closed = True  # Never started: nothing to close.

        play(scene())


class TestLag:
    """Records waiting."""

    def test_is_the_end_less_what_is_done(self) -> None:
        """Or less what is committed, where nothing is done yet; an unknown end is left out."""

        async def scene() -> None:
            consumer, thread = member(EVENTS, OTHERS, CHANGELOG, topic(Family.DATASETS))
            thread.ends = {EVENTS: 100, OTHERS: 30, CHANGELOG: 7}
            thread.committed_offsets = {OTHERS: 12}
            await consumer.perform_seek()
            consumer.done(message(EVENTS))

            assert consumer.lag() == {EVENTS: 58, OTHERS: 18}

        play(scene())

    def test_counts_no_offset_that_holds_no_record(self) -> None:
        """A transaction ends with a control record, which no consumer receives."""

        async def scene() -> None:
            consumer, thread = member(EVENTS)
            thread.ends, thread.positions = {EVENTS: 43}, {EVENTS: 43}
            thread.brings(polled(EVENTS, 41))

            await batch(consumer)
            assert consumer.lag() == {EVENTS: 43}
            consumer.done(message(EVENTS, offset=41))
            assert consumer.lag() == {EVENTS: 0}

        play(scene())

    def test_counts_what_is_read_and_not_done(self) -> None:
        """A batch in flight is waited for, wherever the reading has got to."""

        async def scene() -> None:
            consumer, thread = member(EVENTS)
            thread.ends, thread.positions = {EVENTS: 43}, {EVENTS: 43}
            thread.brings(polled(EVENTS, 40, 41))
            thread.brings(polled(EVENTS, 42))

            await batch(consumer)
            await batch(consumer)
            consumer.done(message(EVENTS, offset=41))

            assert consumer.lag() == {EVENTS: 1}

        play(scene())

    def test_reports_what_is_behind_an_open_transaction(self) -> None:
        """It is part of the lag, and cannot be processed yet."""

        async def scene() -> None:
            consumer, thread = member(EVENTS, OTHERS)
            thread.ends, thread.stable_ends = {EVENTS: 50, OTHERS: 9}, {EVENTS: 42, OTHERS: 9}
            consumer.done(message(EVENTS, offset=39))

            assert consumer.lag() == {EVENTS: 10, OTHERS: 9}
            assert consumer.in_transactions() == {EVENTS: 8}

        play(scene())


class TestReadingAgain:
    """Partitions whose states lack cells that are only in the topic of events."""

    def test_they_are_sought_and_committed_to_their_beginning(self) -> None:
        """At once, so that the next owner of the partition begins there too."""

        async def scene() -> None:
            consumer, thread = member(EVENTS, OTHERS)
            thread.committed_offsets = {EVENTS: 50, OTHERS: 30}
            consumer.transport.to_reprocess = lambda: [EVENTS, CHANGELOG]

            await consumer.perform_seek()

            assert thread.sought == [{EVENTS: 0}]
            assert thread.committed_offsets == {EVENTS: 0, OTHERS: 30}
            consumer.done(message(EVENTS, offset=3))
            assert consumer._should_commit(EVENTS, consumer._new_offset(EVENTS) or 0)

        play(scene())


class TestPassingOver:
    """What is read of a partition and holds no record."""

    def test_it_may_be_committed_once_all_that_was_brought_is_done(self) -> None:
        """Whoever waits for the group's offsets would otherwise wait for a mark."""

        async def scene() -> None:
            consumer, thread = member(EVENTS)
            thread.brings(polled(EVENTS, 41))
            thread.positions = {EVENTS: 43}

            await batch(consumer)
            await batch(consumer)
            assert consumer._new_offset(EVENTS) is None
            consumer.done(message(EVENTS, offset=41))
            await batch(consumer)

            assert consumer._new_offset(EVENTS) == 43

        play(scene())

    def test_a_partition_of_aborted_records_alone_is_skipped(self) -> None:
        """Nothing of it was ever handed on."""

        async def scene() -> None:
            consumer, thread = member(EVENTS)
            thread.positions = {EVENTS: 7}

            await batch(consumer)

            assert consumer._new_offset(EVENTS) == 7

        play(scene())

    def test_what_was_polled_before_a_revocation_is_not_skipped(self) -> None:
        """A batch that no agent had begun is dropped then: its records are read again."""

        async def scene() -> None:
            consumer, thread = member(EVENTS)
            thread.positions = {EVENTS: 43}
            thread.brings(polled(EVENTS, 41, 42))
            await batch(consumer)

            def revoked() -> None:
                consumer._checked_generation = None
                consumer._polled.pop(EVENTS)
                consumer._next.pop(EVENTS)

            thread.brings({}, meanwhile=revoked)
            await batch(consumer)

            assert consumer._new_offset(EVENTS) is None

        play(scene())

    def test_what_was_sought_back_is_not_skipped(self) -> None:
        """After a late seek the position is beyond records that were not yielded."""

        async def scene() -> None:
            consumer, thread = member(EVENTS)
            regroup = lambda: setattr(consumer.app, "consumer_generation_id", GENERATION + 1)  # noqa: E731
            thread.brings(polled(EVENTS, 3, 4), meanwhile=regroup)
            thread.positions = {EVENTS: 5}

            await batch(consumer)
            await batch(consumer)

            assert consumer._new_offset(EVENTS) is None

        play(scene())

    @pytest.mark.parametrize(("restored", "after"), [(4, 8), (3, 3), (None, None)])
    def test_a_recovery_goes_on_once_it_has_taken_what_was_brought(
        self, restored: int | None, after: int | None
    ) -> None:
        """A changelog may end with a mark; records that wait for the recovery are not skipped."""

        async def scene() -> None:
            consumer, thread = member(CHANGELOG)
            offsets = cast("Any", consumer.app.tables).recovery.active_offsets
            thread.brings(polled(CHANGELOG, 3, 4))
            thread.positions = {CHANGELOG: 9}
            await batch(consumer)
            offsets[CHANGELOG] = restored

            await batch(consumer)

            assert offsets[CHANGELOG] == after

        play(scene())


class TestWritingBatches:
    """Many records to one partition."""

    def test_every_record_is_sent_in_order(self) -> None:
        """In as many batches as it takes."""

        async def scene() -> None:
            producer, broker = producing()
            writing = asyncio.create_task(
                producer.write_batch("log", 1, states([b"a", b"b", b"c"]))
            )
            await turns()

            assert broker.sent == [("log", 1, [b"a", b"b"]), ("log", 1, [b"c"])]
            for answer in broker.answers:
                answer.set_result(None)
            await writing

        play(scene())

    @pytest.mark.parametrize("last", [0, 1])
    def test_it_is_done_once_the_broker_has_them_all(self, last: int) -> None:
        """Faust's own flush gives up after a while: only the broker's answers count."""

        async def scene() -> None:
            producer, broker = producing()
            writing = asyncio.create_task(
                producer.write_batch("log", 1, states([b"a", b"b", b"c"]))
            )
            await turns()
            broker.answers[1 - last].set_result(None)
            await turns()
            assert not writing.done()

            broker.answers[last].set_result(None)
            await writing

        play(scene())

    def test_a_refusal_is_an_error(self) -> None:
        """One that the engine cannot overlook."""

        async def scene() -> None:
            producer, broker = producing()
            writing = asyncio.create_task(
                producer.write_batch("log", 1, states([b"a", b"b", b"c"]))
            )
            await turns()
            broker.answers[0].set_exception(TimeoutError("no answer"))

            with pytest.raises(ProduceFailedError, match=r"log\[1\].*no answer"):
                await writing

        play(scene())


class TestWritingRecords:
    """Dead letters and forwards."""

    OUTGOING = (
        OutgoingRecord("letters", None, b"k", b"v", [("h", b"1")]),
        OutgoingRecord("events", 2, b"k", None, ()),
    )

    def test_it_is_done_once_the_broker_has_them_all(self) -> None:
        """Keys, values and headers as they are, to the partition that is named, if one is."""

        async def scene() -> None:
            producer, broker = producing()
            writing = asyncio.create_task(producer.write_all(self.OUTGOING))
            await turns()
            assert broker.sent == [
                ("letters", b"v", {"key": b"k", "partition": None, "headers": [("h", b"1")]}),
                ("events", None, {"key": b"k", "partition": 2, "headers": []}),
            ]
            broker.answers[0].set_result(None)
            await turns()
            assert not writing.done()
            broker.answers[1].set_result(None)
            await writing

        play(scene())

    def test_a_refusal_is_an_error(self) -> None:
        """Else a refused record would be lost and its offset committed."""

        async def scene() -> None:
            producer, broker = producing()
            writing = asyncio.create_task(producer.write_all(self.OUTGOING))
            await turns()
            broker.answers[0].set_exception(TimeoutError("no answer"))

            with pytest.raises(ProduceFailedError, match="no answer"):
                await writing

        play(scene())


class TestDurability:
    """What the broker is asked for."""

    def test_every_replica_in_sync_acknowledges(self) -> None:
        """And a retry of the client's own is not written twice."""

        async def scene() -> None:
            producer = cast("BatchProducer", build_app().producer)

            asked = {**producer._settings_default(), **producer._settings_extra()}

            assert asked["acks"] == "all"
            assert asked["enable_idempotence"] is True
            assert asked["linger_ms"] == 0

        play(scene())


def test_a_batch_message_is_decoded_to_nothing_else() -> None:
    """The agent gets the raw records: what is wrong with one is the engine's to judge."""

    async def scene() -> None:
        app = build_app()
        reported = message(EVENTS, polled(EVENTS, 1, 2)[EVENTS])
        channel = next(iter(app.agents.values())).channel

        event = await channel.schema.compile(app)(reported)

        assert event.value is reported.value

    play(scene())
