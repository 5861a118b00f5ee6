"""What a partition decides of cuts, attempts, snapshots and losses, case by case."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, cast

import pytest
from faust.types import TP

from events.fact import Family
from events.topics import topic_name
from streams import partition_snapshots
from streams.assigned_partition import AssignedPartition, Batch
from streams.commit_metadata import NO_METADATA, Attempt, CommitMetadata, Committed
from streams.partition_snapshots import PartitionSnapshots
from streams.state_store import Position, StateStore
from streams.topic_faults import FaultKind
from tests.support.group_member import PolledRecord, last_record, loss_of, record
from tests.support.stored_states import a_store, snapshots_in, terms

TP_OF_LOG: Final = TP(topic_name(Family.SCHOOLS), 0)
KEY: Final = Family.SCHOOLS, 0
RULES: Final = "rules"
EARLIER: Final = Attempt(offset=41, count=2)
LATER: Final = Attempt(offset=42, count=2)


def assigned(
    committed: int = 0, known: CommitMetadata = NO_METADATA, **given: Any
) -> AssignedPartition:
    given.setdefault("store", StateStore(terms()))
    group = Committed(committed, known)
    return AssignedPartition(TP_OF_LOG, group, rules=RULES, **given)


def looked_at(
    committed: int = 0, known: CommitMetadata = NO_METADATA, **given: Any
) -> AssignedPartition:
    partition = assigned(committed, known, **given)
    assert look(partition) == 0
    return partition


def look(partition: AssignedPartition, *, start: int = 0) -> int | None:
    return partition.look(start, 1000, partition.read_up_to, ())


def take(partition: AssignedPartition, *records: PolledRecord) -> Sequence[Batch] | int:
    found = partition.take(records, ())
    for batch in found if not isinstance(found, int) else ():
        partition.pass_on(batch)
    return found


def records(*offsets: int, key: bytes = b"key") -> list[PolledRecord]:
    return [record(TP_OF_LOG, offset, key=key) for offset in offsets]


def move(partition: AssignedPartition, upto: int) -> None:
    position = partition.position
    assert position is not None
    partition._store.move(*KEY, Position(upto + 1, last_record(upto), position.start))


def merge(partition: AssignedPartition, upto: int) -> None:
    move(partition, upto)
    partition.note_merged()


def begin(partition: AssignedPartition, offset: int) -> int:
    """Commit an attempt at a record; return how many attempts ended a worker."""
    ends = partition.crashes_at(offset)
    partition.begin_attempt(offset)
    partition.last_commit = partition.to_commit()
    return ends


class TestBatches:
    @pytest.mark.parametrize(
        ("known", "processed"),
        [
            (CommitMetadata(rules=RULES), [([0, 1, 2, 3], 0, False)]),
            # A record that the new rules alone refuse would vanish without a dead letter.
            (CommitMetadata(rules="other"), [([0, 1, 2, 3], 0, True)]),
            # Workers before 1.0 noted no rules: their dead letters are there.
            (NO_METADATA, [([0, 1, 2, 3], 0, False)]),
            # What was read before the record is merged at once, and the record begins a batch.
            (
                CommitMetadata(attempts=(Attempt(offset=2, count=1),)),
                [([0, 1], 0, False), ([2, 3], 2, False)],
            ),
        ],
        ids=["same rules", "other rules", "no rules", "attempt"],
    )
    def test_processed_records_are_apart_from_new_ones(
        self, known: CommitMetadata, processed: list[tuple[list[int], int, bool]]
    ) -> None:
        found = take(looked_at(4, known), *records(*range(6)))

        assert not isinstance(found, int)
        assert [
            ([one.offset for one in batch.records], batch.start, batch.is_new, batch.writes)
            for batch in found
        ] == [
            *((offsets, start, False, writes) for offsets, start, writes in processed),
            ([4, 5], 4, True, True),
        ]

    def test_the_rules_that_have_judged_all_are_committed(self) -> None:
        """From the committed offset on: before, another worker's rules are kept."""
        theirs = CommitMetadata(start=0, last=last_record(1), rules="theirs")
        partition = looked_at(2, theirs)
        take(partition, *records(0, 1))
        merge(partition, 0)
        assert partition.to_commit() == Committed(2, theirs)

        merge(partition, 1)

        ours = theirs.model_copy(update={"rules": RULES})
        assert partition.to_commit() == Committed(2, ours)

    @pytest.mark.parametrize("merged", [1, 2])
    def test_what_precedes_markers_before_the_committed_offset_is_compared(
        self, merged: int
    ) -> None:
        partition = looked_at(5, CommitMetadata(last=last_record(2, key=b"other")))
        take(partition, *records(*range(merged + 1)))
        merge(partition, merged)
        while partition.fault is None:
            take(partition, *records(5, 6))

        assert partition.fault.fault is FaultKind.LOG_DIVERGED
        assert partition.fault.problem.startswith("has another record at offset 2")


