"""The transport: what it passes on, what may be committed, and what a log may have lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping
from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from functools import partial, wraps
from pathlib import Path
from time import monotonic
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED, READ_UNCOMMITTED
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    IllegalGenerationError,
    IllegalStateError,
    KafkaError,
    NotLeaderForPartitionError,
    OffsetOutOfRangeError,
    RequestTimedOutError,
)
from aiokafka.protocol.commit import OffsetCommitRequest
from aiokafka.protocol.group import JoinGroupRequest, SyncGroupRequest
from aiokafka.structs import OffsetAndMetadata
from faust.types import TP

from broker.offset_gaps import LeaderEpoch, OffsetGap
from events.fact import Family
from events.last_record import LastRecord
from events.records import OutgoingRecord
from streams import batch_transport, partition_snapshots
from streams.accepted_losses import AcceptedLoss, AcceptedLosses
from streams.batch_transport import (
    FETCH_MAX_WAIT_MS,
    HEARTBEAT_AGE_SHARE,
    IDLE_FETCH_MAX_WAIT_MS,
    IDLE_SECONDS,
    REBALANCE_FETCH_MAX_WAIT_MS,
    AttemptNotCommittedError,
    BatchConsumer,
    BatchProducer,
    ProduceFailedError,
    _BatchConsumerThread,
)
from streams.commit_metadata import (
    NO_METADATA,
    Attempt,
    CommitMetadata,
    decode_commit_metadata,
)
from streams.state_store import Position
from streams.topic_faults import FaultKind
from tests.support.batch_writing import producing, turns
from tests.support.group_member import (
    GENERATION,
    ScriptedThread,
    batch,
    build_app,
    consumer_of,
    joined,
    keep,
    last_record,
    member,
    merge,
    message,
    offsets_of,
    polled,
    position_of,
    read,
    read_and_merge,
    rebalance,
    record,
    topic,
)
from tests.support.stored_states import PARTITION, a_store, snapshots_in

EVENTS = topic(Family.SCHOOLS)
OTHERS = topic(Family.GRANTS)


def noted(consumer: BatchConsumer, tp: TP = EVENTS) -> CommitMetadata:
    """Return the metadata of a partition that would be committed now."""
    return consumer.to_commit([tp])[tp].metadata


def play(scene: Coroutine[Any, Any, None]) -> None:
    """Run a scene, as one worker's loop would."""
    asyncio.run(scene)