class TestLosses:
    @staticmethod
    def fault_of(partition: AssignedPartition) -> FaultKind | None:
        return partition.fault and partition.fault.fault

    @pytest.mark.parametrize(
        ("committed", "known", "is_merged", "is_committed"),
        [
            (0, NO_METADATA, True, True),
            (5, NO_METADATA, False, True),
            (5, CommitMetadata(last=last_record(4)), True, True),
            # The commit would say that the log is the one that was read.
            (5, CommitMetadata(last=last_record(4)), False, False),
        ],
    )
    def test_a_log_that_ends_before_what_was_read_or_committed(
        self, committed: int, known: CommitMetadata, *, is_merged: bool, is_committed: bool
    ) -> None:
        """What was merged is committed all the same: an operator accepts the loss of that."""
        partition = looked_at(committed, known)
        if is_merged:
            take(partition, *records(*range(5)))
            merge(partition, 4)

        partition.look(0, 4, partition.read_up_to, ())

        assert self.fault_of(partition) is FaultKind.EVENTS_LOST
        assert "ends at offset 4, and was read up to 5" in str(partition.fault)
        assert (partition.is_shown, partition.is_committed) == (False, is_committed)
        assert partition.to_commit().offset == 5

    @pytest.mark.parametrize("there", [records(4, key=b"other"), records(5)])
    def test_a_log_without_the_last_record_was_replaced(self, there: list[PolledRecord]) -> None:
        """A gap is fetched again twice: a poll may be under way when the record is sought."""
        partition = looked_at()
        take(partition, *records(*range(5)))
        merge(partition, 4)
        assert look(partition) == 4

        found = [take(partition, *there) for _ in range(3 if there == records(5) else 1)]

        assert found == [*[4] * (len(found) - 1), ()]
        assert self.fault_of(partition) is FaultKind.LOG_DIVERGED

    def test_after_an_accepted_start_what_was_merged_since_the_assignment_is_not_new(self) -> None:
        partition = looked_at()
        take(partition, *records(*range(5)))
        merge(partition, 4)
        accepted = [loss_of(TP_OF_LOG, log_start=2)]

        assert partition.look(2, 1000, partition.read_up_to, accepted) == 2

        assert not partition.is_shown
        found = take(partition, *records(2, 3, 4, 5))
        assert not isinstance(found, int)
        assert [(one.start, one.is_new) for one in found] == [(2, False), (5, True)]

    def test_a_log_that_is_whole_again_is_compared_before_it_is_shown(self) -> None:
        """A replica that was behind may have answered; or it is another log, of the same length."""
        partition = looked_at()
        take(partition, *records(*range(5)))
        merge(partition, 4)
        partition.look(0, 4, partition.read_up_to, ())

        assert partition.look(0, 5, partition.read_up_to, ()) == 4

        seen = [(self.fault_of(partition), partition.is_shown)]
        take(partition, *records(4, 5))
        seen.append((self.fault_of(partition), partition.is_shown))
        assert seen == [(None, False), (None, True)]

    def test_records_in_place_of_markers_are_new(self) -> None:
        """The log has lost what was aborted, and no event: there is nothing to accept."""
        partition = looked_at()
        take(partition, *records(*range(5)))
        merge(partition, 4)
        partition.skip_to(8, ())
        assert partition.next == 8
        partition.look(0, 7, partition.read_up_to, ())

        assert take(partition, *records(4, 5, 6)) == 5

        assert partition.position == Position(5, last_record(4), 0)
        [batch] = cast("Sequence[Batch]", take(partition, *records(5, 6)))
        assert (batch.start, batch.is_new) == (5, True)


class TestAttempts:
    @pytest.mark.parametrize(("offset", "ends"), [(41, 2), (42, 0)])
    def test_count_those_that_ended_a_worker_in_a_row(self, offset: int, ends: int) -> None:
        partition = assigned(41, CommitMetadata(attempts=(EARLIER,)))

        assert begin(partition, offset) == ends

        attempts = partition.to_commit().metadata.attempts
        assert attempts == (Attempt(offset=offset, count=ends + 1),)

    @pytest.mark.parametrize("killer", [0, 1, 3, 5])
    def test_find_a_record_that_is_read_again_and_ends_each_worker(self, killer: int) -> None:
        known = NO_METADATA
        for _ in range(10):
            partition = looked_at(6, known)
            if _replay_until(partition, killer) >= 3:
                return
            known = partition.last_commit.metadata
        pytest.fail("the record was not found")

    def test_below_the_committed_offset_need_one_for_all(self) -> None:
        """No offset goes back; once it is reached, nothing has ended the worker."""
        partition = looked_at(4)
        take(partition, *records(0, 1, 2, 3))
        needs = [partition.needs_attempt]
        begin(partition, 0)
        attempt = Attempt(offset=0, count=1)
        assert partition.last_commit == Committed(4, CommitMetadata(attempts=(attempt,)))
        for upto in (1, 3):
            merge(partition, upto)
            needs.append(partition.needs_attempt)

        assert needs == [True, False, True]
        assert partition.to_commit().offset == 4
        assert partition.to_commit().metadata.attempts == ()

    @pytest.mark.parametrize(
        ("known", "begun", "left"),
        [
            ((), [41], ()),
            ((EARLIER,), [41], (EARLIER,)),
            # Each record of a batch that is processed singly has attempts of its own.
            ((EARLIER,), [41, 42], ()),
            ((LATER,), [41, 42], (LATER,)),
        ],
    )
    def test_that_have_not_ended_the_worker_are_taken_back(
        self, known: tuple[Attempt, ...], begun: list[int], left: tuple[Attempt, ...]
    ) -> None:
        partition = assigned(41, CommitMetadata(attempts=known))
        for offset in begun:
            begin(partition, offset)

        assert partition.withdraw_attempt()

        assert partition.to_commit().metadata.attempts == left


def _replay_until(partition: AssignedPartition, killer: int) -> int:
    """Process as the engine does; return the attempts at the record that ends the worker."""
    for start in range(0, 6, 2):
        found = take(partition, *records(start, start + 1))
        assert not isinstance(found, int)
        for batch in found:
            offsets = [one.offset for one in batch.records]
            ends = begin(partition, offsets[0]) if partition.needs_attempt else 0
            singly = [[one] for one in offsets] if ends >= 2 else [offsets]
            for number, part in enumerate(singly):
                if number:
                    ends = begin(partition, part[0])
                if killer in part:
                    return ends if part == [killer] else 0
                move(partition, part[-1])
            partition.note_merged()
    raise AssertionError("the record was not reached")