def played(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a test as a scene."""

    @wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        play(test(*args, **kwargs))

    return run


class TestReading:
    """What a poll passes on."""

    @played
    async def test_a_polls_records_of_a_partition_are_one_message(self) -> None:
        """The message's offset is the last record's: one acknowledgement for all."""
        consumer, thread = await member(EVENTS, OTHERS)
        thread.brings(polled(EVENTS, 0, 1, 2) | polled(OTHERS, 0))

        handed = await read(consumer)

        assert [(one.tp, one.offset, one.generation_id) for one in handed] == [
            (EVENTS, 2, GENERATION),
            (OTHERS, 0, GENERATION),
        ]
        assert [len(offsets_of(one)) for one in handed] == [3, 1]

    @played
    async def test_nothing_is_read_while_the_group_rebalances(self) -> None:
        """Faust resumes the topics before it seeks, and clears its queues."""
        consumer, thread = await member(EVENTS)
        consumer.app.rebalancing = True

        assert await batch(consumer) == []
        # No partition at all would mean every partition to aiokafka.
        assert thread.polled == []

    @played
    async def test_nothing_is_read_before_the_partitions_are_sought(self) -> None:
        """The positions are those of an earlier generation."""
        consumer, thread = joined(EVENTS)
        thread.brings(polled(EVENTS, 0))

        assert await batch(consumer) == []
        await consumer.perform_seek()
        assert await batch(consumer) == [(EVENTS, [0])]

    @played
    async def test_with_nothing_to_read_a_poll_is_noted(self) -> None:
        """A member that does not poll leaves its group: one without partitions, for example."""
        consumer, thread = await member()

        await batch(consumer)

        assert thread.polls_noted == 1

    @played
    async def test_a_poll_is_short_while_a_partition_is_held_back(self) -> None:
        """Its agent was busy, and may be free again long before records of others arrive."""
        consumer, thread = await member(EVENTS, OTHERS)
        consumer.on_buffer_full(EVENTS)
        await batch(consumer)
        consumer.on_buffer_drop(EVENTS)
        await batch(consumer)

        assert thread.polled == [{OTHERS}, {EVENTS, OTHERS}]
        assert thread.timeouts[0] < 0.1 * thread.timeouts[1]

    @played
    async def test_a_fetch_waits_longer_after_a_time_without_records(self) -> None:
        """Ten requests a second cost a twentieth of a processor; a record ends the wait."""
        consumer, thread = await member(EVENTS)
        await batch(consumer)
        consumer._received_at -= IDLE_SECONDS
        thread.brings(polled(EVENTS, 0))
        await batch(consumer)
        await batch(consumer)

        assert thread.fetch_max_waits == [
            FETCH_MAX_WAIT_MS,
            IDLE_FETCH_MAX_WAIT_MS,
            FETCH_MAX_WAIT_MS,
        ]

    @played
    async def test_a_fetch_is_short_while_the_group_rebalances(self) -> None:
        """Other requests wait for it: a broker answers a connection in order."""
        consumer, _ = await member(EVENTS)
        consumer._received_at -= IDLE_SECONDS
        consumer.app.rebalancing = True

        assert consumer._fetch_max_wait() == REBALANCE_FETCH_MAX_WAIT_MS

    @pytest.mark.parametrize(
        "change",
        [
            # A poll may outlive the generation in which it was made.
            lambda consumer: setattr(consumer.app, "consumer_generation_id", GENERATION + 1),
            # Faust clears its queues then: what it would not deliver is read again.
            lambda consumer: consumer.stop_flow(),
            # A rebalance is signalled before the flow stops.
            lambda consumer: setattr(consumer.app, "rebalancing", True),
        ],
        ids=["generation", "flow", "rebalance"],
    )
    @played
    async def test_polled_records_that_cannot_be_passed_on_are_sought_back(
        self, change: Callable[[BatchConsumer], object]
    ) -> None:
        """They are read again: no record is dropped."""
        consumer, thread = await member(EVENTS)
        thread.positions[EVENTS] = 1
        thread.brings(polled(EVENTS, 0), meanwhile=lambda: change(consumer))

        assert await batch(consumer) == []
        assert thread.sought == [{EVENTS: 0}]

    @played
    async def test_a_partition_that_was_sought_meanwhile_is_left_as_it_is(self) -> None:
        """Who seeks later wins: the assignment has sought the position of the states."""
        consumer, thread = await member(EVENTS)
        thread.positions[EVENTS] = 7
        thread.brings(polled(EVENTS, 0), meanwhile=consumer.stop_flow)

        assert await batch(consumer) == []
        assert thread.sought == []

    def test_a_seek_that_fails_is_not_the_end(self) -> None:
        """The next rebalance seeks again."""

        async def scene() -> None:
            consumer, thread = await member(EVENTS)
            consumer.seek_wait = failing  # type: ignore[method-assign, assignment]
            thread.positions[EVENTS] = 1
            thread.brings(polled(EVENTS, 0), meanwhile=consumer.stop_flow)

            assert await batch(consumer) == []

        async def failing(_: object) -> None:
            raise TimeoutError

        play(scene())

    @played
    async def test_records_that_are_merged_are_dropped(self) -> None:
        """A late seek may have gone back: merged twice, they would be counted twice."""
        consumer, thread = await member(EVENTS)
        thread.brings(polled(EVENTS, 0, 1, 2))
        thread.brings(polled(EVENTS, 1, 2))
        thread.brings(polled(EVENTS, 2, 3))

        assert [await batch(consumer) for _ in range(3)] == [
            [(EVENTS, [0, 1, 2])],
            [],
            [(EVENTS, [3])],
        ]


class TestGaps:
    """Offsets that do not follow on what was passed on before."""

    @played
    async def test_a_gap_is_read_again(self) -> None:
        """Records may have been polled and dropped: nothing may commit past them."""
        consumer, thread = await member(EVENTS)
        thread.brings(polled(EVENTS, 0, 1))
        thread.brings(polled(EVENTS, 5))
        thread.brings(polled(EVENTS, 2, 3, 4, 5))

        assert [await batch(consumer) for _ in range(3)] == [
            [(EVENTS, [0, 1])],
            [],
            [(EVENTS, [2, 3, 4, 5])],
        ]
        assert thread.sought == [{EVENTS: 2}]

    @played
    async def test_a_gap_that_stays_is_the_logs_own(self) -> None:
        """Markers of transactions, for example: they cannot be waited for."""
        consumer, thread = await member(EVENTS)
        for offset in (0, 4, 4, 5):
            thread.brings(polled(EVENTS, offset))

        assert [len(await batch(consumer)) for _ in range(4)] == [1, 0, 1, 1]

    @played
    async def test_a_gap_of_a_partition_that_is_taken_meanwhile_ends_nothing(self) -> None:
        """The next assignment seeks."""
        consumer, thread = await member(EVENTS)
        for offset in (0, 4):
            thread.brings(polled(EVENTS, offset))

        async def seek_wait(partitions: Mapping[TP, int]) -> None:
            raise IllegalStateError(partitions)

        thread.seek_wait = seek_wait  # type: ignore[method-assign]

        assert [len(await batch(consumer)) for _ in range(2)] == [1, 0]

    @pytest.mark.parametrize("committed", [0, 5])
    @played
    async def test_a_gap_at_the_beginning_is_read_again(self, committed: int) -> None:
        """A first batch at the committed offset would pass for the whole log."""
        consumer, thread = await member(EVENTS, committed={EVENTS: committed})
        thread.brings(polled(EVENTS, 5))

        assert await batch(consumer) == []
        assert thread.sought == [{EVENTS: 0}]


class TestProcessedRecords:
    """Records before the committed offset, which are read again for their states."""

    @staticmethod
    async def at(
        committed: int, metadata: CommitMetadata = NO_METADATA
    ) -> tuple[BatchConsumer, ScriptedThread]:
        """Return a member whose partition has a committed offset, by the same rules."""
        consumer, thread = joined(EVENTS, committed={EVENTS: committed})
        rules = consumer.transport.rules
        thread.metadata[EVENTS] = metadata.model_copy(update={"rules": metadata.rules or rules})
        await consumer.perform_seek()
        thread.sought.clear()
        return consumer, thread

    @played
    async def test_are_passed_on_apart_from_new_ones(self) -> None:
        """A poll is cut at the committed offset; nothing before it is new, or written."""
        consumer, thread = await self.at(3)
        thread.brings(polled(EVENTS, 0, 1, 2, 3, 4))

        batches = await read_and_merge(consumer)

        assert [[one.offset for one in each.records] for each in batches] == [
            [0, 1, 2],
            [3, 4],
        ]
        assert [(one.start, one.is_new, one.writes) for one in batches] == [
            (0, False, False),
            (3, True, True),
        ]

    @played
    async def test_a_poll_is_cut_at_the_record_of_a_noted_attempt(self) -> None:
        """What was read before it is merged at once, and the record begins a batch."""
        attempt = Attempt(offset=2, count=1)
        consumer, thread = await self.at(4, CommitMetadata(attempts=(attempt,)))
        thread.brings(polled(EVENTS, 0, 1, 2, 3, 4))

        assert await batch(consumer) == [(EVENTS, [0, 1]), (EVENTS, [2, 3]), (EVENTS, [4])]

    @played
    async def test_their_dead_letters_are_written_where_the_rules_have_changed(self) -> None:
        """A record that is refused by the new rules alone would vanish without one."""
        consumer, thread = await self.at(2, CommitMetadata(rules="other rules"))
        thread.brings(polled(EVENTS, 0, 1))

        [processed] = await read_and_merge(consumer)

        assert (processed.is_new, processed.writes) == (False, True)
        # From the committed offset on, the new rules have judged all.
        assert noted(consumer).rules == consumer.transport.rules

    @played
    async def test_without_a_note_of_the_rules_their_dead_letters_are_not_written(self) -> None:
        """Workers of 0.1 noted none: a dead letter of each refused record is there."""
        consumer, thread = await member(EVENTS, committed={EVENTS: 2})
        thread.brings(polled(EVENTS, 0, 1))

        [processed] = await read_and_merge(consumer)

        assert not processed.writes

    @played
    async def test_a_partition_is_caught_up_at_the_committed_offset_only(self) -> None:
        """Its figures would be too small, and what is committed would go back."""
        consumer, thread = await self.at(4)
        seen = []
        for offsets in ((0, 1), (2,), (3,)):
            seen.append((consumer.is_caught_up(EVENTS), consumer.to_catch_up()))
            assert consumer._new_offset(EVENTS) is None
            thread.brings(polled(EVENTS, *offsets))
            await read_and_merge(consumer)

        assert seen == [(False, 4), (False, 2), (False, 1)]
        assert (consumer.is_caught_up(EVENTS), consumer.to_catch_up()) == (True, 0)
        assert consumer._new_offset(EVENTS) == 4

    @played
    async def test_the_last_of_them_is_the_one_that_was_committed(self) -> None:
        """Another record there is another log: its figures are not those that were shown."""
        consumer, thread = await self.at(2, CommitMetadata(last=last_record(1, key=b"other")))
        thread.brings(polled(EVENTS, 0, 1))

        await read_and_merge(consumer)

        assert [fault.fault for fault in consumer.faults] == [FaultKind.LOG_DIVERGED]
        assert not consumer.is_caught_up(EVENTS)

    @played
    async def test_what_follows_a_record_that_was_replaced_is_neither_processed_nor_committed(
        self,
    ) -> None:
        """The commit would say that the log is the one that was read."""
        consumer, thread = await self.at(2, CommitMetadata(last=last_record(1, key=b"other")))
        thread.brings(polled(EVENTS, 0, 1, 2, 3))

        processed, _ = await read(consumer)
        merge(consumer, processed)

        assert consumer.is_stopped(EVENTS)
        before = thread.metadata[EVENTS]
        assert await consumer.commit() is False
        assert (thread.committed_offsets, thread.metadata) == ({EVENTS: 2}, {EVENTS: before})

    @played
    async def test_no_record_at_all_is_another_log_too(self) -> None:
        """Markers alone do not replace the records that were read."""
        consumer, thread = await self.at(2, CommitMetadata(last=last_record(1)))
        thread.positions[EVENTS] = 2

        await batch(consumer)

        [fault] = consumer.faults
        assert fault.fault is FaultKind.LOG_DIVERGED
        assert "no record any more at offset 1" in str(fault)


class TestSeeking:
    """Going to the positions of the states."""

    @played
    async def test_a_partition_without_states_is_read_from_its_start(self) -> None:
        """Wherever the group has committed: the log is the only copy of the states."""
        consumer, thread = joined(EVENTS, OTHERS, committed={OTHERS: 12})
        thread.starts = {EVENTS: 3}

        await consumer.perform_seek()

        assert thread.sought == [{EVENTS: 3, OTHERS: 0}]
        assert position_of(consumer, EVENTS) == Position(3, None, 3)

    @played
    async def test_a_kept_partition_is_sought_to_its_last_record(self) -> None:
        """Which is compared, and not passed on again."""
        consumer, thread = await member(EVENTS)
        thread.brings(polled(EVENTS, 0, 1))
        await read_and_merge(consumer)

        await rebalance(consumer, thread, EVENTS)
        await consumer.perform_seek()

        assert thread.sought == [{EVENTS: 1}]
        thread.brings(polled(EVENTS, 1, 2))
        assert await batch(consumer) == [(EVENTS, [2])]

    @pytest.mark.parametrize("there", [[record(EVENTS, 1, key=b"other")], [record(EVENTS, 2)]])
    @played
    async def test_another_record_there_is_another_log(self, there: list[Any]) -> None:
        """Or none: the partition is neither read nor shown any more."""
        consumer, thread = await member(EVENTS, OTHERS)
        thread.brings(polled(EVENTS, 0, 1))
        await read_and_merge(consumer)
        await rebalance(consumer, thread, EVENTS, OTHERS)
        await consumer.perform_seek()
        for _ in range(3):  # A gap is fetched again twice.
            thread.brings({EVENTS: there})
            assert await batch(consumer) == []

        [fault] = consumer.faults
        assert (fault.topic, fault.partition) == EVENTS
        assert fault.fault is FaultKind.LOG_DIVERGED
        assert "offset 1" in fault.problem
        assert not consumer.is_caught_up(EVENTS)
        await consumer.commit()
        assert thread.metadata[EVENTS].last == last_record(1)
        assert consumer.is_caught_up(OTHERS)
        await batch(consumer)
        assert thread.polled[-1] == {OTHERS}

    @played
    async def test_the_states_of_a_partition_that_another_worker_has_are_dropped(self) -> None:
        """They would be shown, and outdated, when it comes back."""
        consumer, thread = await member(EVENTS, OTHERS)
        thread.brings(polled(EVENTS, 0) | polled(OTHERS, 0))
        await read_and_merge(consumer)

        await rebalance(consumer, thread, OTHERS)

        assert position_of(consumer, EVENTS) is None
        assert position_of(consumer, OTHERS) == Position(1, last_record(0), 0)
        assert not consumer.is_caught_up(EVENTS)

    @played
    async def test_a_kept_partition_is_shown_through_a_rebalance(self) -> None:
        """Nobody else can have had it."""
        consumer, thread = await member(EVENTS)

        await rebalance(consumer, thread, EVENTS)
        assert consumer.is_caught_up(EVENTS)

        await consumer.perform_seek()
        assert consumer.is_caught_up(EVENTS)

    @played
    async def test_a_missed_generation_hides_kept_partitions_until_they_are_caught_up(self) -> None:
        """Another worker may have had them meanwhile, and have committed more."""
        consumer, thread = await member(EVENTS)
        thread.brings(polled(EVENTS, 0, 1))
        await read_and_merge(consumer)

        def go_on() -> None:
            thread.committed_offsets[EVENTS] = 4
            thread.metadata[EVENTS] = CommitMetadata(rules=consumer.transport.rules)

        await rebalance(consumer, thread, EVENTS, generation=GENERATION + 2, meanwhile=go_on)
        assert not consumer.is_caught_up(EVENTS)
        await consumer.perform_seek()
        assert not consumer.is_caught_up(EVENTS)

        thread.brings(polled(EVENTS, 1, 2, 3))
        [processed] = await read_and_merge(consumer)
        assert not processed.is_new
        assert consumer.is_caught_up(EVENTS)

    @played
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
    async def test_an_assignment_of_nothing_is_sought(self) -> None:
        """Faust seeks nothing for it: the worker would never be ready."""
        consumer, _ = joined()
        assert not consumer.is_sought(GENERATION)

        consumer.finish_empty()

        assert consumer.is_sought(GENERATION)


def accepting(tp: TP, last: LastRecord | None = None, **missing: Any) -> AcceptedLosses:
    """Return an operator's acceptance of a loss."""
    loss = AcceptedLoss(
        topic=tp.topic,
        partition=tp.partition,
        last=last,
        at=datetime(2026, 1, 1, tzinfo=UTC),
        because="the disk is gone",
        **missing,
    )
    return {(tp.topic, tp.partition): [loss]}


class TestSnapshots:
    """Partitions whose states are in a snapshot."""

    LAST = last_record(9)

    async def joined(
        self,
        folder: Path,
        *,
        start: int = 0,
        committed: int = 20,
        known: CommitMetadata = NO_METADATA,
    ) -> tuple[BatchConsumer, ScriptedThread]:
        """Return a consumer that has sought; a snapshot has the first ten records."""
        store = a_store(position=Position(10, self.LAST, 0))
        taken = snapshots_in(folder, store).take(PARTITION, is_end=True)
        assert taken is not None
        await snapshots_in(folder, store).write(PARTITION, taken)
        consumer, thread = joined(EVENTS, committed={EVENTS: committed}, metadata={EVENTS: known})
        thread.starts[EVENTS] = start
        own = consumer.transport.state_store
        consumer.transport.snapshots = snapshots_in(folder, own)
        await consumer.perform_seek()
        return consumer, thread

    def entities(self, consumer: BatchConsumer) -> int:
        """Return how many entities the states have: a snapshot's one, or none."""
        return sum(consumer.transport.state_store.entities().values())

    @played
    async def test_is_read_from_its_last_record_on(self, tmp_path: Path) -> None:
        """Which is compared, and not passed on again."""
        known = CommitMetadata(last=last_record(19))
        consumer, thread = await self.joined(tmp_path, known=known)

        assert thread.sought == [{EVENTS: 9}]
        thread.brings(polled(EVENTS, *range(9, 22)))
        [processed, new] = await read_and_merge(consumer)

        assert [one.offset for one in processed.records] == [*range(10, 20)]
        assert (processed.is_new, new.is_new) == (False, True)
        assert consumer.is_caught_up(EVENTS)
        assert self.entities(consumer) == 1
        assert consumer.faults == []

    @played
    async def test_is_caught_up_once_the_last_record_is_found(self, tmp_path: Path) -> None:
        """Where nothing came since."""
        known = CommitMetadata(last=self.LAST)
        consumer, thread = await self.joined(tmp_path, committed=10, known=known)
        assert not consumer.is_caught_up(EVENTS)

        thread.brings(polled(EVENTS, 9))

        assert await batch(consumer) == []
        assert consumer.is_caught_up(EVENTS)

    @pytest.mark.parametrize("there", [[record(EVENTS, 9, key=b"other")], [record(EVENTS, 10)]])
    @played
    async def test_another_last_record_is_no_fault_of_the_log(
        self, tmp_path: Path, there: list[Any]
    ) -> None:
        """The snapshot is discarded, and the log read from its start."""
        consumer, thread = await self.joined(tmp_path)
        thread.sought.clear()
        while self.entities(consumer):  # A gap is fetched again twice.
            thread.brings({EVENTS: there})
            assert await batch(consumer) == []

        assert consumer.faults == []
        assert thread.sought[-1] == {EVENTS: 0}
        thread.brings(polled(EVENTS, *range(20)))
        await read_and_merge(consumer)
        assert consumer.is_caught_up(EVENTS)

    @played
    async def test_the_commit_alone_says_that_a_log_was_replaced(self, tmp_path: Path) -> None:
        """The snapshot's last record is in the log, and the commit's is not."""
        known = CommitMetadata(last=last_record(19, key=b"other"))
        consumer, thread = await self.joined(tmp_path, known=known)
        thread.brings(polled(EVENTS, *range(9, 22)))

        await read_and_merge(consumer)

        assert [fault.fault for fault in consumer.faults] == [FaultKind.LOG_DIVERGED]
        assert not consumer.is_caught_up(EVENTS)

    @played
    async def test_markers_in_place_of_the_last_record(self, tmp_path: Path) -> None:
        """No poll ever returns it: the next look reads the log from its start."""
        consumer, thread = await self.joined(tmp_path)
        thread.sought.clear()
        thread.positions[EVENTS] = 10

        await batch(consumer)
        await consumer.look_at_logs()

        assert self.entities(consumer) == 0
        assert thread.sought == [{EVENTS: 0}]

    @pytest.mark.parametrize("start", [1, 9, 15])
    @played
    async def test_a_log_that_begins_elsewhere_is_read_from_there(
        self, tmp_path: Path, start: int
    ) -> None:
        """Records were erased since."""
        consumer, thread = await self.joined(tmp_path, start=start)

        assert self.entities(consumer) == 0
        assert position_of(consumer, EVENTS) == Position(start, None, start)
        assert thread.sought == [{EVENTS: start}]

    @played
    async def test_outlives_a_rebalance_before_its_last_record_is_found(
        self, tmp_path: Path
    ) -> None:
        """And is no kept partition: another last record is no fault of the log."""
        consumer, thread = await self.joined(tmp_path)
        await rebalance(consumer, thread, EVENTS)
        await consumer.perform_seek()
        assert thread.sought == [{EVENTS: 9}] * 2

        thread.brings({EVENTS: [record(EVENTS, 9, key=b"other")]})
        await batch(consumer)

        assert consumer.faults == []
        assert thread.sought[-1] == {EVENTS: 0}

    @played
    async def test_is_written_of_a_committed_position(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Neither before the partition is caught up, nor during an attempt, nor of a fault."""
        monkeypatch.setattr(partition_snapshots, "SECONDS", 0.0)
        consumer, thread = await self.joined(tmp_path, committed=10)
        written = []

        async def look(*, is_end: bool = False) -> None:
            await consumer.keep_snapshots(is_end=is_end)
            header = (tmp_path / "schools-0.snapshot").read_bytes()[32:].partition(b"\n")[0]
            written.append(json.loads(header)["position"][0])

        async def merge_to(end: int) -> None:
            thread.brings(polled(EVENTS, *range(9, end)))
            await read_and_merge(consumer)

        await look()
        await merge_to(12)
        await look()
        await merge_to(14)
        await consumer.commit()
        await look()
        await look()
        await consumer.begin(EVENTS, 14)
        await look(is_end=True)
        await merge_to(15)
        await look(is_end=True)
        await merge_to(16)
        thread.log_ends[EVENTS] = 5
        await consumer.look_at_logs()
        await look(is_end=True)

        assert written == [10, 10, 12, 14, 14, 15, 15]


class TestLosses:
    """What a log has lost, and what an operator accepts."""

    @staticmethod
    async def merged(upto: int = 5) -> tuple[BatchConsumer, ScriptedThread]:
        """Return a member that has merged and committed the records before an offset."""
        consumer, thread = await member(EVENTS)
        thread.brings(polled(EVENTS, *range(upto)))
        await read_and_merge(consumer)
        await consumer.commit()
        await consumer.perform_seek()
        thread.brings(polled(EVENTS, upto - 1))
        assert await batch(consumer) == []
        thread.sought.clear()
        return consumer, thread

    @played
    async def test_a_whole_log_is_no_fault(self) -> None:
        """However often it is looked at; its start is known then."""
        consumer, _ = await self.merged()
        await consumer.look_at_logs()

        assert consumer.faults == []
        assert consumer.is_caught_up(EVENTS)
        assert consumer.log_starts == {EVENTS: 0}

    @played
    async def test_a_log_that_ends_before_what_was_read_has_lost_events(self) -> None:
        """It is not read: new events would be taken for those that are known."""
        consumer, thread = await self.merged(5)
        thread.log_ends[EVENTS] = 4

        await consumer.look_at_logs()

        [fault] = consumer.faults
        assert fault.fault is FaultKind.EVENTS_LOST
        assert fault.problem.startswith("ends at offset 4, and was read up to 5")
        assert not consumer.is_caught_up(EVENTS)
        assert await batch(consumer) == []
        assert thread.polled[-1] != set()

    @played
    async def test_a_log_that_ends_before_the_committed_offset_has_lost_events(self) -> None:
        """Also to a worker that has just been assigned it."""
        consumer, thread = joined(EVENTS, committed={EVENTS: 5})
        thread.log_ends[EVENTS] = 4

        await consumer.perform_seek()

        assert [fault.fault for fault in consumer.faults] == [FaultKind.EVENTS_LOST]

    @played
    async def test_a_log_whose_start_moved_has_lost_records(self) -> None:
        """Retention, or an erasure that nobody has accepted yet."""
        consumer, thread = await self.merged()
        thread.starts[EVENTS] = 2

        await consumer.look_at_logs()

        [fault] = consumer.faults
        assert fault.fault is FaultKind.RECORDS_DELETED
        assert "no record at offsets 0 to 1 any more" in fault.problem
        assert not consumer.is_caught_up(EVENTS)

    @played
    async def test_a_log_that_is_whole_again_is_read_on(self) -> None:
        """A replica that was behind may have answered."""
        consumer, thread = await self.merged(5)
        thread.log_ends[EVENTS] = 4
        await consumer.look_at_logs()
        thread.log_ends[EVENTS] = 5

        await consumer.look_at_logs()

        assert consumer.faults == []
        assert thread.sought == [{EVENTS: 4}]
        # It may be another log, of the same length.
        assert not consumer.is_caught_up(EVENTS)
        thread.brings(polled(EVENTS, 4, 5))
        assert await batch(consumer) == [(EVENTS, [5])]
        assert consumer.is_caught_up(EVENTS)

    @played
    async def test_an_idle_log_is_compared_at_each_look(self) -> None:
        """It may be replaced, by one of the same length, while nothing is read of it."""
        consumer, thread = await self.merged(5)

        await consumer.look_at_logs()
        thread.brings({EVENTS: [record(EVENTS, 4, key=b"other")]})
        await batch(consumer)

        assert [fault.fault for fault in consumer.faults] == [FaultKind.LOG_DIVERGED]

    @pytest.mark.parametrize("is_there", [True, False])
    @played
    async def test_the_last_record_is_looked_for_where_a_new_leader_wrote_the_next(
        self,
        is_there: bool,  # noqa: FBT001
    ) -> None:
        """Its log may have lost records, and have as many new ones: their offsets show nothing."""
        consumer, thread = await self.merged(5)
        led = partial(LeaderEpoch, *EVENTS)
        thread.brings(polled(EVENTS, 5), meanwhile=lambda: consumer.note_leader(led(5, epoch=1)))
        assert await batch(consumer) == [(EVENTS, [5])]
        thread.brings(polled(EVENTS, 6), meanwhile=lambda: consumer.note_leader(led(6, epoch=2)))

        assert await batch(consumer) == []

        assert thread.sought == [{EVENTS: 5}]
        there = record(EVENTS, 5) if is_there else record(EVENTS, 5, key=b"other")
        thread.brings(
            {EVENTS: [there, record(EVENTS, 6)]},
            meanwhile=lambda: consumer.note_leader(led(5, epoch=1)),
        )
        assert await batch(consumer) == ([(EVENTS, [6])] if is_there else [])
        found = [fault.fault for fault in consumer.faults]
        assert found == ([] if is_there else [FaultKind.LOG_DIVERGED])

    @played
    async def test_a_new_leader_that_begins_a_segment_is_looked_at_once(self) -> None:
        """A fetch ends with its segment: that of the last record does not bring the next one."""
        consumer, thread = await self.merged(5)

        async def fetch(offset: int, *, epoch: int) -> list[tuple[TP, list[int]]]:
            leader = LeaderEpoch(*EVENTS, offset, epoch)
            thread.brings(polled(EVENTS, offset), meanwhile=lambda: consumer.note_leader(leader))
            return await batch(consumer)

        assert await fetch(5, epoch=1) == [(EVENTS, [5])]
        assert await fetch(6, epoch=2) == []
        assert thread.sought == [{EVENTS: 5}]
        assert await fetch(5, epoch=1) == []

        assert await fetch(6, epoch=2) == [(EVENTS, [6])]
        assert thread.sought == [{EVENTS: 5}]

    @played
    async def test_a_look_leaves_batches_under_way_alone(self) -> None:
        """A seek would read them twice."""
        consumer, thread = await self.merged(5)
        thread.brings(polled(EVENTS, 5))
        await batch(consumer)

        await consumer.look_at_logs()

        assert thread.sought == []

    @played
    async def test_nobody_looks_during_a_rebalance(self) -> None:
        """It seeks by itself."""
        consumer, thread = await self.merged(5)
        thread.log_ends[EVENTS] = 4
        consumer.app.rebalancing = True

        await consumer.look_at_logs()

        assert consumer.faults == []

    @played
    async def test_a_position_that_the_log_has_not_is_looked_at(self) -> None:
        """The client would begin anew silently."""
        consumer, thread = await self.merged(5)
        thread.log_ends[EVENTS] = 4

        def out_of_range() -> None:
            raise OffsetOutOfRangeError({EVENTS: 5})

        thread.brings({}, meanwhile=out_of_range)

        assert await batch(consumer) == []
        assert [fault.fault for fault in consumer.faults] == [FaultKind.EVENTS_LOST]

    @played
    async def test_after_an_accepted_start_what_is_left_is_read_anew(self) -> None:
        """The committed offset holds: nothing is written or counted again before it."""
        consumer, thread = await self.merged(5)
        thread.starts[EVENTS] = 2
        await consumer.look_at_logs()
        consumer.transport.accepted = accepting(EVENTS, log_start=2)

        await consumer.look_at_logs()

        assert consumer.faults == []
        assert position_of(consumer, EVENTS) == Position(2, None, 2)
        assert not consumer.is_caught_up(EVENTS)
        thread.brings(polled(EVENTS, 2, 3, 4, 5))
        batches = await read_and_merge(consumer)
        assert [(one.start, one.is_new) for one in batches] == [(2, False), (5, True)]
        assert consumer.is_caught_up(EVENTS)
        # The next owner knows no other start.
        assert await consumer.commit()
        assert thread.metadata[EVENTS].start == 2

    @played
    async def test_what_was_fetched_before_a_seek_moves_no_position(self) -> None:
        """A poll without records would pass over all that an erasure has left."""
        consumer, thread = await self.merged(5)
        thread.starts[EVENTS], thread.positions[EVENTS] = 2, 5
        await consumer.look_at_logs()
        consumer.transport.accepted = accepting(EVENTS, log_start=2)
        seek_wait = thread.seek_wait

        async def seek_after_a_poll(positions: Mapping[TP, int]) -> None:
            assert await batch(consumer) == []
            await seek_wait(positions)

        vars(thread)["seek_wait"] = seek_after_a_poll

        await consumer.look_at_logs()

        assert thread.sought == [{EVENTS: 2}]
        assert position_of(consumer, EVENTS) == Position(2, None, 2)

    @played
    async def test_after_an_accepted_start_what_was_merged_since_the_assignment_is_not_new(
        self,
    ) -> None:
        """It is counted once, and shown once all of it is there again."""
        consumer, thread = await member(EVENTS)
        thread.brings(polled(EVENTS, *range(5)))
        await read_and_merge(consumer)
        await consumer.commit()
        thread.starts[EVENTS] = 2
        consumer.transport.accepted = accepting(EVENTS, log_start=2)

        await consumer.look_at_logs()

        assert not consumer.is_caught_up(EVENTS)
        thread.brings(polled(EVENTS, 2, 3, 4, 5))
        batches = await read_and_merge(consumer)
        assert [(one.start, one.is_new) for one in batches] == [(2, False), (5, True)]
        assert consumer.is_caught_up(EVENTS)

    @played
    async def test_a_log_of_which_nothing_is_left_is_caught_up_once_that_is_accepted(self) -> None:
        """The last record that was committed is not there to be found."""
        consumer, thread = await self.merged(5)
        thread.starts[EVENTS] = 5
        consumer.transport.accepted = accepting(EVENTS, log_start=5)

        await consumer.look_at_logs()

        assert consumer.faults == []
        assert consumer.is_caught_up(EVENTS)
        assert position_of(consumer, EVENTS) == Position(5, None, 5)

    @played
    async def test_offsets_that_have_no_record_when_they_are_fetched_again_have_lost_theirs(
        self,
    ) -> None:
        """No marker of a transaction explains them: compaction may have deleted the records."""
        consumer, thread = await member(EVENTS)
        note = partial(consumer.note_gap, OffsetGap(*EVENTS, first=1, next=3))
        for _ in range(2):
            thread.brings(
                polled(EVENTS, 0, 3),
                meanwhile=note,
            )
        assert await batch(consumer) == []
        assert (consumer.faults, thread.sought) == ([], [{EVENTS: 0}])

        assert await batch(consumer) == []

        [fault] = consumer.faults
        assert fault.fault is FaultKind.RECORDS_DELETED
        assert "no record at offsets 1 to 2 any more: 2 deleted" in fault.problem
        assert not consumer.is_caught_up(EVENTS)
        await consumer.look_at_logs()
        assert consumer.faults == [fault]

    @played
    async def test_an_accepted_gap_is_read_over(self) -> None:
        """What is there is processed, and shown."""
        consumer, thread = await member(EVENTS)
        note = partial(consumer.note_gap, OffsetGap(*EVENTS, first=1, next=3))
        for _ in range(3):
            thread.brings(polled(EVENTS, 0, 3), meanwhile=note)
        await batch(consumer)
        await batch(consumer)
        consumer.transport.accepted = accepting(EVENTS, gaps=[(1, 2)])

        await consumer.look_at_logs()

        assert consumer.faults == []
        await read_and_merge(consumer)
        assert position_of(consumer, EVENTS) == Position(4, last_record(3), 0)
        assert consumer.is_caught_up(EVENTS)

    @pytest.mark.parametrize("is_diverged", [False, True])
    @played
    async def test_after_an_accepted_end_everything_is_processed_anew(
        self,
        is_diverged: bool,  # noqa: FBT001
    ) -> None:
        """And shown only from the end of the log on: until then figures would be too small."""
        consumer, thread = await self.merged(5)
        thread.log_ends[EVENTS] = 4
        if is_diverged:
            thread.log_ends[EVENTS] = 5
            await consumer.look_at_logs()
            thread.brings({EVENTS: [record(EVENTS, 4, key=b"other")]})
            await batch(consumer)
        await consumer.look_at_logs()
        assert len(consumer.faults) == 1
        thread.log_ends[EVENTS] = 4
        consumer.transport.accepted = accepting(EVENTS, last_record(4))

        await consumer.look_at_logs()

        assert consumer.faults == []
        assert position_of(consumer, EVENTS) == Position(0, None, 0)
        thread.brings(polled(EVENTS, 0, 1, 2))
        [first] = await read_and_merge(consumer)
        assert (first.is_new, first.writes) == (True, True)
        assert not consumer.is_caught_up(EVENTS)
        assert consumer._new_offset(EVENTS) is None

        thread.brings(polled(EVENTS, 3))
        await read_and_merge(consumer)
        assert consumer.is_caught_up(EVENTS)
        assert await consumer.commit()
        assert thread.committed_offsets == {EVENTS: 4}

    @played
    async def test_what_was_merged_is_noted_though_the_log_has_lost_it(self) -> None:
        """An operator accepts the loss of what is noted: of less, it would stay for ever."""
        consumer, thread = await self.merged(5)
        thread.brings(polled(EVENTS, 5, 6))
        await read_and_merge(consumer)
        thread.log_ends[EVENTS] = 4
        await consumer.look_at_logs()
        assert len(consumer.faults) == 1

        await consumer.commit()

        assert thread.committed_offsets == {EVENTS: 7}
        assert thread.metadata[EVENTS].last == last_record(6)
        consumer.transport.accepted = accepting(EVENTS, last_record(6))
        await consumer.look_at_logs()
        assert consumer.faults == []

    @played
    async def test_records_where_markers_were_skipped_are_new(self) -> None:
        """The log has lost what was aborted, and no event: there is nothing to accept."""
        consumer, thread = await self.merged(5)
        thread.positions[EVENTS] = 8
        await batch(consumer)
        assert position_of(consumer, EVENTS) == Position(8, last_record(4), 0)
        thread.log_ends[EVENTS] = 7
        await consumer.look_at_logs()
        thread.brings(polled(EVENTS, 4, 5, 6))
        assert await batch(consumer) == []
        assert thread.sought[-1] == {EVENTS: 5}
        thread.brings(polled(EVENTS, 5, 6))

        assert [one.is_new for one in await read_and_merge(consumer)] == [True]

        assert consumer.faults == []
        assert position_of(consumer, EVENTS) == Position(7, last_record(6), 0)

    @played
    async def test_what_precedes_markers_before_the_committed_offset_is_compared(self) -> None:
        """The next record is new, and the position beyond the committed offset at once."""
        other = CommitMetadata(last=last_record(2, key=b"other"))
        consumer, thread = await member(EVENTS, committed={EVENTS: 5}, metadata={EVENTS: other})
        thread.brings(polled(EVENTS, 0, 1, 2))
        await read_and_merge(consumer)
        for _ in range(2):  # A gap is fetched again once.
            thread.brings(polled(EVENTS, 5, 6))
            assert await batch(consumer) == []

        assert [fault.fault for fault in consumer.faults] == [FaultKind.LOG_DIVERGED]

    @played
    async def test_offsets_without_records_are_missing_before_markers_too(self) -> None:
        """No record follows by which they would be found."""
        consumer, thread = await member(EVENTS)
        gap = OffsetGap(*EVENTS, first=2, next=5)
        thread.brings(polled(EVENTS, 0, 1), meanwhile=lambda: consumer.note_gap(gap))
        await read_and_merge(consumer)
        thread.positions[EVENTS] = 6

        assert await batch(consumer) == []
        assert (thread.sought, consumer.faults) == ([{EVENTS: 2}], [])
        consumer.note_gap(gap)
        assert await batch(consumer) == []

        [fault] = consumer.faults
        assert "no record at offsets 2 to 4 any more: 3 deleted" in fault.problem

    @played
    async def test_a_partition_is_not_skipped_while_it_is_sought(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its fetches may be those from where it was: all before would be left out."""
        consumer, thread = await self.merged(5)
        thread.starts[EVENTS], thread.positions[EVENTS] = 3, 5
        await consumer.look_at_logs()
        consumer.transport.accepted = accepting(EVENTS, log_start=3)

        async def seek(_: Mapping[TP, int]) -> None:
            await batch(consumer)

        monkeypatch.setattr(thread, "seek_wait", seek)
        await consumer.look_at_logs()

        assert position_of(consumer, EVENTS) == Position(3, None, 3)

    @pytest.mark.parametrize(
        "accepted",
        [
            accepting(EVENTS, last_record(3)),
            accepting(EVENTS, log_start=9),
            accepting(OTHERS, last_record(4)),
        ],
    )
    @played
    async def test_the_acceptance_of_another_loss_does_not_count(
        self, accepted: AcceptedLosses
    ) -> None:
        """An operator has decided on what he saw, and on nothing later."""
        consumer, thread = await self.merged(5)
        consumer.transport.accepted = accepted
        thread.log_ends[EVENTS] = 4

        await consumer.look_at_logs()

        assert [fault.fault for fault in consumer.faults] == [FaultKind.EVENTS_LOST]


class TestMetadata:
    """What is committed beside an offset."""

    @played
    async def test_is_the_last_record_before_it_and_where_the_log_began(self) -> None:
        """For whoever is assigned the partition next, with the rules that judged the records."""
        consumer, thread = joined(EVENTS)
        thread.starts[EVENTS] = 3
        await consumer.perform_seek()
        thread.brings(polled(EVENTS, 3, 4))
        await read_and_merge(consumer)

        await consumer.commit()

        assert thread.committed_offsets == {EVENTS: 5}
        assert thread.metadata[EVENTS] == CommitMetadata(
            start=3, last=last_record(4), rules=consumer.transport.rules
        )

    @played
    async def test_is_that_of_the_position_when_the_commit_leaves(self) -> None:
        """The states may move on while earlier commits are on their way."""
        consumer, thread = await member(EVENTS)
        thread.brings(polled(EVENTS, 0))
        await read_and_merge(consumer)
        asked = {EVENTS: consumer._new_offset(EVENTS) or 0}
        thread.brings(polled(EVENTS, 1))
        await read_and_merge(consumer)

        await thread.commit(asked)

        assert thread.committed_offsets == {EVENTS: 2}
        assert thread.metadata[EVENTS].last == last_record(1)

    @played
    async def test_is_kept_until_the_partition_is_caught_up(self) -> None:
        """What another worker has committed holds at its offset."""
        theirs = CommitMetadata(start=0, last=last_record(4), rules="theirs")
        consumer, _ = await member(EVENTS, committed={EVENTS: 5}, metadata={EVENTS: theirs})

        assert noted(consumer) == theirs

    @played
    async def test_goes_with_the_partition(self) -> None:
        """The next worker's is its own."""
        consumer, thread = await member(EVENTS)
        thread.brings(polled(EVENTS, 0))
        await read_and_merge(consumer)

        await consumer.on_partitions_revoked({EVENTS})
        await consumer.on_partitions_assigned(set(), GENERATION + 1)

        assert consumer.to_commit([EVENTS]) == {}


class TestAttempts:
    """The record at which work begins, committed before."""

    EARLIER = Attempt(offset=41, count=2)
    AT_2 = Attempt(offset=2, count=2)

    @staticmethod
    async def at_41(
        *tps: TP, attempt: Attempt | None = None
    ) -> tuple[BatchConsumer, ScriptedThread]:
        """Return a member whose partitions are merged and committed up to offset 41."""
        known = CommitMetadata(
            start=0, last=last_record(40), attempts=(attempt,) if attempt else ()
        )
        consumer, thread = joined(
            *tps, committed=dict.fromkeys(tps, 41), metadata=dict.fromkeys(tps, known)
        )
        for tp in tps:
            keep(consumer, tp, last=last_record(40))
        await consumer.perform_seek()
        thread.brings({tp: [record(tp, 40)] for tp in tps})
        assert await batch(consumer) == []
        thread.committed_offsets.clear()
        return consumer, thread

    @played
    async def test_are_committed_before_the_work_begins(self) -> None:
        """With the offset and what is known there, until the work is done."""
        consumer, thread = await self.at_41(EVENTS)
        assert consumer.needs_attempt(EVENTS)

        assert await consumer.begin(EVENTS, 41) == 0

        assert not consumer.needs_attempt(EVENTS)
        assert thread.committed_offsets == {EVENTS: 41}
        assert thread.metadata[EVENTS].attempts == (Attempt(offset=41, count=1),)
        assert thread.metadata[EVENTS].last == last_record(40)

        keep(consumer, EVENTS, last=last_record(41))
        consumer.done(message(EVENTS, offset=41))
        assert noted(consumer).attempts == ()

    @pytest.mark.parametrize(("offset", "ends"), [(41, 2), (42, 0)])
    @played
    async def test_count_those_that_ended_a_worker_in_a_row(self, offset: int, ends: int) -> None:
        """At the very record."""
        consumer, thread = await self.at_41(EVENTS, attempt=self.EARLIER)

        assert await consumer.begin(EVENTS, offset) == ends

        assert thread.metadata[EVENTS].attempts == (Attempt(offset=offset, count=ends + 1),)

    @played
    async def test_work_does_not_begin_where_the_group_takes_no_note(self) -> None:
        """The partition may be another worker's."""
        consumer, thread = await self.at_41(EVENTS)
        thread.takes_commits = False

        with pytest.raises(AttemptNotCommittedError):
            await consumer.begin(EVENTS, 41)

    @played
    async def test_below_the_committed_offset_are_committed_at_it_until_it_is_reached(self) -> None:
        """No offset goes back; one for all that is read again is enough."""
        consumer, thread = await member(EVENTS, committed={EVENTS: 4})
        thread.brings(polled(EVENTS, 0, 1))
        [handed] = await read(consumer)
        await consumer.begin(EVENTS, 0)
        assert thread.committed_offsets == {EVENTS: 4}
        assert thread.metadata[EVENTS].attempts == (Attempt(offset=0, count=1),)
        merge(consumer, handed)
        assert not consumer.needs_attempt(EVENTS)
        thread.brings(polled(EVENTS, 2, 3))
        await read_and_merge(consumer)

        await consumer.commit()

        assert thread.committed_offsets == {EVENTS: 4}
        assert thread.metadata[EVENTS].attempts == ()

    @pytest.mark.parametrize("killer", [0, 1, 3, 5])
    @played
    async def test_find_a_record_that_is_read_again_and_ends_each_worker(self, killer: int) -> None:
        """Whatever was read before it in the same batch, and by other rules than it was first."""
        committed, metadata = {EVENTS: 6}, CommitMetadata()
        for _ in range(10):
            consumer, thread = await member(
                EVENTS, committed=committed, metadata={EVENTS: metadata}
            )
            for start in range(0, 6, 2):
                thread.brings(polled(EVENTS, start, start + 1))
            ends = await self._replay_until(consumer, killer)
            if ends >= 3:
                return
            metadata = thread.metadata[EVENTS]
        pytest.fail("the record was not found")

    @staticmethod
    async def _replay_until(consumer: BatchConsumer, killer: int) -> int:
        """Process as the engine does; return the attempts at the record that ends the worker."""
        while True:
            for handed in await read(consumer):
                offsets = offsets_of(handed)
                ends = 0
                if consumer.needs_attempt(EVENTS):
                    ends = await consumer.begin(EVENTS, offsets[0])
                singly = [[one] for one in offsets] if ends >= 2 else [offsets]
                for number, part in enumerate(singly):
                    if number:
                        ends = await consumer.begin(EVENTS, part[0])
                    if killer in part:
                        return ends if part == [killer] else 0
                    keep(consumer, EVENTS, last=last_record(part[-1]))
                consumer.done(handed)

    @played
    async def test_at_the_committed_offset_outlast_what_is_read_again_before_it(self) -> None:
        """A worker that a record ends reads everything before that record first."""
        consumer, thread = await member(
            EVENTS, committed={EVENTS: 2}, metadata={EVENTS: CommitMetadata(attempts=(self.AT_2,))}
        )
        thread.brings(polled(EVENTS, 0, 1, 2))
        first, second = await read(consumer)
        await consumer.begin(EVENTS, 0)
        merge(consumer, first)
        assert consumer.is_caught_up(EVENTS)

        assert await consumer.begin(EVENTS, 2) == 2

        assert thread.metadata[EVENTS].attempts == (Attempt(offset=2, count=3),)
        merge(consumer, second)
        assert noted(consumer).attempts == ()

    @pytest.mark.parametrize("before", [None, EARLIER])
    @played
    async def test_that_the_broker_has_ended_do_not_count(self, before: Attempt | None) -> None:
        """What was noted before them is noted again, beside the same offset and the same states."""
        consumer, thread = await self.at_41(EVENTS, OTHERS, attempt=before)
        for tp in (EVENTS, OTHERS):
            await consumer.begin(tp, 41)
        keep(consumer, OTHERS, last=last_record(41))
        consumer.done(message(OTHERS, offset=41))
        thread.committed_offsets.clear()

        await consumer.take_back_attempts()

        # That of the other one was done: its position is committed besides.
        assert thread.committed_offsets == {EVENTS: 41, OTHERS: 42}
        assert thread.metadata[EVENTS].attempts == ((before,) if before else ())

    @played
    async def test_at_another_record_are_not_noted_again(self) -> None:
        """Each record of a batch that is processed singly has attempts of its own."""
        consumer, thread = await self.at_41(EVENTS)
        await consumer.begin(EVENTS, 41)
        await consumer.begin(EVENTS, 42)

        await consumer.take_back_attempts()

        assert thread.metadata[EVENTS].attempts == ()

    @played
    async def test_who_may_have_lost_the_partition_takes_nothing_back(self) -> None:
        """Its offset may be far behind that of the partition's next owner."""
        consumer, thread = await self.at_41(EVENTS)
        await consumer.begin(EVENTS, 41)
        thread.committed_offsets.clear()
        thread.current = GENERATION + 1

        await consumer.take_back_attempts()

        assert thread.committed_offsets == {}

    @played
    async def test_a_broker_that_takes_no_note_holds_nobody_up(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The worker ends all the same: the attempts count, as those of one that was killed."""
        consumer, thread = await self.at_41(EVENTS)
        await consumer.begin(EVENTS, 41)
        monkeypatch.setattr(batch_transport, "TAKE_BACK_SECONDS", 0.01)

        async def never(_: object) -> bool:
            never_set: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
            return await never_set

        monkeypatch.setattr(thread, "commit", never)

        await consumer.take_back_attempts()


class TestCommitting:
    """Which offsets may be committed."""

    @played
    async def test_what_is_merged_is_committed(self) -> None:
        """The position of the states."""
        consumer, thread = await member(EVENTS)
        thread.brings(polled(EVENTS, 0, 1))
        await read_and_merge(consumer)

        assert await consumer.commit()
        assert thread.committed_offsets == {EVENTS: 2}

    @played
    async def test_what_is_passed_on_is_not(self) -> None:
        """Faust acknowledges messages that it skips by itself: they are not done."""
        consumer, thread = await member(EVENTS)
        thread.brings(polled(EVENTS, 0, 1))
        [skipped] = await read(consumer)

        assert consumer.ack(skipped)
        assert not consumer.ack(skipped)
        await consumer.commit()
        assert thread.committed_offsets == {EVENTS: 0}

    @played
    async def test_of_a_batch_that_ended_early_its_first_part_is_committed(self) -> None:
        """Nothing more of the partition is processed until it is assigned again."""
        consumer, thread = await member(EVENTS)
        thread.brings(polled(EVENTS, 0, 1, 2))
        [handed] = await read(consumer)
        keep(consumer, EVENTS, last=last_record(0))
        consumer.done(handed, is_partly=True)

        assert await consumer.commit()
        assert thread.committed_offsets == {EVENTS: 1}
        assert consumer.is_stopped(EVENTS)

        await rebalance(consumer, thread, EVENTS)
        assert consumer.is_stopped(EVENTS)
        await consumer.perform_seek()
        assert not consumer.is_stopped(EVENTS)

    @played
    async def test_of_a_batch_that_is_left_to_a_rebalance_nothing_is_committed(self) -> None:
        """The rebalance does not wait for it, and nothing later of the partition is processed."""
        consumer, thread = await member(EVENTS)
        thread.brings(polled(EVENTS, 0))
        [left] = await read(consumer)

        consumer.release(left)

        assert left.acked
        assert consumer.is_stopped(EVENTS)
        await consumer.commit()
        assert thread.committed_offsets == {EVENTS: 0}

    @played
    async def test_a_message_done_is_waited_for_no_longer(self) -> None:
        """A revocation waits for what is in flight, and for nothing else."""
        consumer, _ = await member(EVENTS)
        reported = message(EVENTS)
        reported.incref()
        consumer.track_message(reported)

        consumer.done(reported)

        assert not consumer.unacked

    @played
    async def test_a_gap_holds_no_commit_back(self) -> None:
        """A batch covers its offsets, whichever the log has."""
        consumer, thread = await member(EVENTS)
        await consumer._add_gap(EVENTS, 3, 30)
        thread.brings(polled(EVENTS, 0))
        await read_and_merge(consumer)

        await consumer.commit()

        assert thread.committed_offsets == {EVENTS: 1}

    @played
    async def test_a_revoked_partition_is_committed_and_not_read(self) -> None:
        """Its positions are those of the next assignment, whatever Faust says of the rebalance."""
        consumer, thread = await member(EVENTS)
        thread.brings(polled(EVENTS, 0))
        await read_and_merge(consumer)
        assert consumer.is_sought(GENERATION)

        await rebalance(consumer, thread, EVENTS)

        assert thread.committed_offsets == {EVENTS: 1}
        assert not consumer.is_sought(GENERATION)
        assert consumer.is_stopped(EVENTS)

    @played
    async def test_partitions_may_be_revoked_while_a_commit_looks(self) -> None:
        """A commit awaits between partitions; it must not trip over one that is gone."""
        consumer, _ = await member(EVENTS, OTHERS)
        looking = iter(consumer._filter_tps_with_pending_acks())
        first = next(looking)
        await consumer.on_partitions_revoked({EVENTS, OTHERS})

        assert {first, *looking} == {EVENTS, OTHERS}


class TestOwnership:
    """Whether another worker may own the partitions."""

    @played
    async def test_is_in_no_doubt_in_its_generation_with_a_fresh_heartbeat(self) -> None:
        """The usual case."""
        consumer, _ = await member(EVENTS)

        assert consumer.ownership_problem(GENERATION) is None

    @pytest.mark.parametrize("current", [GENERATION + 1, -1])
    @played
    async def test_ends_with_the_generation(self, current: int) -> None:
        """The group went on without this worker; -1 is no member at all."""
        consumer, thread = await member(EVENTS)
        thread.current = current

        assert "generation 7" in str(consumer.ownership_problem(GENERATION))

    @pytest.mark.parametrize(("share", "lost"), [(HEARTBEAT_AGE_SHARE - 0.1, False), (0.85, True)])
    @played
    async def test_ends_before_the_session_does(self, share: float, lost: bool) -> None:  # noqa: FBT001
        """A member that the broker has not answered for long may have slept."""
        consumer, thread = await member(EVENTS)
        thread.heartbeat_at = monotonic() - share * consumer.app.conf.broker_session_timeout

        assert ("heartbeat" in str(consumer.ownership_problem(GENERATION))) is lost


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
        self._records: dict[TopicPartition, object] = {}

    def _set_error(self, tp: TopicPartition, error: object) -> None:
        assert tp not in self._records, "aiokafka ends reading here"
        self._records[tp] = error

    def _update(self) -> None:
        self.updates += 1

    async def _proc_offset_request(self, *_: object) -> None:
        self.levels.append(self._isolation_level)
        raise self.error

    async def end_offsets(self, *_: object) -> None:
        """Ask a broker."""
        await self._proc_offset_request(1, {})


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

    @played
    async def test_remembers_an_answered_heartbeat_by_its_sending(self) -> None:
        """The broker's clock started when it got it, which may be long before the answer."""
        thread, coordinator = await self.thread()
        seen: list[float] = []
        coordinator.on_beat = lambda: seen.append(monotonic())
        before = monotonic()

        assert await coordinator._do_heartbeat()

        assert before <= thread.heartbeat_at <= seen[0]

    @played
    async def test_an_unanswered_heartbeat_proves_nothing(self) -> None:
        """The age counts from the last answer."""
        thread, coordinator = await self.thread()
        coordinator.answers = False

        assert not await coordinator._do_heartbeat()

        assert thread.heartbeat_at == 0.0

    @played
    async def test_an_assignment_is_an_answer_to_what_was_sent_before(self) -> None:
        """A first batch may come before a first heartbeat, and long after the broker's answer."""
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

    @pytest.mark.parametrize(
        ("result", "step"),
        [
            (0, "JoinGroup: NO_ERROR"),
            (14, "JoinGroup: COORDINATOR_LOAD_IN_PROGRESS"),
            (RequestTimedOutError(), "JoinGroup: RequestTimedOutError"),
        ],
    )
    @played
    async def test_remembers_what_came_of_a_request_to_join(
        self, result: int | Exception, step: str
    ) -> None:
        """Aiokafka tries again for ever, and logs most of the answers nowhere."""
        thread, coordinator = await self.thread()
        coordinator.result = result
        assert thread.join_step == ""

        with suppress(KafkaError):
            await coordinator._send_req(
                JoinGroupRequest("group", 6000, 60000, "", "", "consumer", [])
            )

        assert thread.join_step == step

    @played
    async def test_remembers_a_request_to_join_that_is_not_answered(self) -> None:
        """As long as others have not joined."""
        thread, coordinator = await self.thread()
        seen: list[str] = []
        coordinator.on_send = lambda: seen.append(thread.join_step)

        await coordinator._send_req(SyncGroupRequest("group", 3, "member", None, []))

        assert seen == ["SyncGroup not answered"]

    @pytest.mark.parametrize(
        ("asked_in", "sent_in", "is_sent"),
        [(3, 3, True), (3, 4, False), (3, -1, False), (-1, -1, False)],
    )
    @played
    async def test_a_commit_is_of_the_generation_in_which_it_was_asked_for(
        self, asked_in: int, sent_in: int, *, is_sent: bool
    ) -> None:
        """A group without members would take one of a member that it has forgotten."""
        _, coordinator = await self.thread()
        batch_transport._commit_generation.set(asked_in)
        request = OffsetCommitRequest("group", sent_in, "member", -1, [])

        with nullcontext() if is_sent else pytest.raises(IllegalGenerationError):
            await coordinator._send_req(request)

        assert coordinator.sent == ([request] if is_sent else [])

    @pytest.mark.parametrize(
        ("error", "updates"),
        [(NotLeaderForPartitionError(), 1), (GroupAuthorizationFailedError(), 0)],
    )
    @played
    async def test_a_broker_that_does_not_lead_makes_the_client_look_for_the_one_that_does(
        self, error: Exception, updates: int
    ) -> None:
        """Aiokafka would ask it again until its metadata is too old, after five minutes."""
        await self.thread()
        self.fetcher.error = error

        with pytest.raises(type(error)):
            await self.fetcher._proc_offset_request(1, {})

        assert self.fetcher.updates == updates

    @played
    async def test_a_second_error_of_a_partition_replaces_the_first(self) -> None:
        """Aiokafka asserts that there is none, and would read nothing any more."""
        await self.thread()
        tp = TopicPartition("raw", 0)
        for error in ("one", "other"):
            self.fetcher._set_error(tp, error)

        assert self.fetcher._records == {tp: "other"}

    @played
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
        made = thread._create_consumer(asyncio.get_running_loop())
        made._coordinator = SimpleNamespace(generation=3)
        thread._consumer = made
        asked = {TopicPartition(*EVENTS): OffsetAndMetadata(41, "")}
        try:
            commits = [asyncio.create_task(made.commit(asked)) for _ in range(2)]
            await turns()
            keep(consumer, EVENTS, last=last_record(41))
            assert len(sent) == 1
            answered.set()
            await asyncio.gather(*commits)
        finally:
            made._closed = True  # Never started: nothing to close.

        found = [one for offsets in sent for one in offsets.values()]
        assert [one.offset for one in found] == [41, 42]
        lasts = [decode_commit_metadata(one.metadata).last for one in found]
        assert lasts == [last_record(40), last_record(41)]

    @played
    async def test_reads_committed_offsets_with_their_metadata(self) -> None:
        """In one request; a partition without one is left out."""
        thread, coordinator = await self.thread()
        asked: list[object] = []

        async def fetch(tps: object) -> Mapping[TopicPartition, OffsetAndMetadata]:
            asked.append(tps)
            text = '{"version":2,"start":3}'
            return {TopicPartition(*EVENTS): OffsetAndMetadata(41, text)}

        async def call_thread(fun: Any, *given: Any) -> Any:  # noqa: ANN401
            return await fun(*given)

        coordinator.fetch_committed_offsets = fetch  # type: ignore[attr-defined]
        thread.call_thread = call_thread  # type: ignore[method-assign]

        found = await thread.committed([EVENTS, OTHERS])

        assert asked == [[TopicPartition(*EVENTS), TopicPartition(*OTHERS)]]
        assert found == {EVENTS: (41, CommitMetadata(start=3))}

    @played
    async def test_the_end_of_a_log_is_behind_open_transactions(self) -> None:
        """What was read may be behind one; all else is read as committed."""
        thread, _ = await self.thread()
        cast("Any", thread)._consumer._request_timeout_ms = 1000

        for asking in (thread._highwaters([]), self.fetcher.end_offsets()):
            with pytest.raises(NotLeaderForPartitionError):
                await asking

        assert self.fetcher.levels == [READ_UNCOMMITTED, READ_COMMITTED]

    @played
    async def test_asks_for_the_error_that_aiokafka_parks(self) -> None:
        """In the consumer's thread, for the coordinator is not safe elsewhere."""
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

    @played
    async def test_a_noted_poll_keeps_the_member_in_its_group(self) -> None:
        """The client counts the time since the last one, whatever it brought."""
        thread = consumer_of(build_app())._thread
        made = thread._create_consumer(asyncio.get_running_loop())
        thread._consumer = made
        try:
            made._subscription._last_fetch_ended -= 1000.0
            thread.note_poll()

            assert made._subscription.fetcher_idle_time < 1000.0
        finally:
            made._closed = True  # Never started: nothing to close.

    @played
    async def test_a_fetch_waits_a_tenth_of_a_second_at_most(self) -> None:
        """Where a broker does not wake a waiting fetch, that is what a record waits.

        It asks for what is committed alone.
        """
        thread = consumer_of(build_app())._thread
        made = thread._create_consumer(asyncio.get_running_loop())
        try:
            assert made._fetch_max_wait_ms == FETCH_MAX_WAIT_MS == 100
            assert made._isolation_level == "read_committed"
        finally:
            made._closed = True  # Never started: nothing to close.


class TestLag:
    """Records waiting."""

    @played
    async def test_is_the_end_less_what_is_merged(self) -> None:
        """Or less what is committed, while that is read again; an unknown end is left out."""
        unknown = topic(Family.DATASETS)
        consumer, thread = await member(EVENTS, OTHERS, unknown, committed={OTHERS: 12})
        thread.ends = {EVENTS: 100, OTHERS: 30}
        thread.brings(polled(EVENTS, *range(42)) | polled(OTHERS, 0))
        await read_and_merge(consumer)

        assert consumer.lag() == {EVENTS: 58, OTHERS: 18}

    @played
    async def test_counts_what_is_read_and_not_merged(self) -> None:
        """A batch in flight is waited for, wherever the reading has got to."""
        consumer, thread = await member(EVENTS)
        thread.ends, thread.positions = {EVENTS: 3}, {EVENTS: 3}
        thread.brings(polled(EVENTS, 0, 1))
        thread.brings(polled(EVENTS, 2))

        await read_and_merge(consumer)
        await batch(consumer)

        assert consumer.lag() == {EVENTS: 1}

    @played
    async def test_reports_what_is_behind_an_open_transaction(self) -> None:
        """It is part of the lag, and cannot be processed yet."""
        consumer, thread = await member(EVENTS, OTHERS)
        thread.ends, thread.stable_ends = {EVENTS: 50, OTHERS: 9}, {EVENTS: 42, OTHERS: 9}
        keep(consumer, EVENTS, last=last_record(39))

        assert consumer.lag() == {EVENTS: 10, OTHERS: 9}
        assert consumer.in_transactions() == {EVENTS: 8}


class TestControlRecords:
    """What is read of a partition and holds no record: markers, and aborted records."""

    @played
    async def test_they_move_the_position_on(self) -> None:
        """Whoever waits for the group's offsets would otherwise wait for a marker."""
        consumer, thread = await member(EVENTS)
        thread.ends = {EVENTS: 4}
        thread.brings(polled(EVENTS, 0, 1))
        await read_and_merge(consumer)
        thread.positions = {EVENTS: 4}

        await batch(consumer)

        assert position_of(consumer, EVENTS) == Position(4, last_record(1), 0)
        assert consumer.lag() == {EVENTS: 0}
        await consumer.commit()
        assert thread.committed_offsets == {EVENTS: 4}
        assert thread.metadata[EVENTS].last == last_record(1)

    @played
    async def test_they_bring_a_partition_up_to_its_committed_offset(self) -> None:
        """Which may be behind a marker."""
        consumer, thread = await member(EVENTS, committed={EVENTS: 4})
        thread.brings(polled(EVENTS, 0, 1))
        await read_and_merge(consumer)
        assert not consumer.is_caught_up(EVENTS)
        thread.positions = {EVENTS: 4}

        await batch(consumer)

        assert consumer.is_caught_up(EVENTS)

    @played
    async def test_they_are_not_skipped_before_what_was_passed_on_is_merged(self) -> None:
        """The position would be beyond records that are in no state."""
        consumer, thread = await member(EVENTS)
        thread.brings(polled(EVENTS, 0, 1))
        await read(consumer)
        thread.positions = {EVENTS: 4}

        await batch(consumer)

        assert position_of(consumer, EVENTS) == Position(0, None, 0)

    @played
    async def test_they_are_not_skipped_before_the_last_record_is_compared(self) -> None:
        """The client's position is beyond it: nothing has been found there yet."""
        consumer, thread = await member(EVENTS)
        thread.brings(polled(EVENTS, 0))
        await read_and_merge(consumer)
        await consumer.look_at_logs()
        thread.positions = {EVENTS: 3}

        await batch(consumer)

        assert position_of(consumer, EVENTS) == Position(1, last_record(0), 0)

    @played
    async def test_records_of_a_poll_that_outlived_a_rebalance_are_not_skipped(self) -> None:
        """The client's position is beyond records that were dropped."""
        consumer, thread = await member(EVENTS)
        thread.positions = {EVENTS: 2}

        def begin() -> None:
            consumer.app.consumer_generation_id = GENERATION + 1

        thread.brings({}, meanwhile=begin)
        await batch(consumer)

        assert position_of(consumer, EVENTS) == Position(0, None, 0)


class TestWritingRecords:
    """Dead letters and forwards."""

    OUTGOING = (
        OutgoingRecord("letters", None, b"k", b"v", [("h", b"1")]),
        OutgoingRecord("events", 2, b"k", None, ()),
    )

    @played
    async def test_it_is_done_once_the_broker_has_them_all(self) -> None:
        """Keys, values and headers as they are, to the partition that is named, if one is."""
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

    @played
    async def test_a_refusal_is_an_error(self) -> None:
        """Else a refused record would be lost and its offset committed."""
        producer, broker = producing()
        writing = asyncio.create_task(producer.write_all(self.OUTGOING))
        await turns()
        broker.answers[0].set_exception(TimeoutError("no answer"))

        with pytest.raises(ProduceFailedError, match="no answer"):
            await writing


class TestDurability:
    """What the broker is asked for."""

    @played
    async def test_every_replica_in_sync_acknowledges(self) -> None:
        """And a retry of the client's own is not written twice."""
        producer = cast("BatchProducer", build_app().producer)

        asked = {**producer._settings_default(), **producer._settings_extra()}

        assert asked["acks"] == "all"
        assert asked["enable_idempotence"] is True
        assert asked["linger_ms"] == 0


@played
async def test_a_batch_message_is_decoded_to_nothing_else() -> None:
    """The agent gets the raw records: what is wrong with one is the engine's to judge."""
    app = build_app()
    reported = message(EVENTS, polled(EVENTS, 1, 2)[EVENTS])
    channel = next(iter(app.agents.values())).channel

    event = await channel.schema.compile(app)(reported)

    assert event.value is reported.value