class TestSnapshots:
    LAST = last_record(9)

    def restored(
        self,
        folder: Path,
        *,
        start: int = 0,
        committed: int = 20,
        known: CommitMetadata = NO_METADATA,
        before: AssignedPartition | None = None,
    ) -> tuple[AssignedPartition, int | None]:
        """Return a partition that is restored and looked at, and the offset that is sought."""
        own = before._store if before else StateStore(terms())
        partition = assigned(
            committed, known, store=own, snapshots=snapshots_in(folder, own), before=before
        )
        if before is None:
            store = a_store(position=Position(10, self.LAST, 0))
            self.write(snapshots_in(folder, store))
        asyncio.run(partition.restore())
        return partition, look(partition, start=start)

    @staticmethod
    def write(snapshots: PartitionSnapshots) -> None:
        taken = snapshots.take(KEY, is_end=True)
        assert taken is not None
        asyncio.run(snapshots.write(KEY, taken))

    @staticmethod
    def entities(partition: AssignedPartition) -> int:
        """Return how many entities the states have: a snapshot's one, or none."""
        return sum(partition._store.entities().values())

    def test_are_read_from_the_last_record_on(self, tmp_path: Path) -> None:
        known = CommitMetadata(last=last_record(19))
        partition, sought = self.restored(tmp_path, known=known)
        assert sought == 9

        found = take(partition, *records(*range(9, 22)))

        assert not isinstance(found, int)
        assert [(one.start, one.is_new) for one in found] == [(10, False), (20, True)]
        merge(partition, 19)
        assert partition.is_shown
        assert self.entities(partition) == 1

    @pytest.mark.parametrize("there", [records(9, key=b"other"), records(10)])
    @pytest.mark.parametrize("is_rebalanced", [False, True])
    def test_another_last_record_is_no_fault_of_the_log(
        self, tmp_path: Path, there: list[PolledRecord], *, is_rebalanced: bool
    ) -> None:
        partition, _ = self.restored(tmp_path)
        if is_rebalanced:
            partition, sought = self.restored(tmp_path, before=partition)
            assert sought == 9

        found: object = None
        while self.entities(partition):  # A gap is fetched again twice.
            found = take(partition, *there)

        assert (partition.fault, found) == (None, 0)
        take(partition, *records(*range(20)))
        merge(partition, 19)
        assert partition.is_shown

    def test_markers_in_place_of_the_last_record(self, tmp_path: Path) -> None:
        """No poll ever returns it: the next look reads the log from its start."""
        partition, _ = self.restored(tmp_path)

        assert partition.skip_to(10, ()) is None

        assert self.entities(partition) == 0
        assert look(partition) == 0

    @pytest.mark.parametrize("start", [1, 9, 15])
    def test_a_log_that_begins_elsewhere_is_read_from_there(
        self, tmp_path: Path, start: int
    ) -> None:
        partition, sought = self.restored(tmp_path, start=start)

        assert self.entities(partition) == 0
        assert partition.position == Position(start, None, start)
        assert sought == start

    def test_are_written_of_a_committed_position(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(partition_snapshots, "SECONDS", 0.0)
        partition, _ = self.restored(tmp_path, committed=10)
        written = []

        def keep(*, is_end: bool = False) -> None:
            asyncio.run(partition.keep_snapshot(is_end=is_end))
            header = (tmp_path / "schools-0.snapshot").read_bytes()[32:].partition(b"\n")[0]
            written.append(json.loads(header)["position"][0])

        def merge_to(end: int) -> None:
            take(partition, *records(*range(9, end)))
            merge(partition, end - 1)

        keep()
        merge_to(12)
        keep()
        merge_to(14)
        partition.last_commit = partition.to_commit()
        keep()
        keep()
        partition.begin_attempt(14)
        keep(is_end=True)
        merge_to(15)
        keep(is_end=True)
        merge_to(16)
        partition.look(0, 5, partition.read_up_to, ())
        keep(is_end=True)

        assert written == [10, 10, 12, 14, 14, 15, 15]
