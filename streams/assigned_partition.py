"""An assigned partition of events: how far it has been read, and what its log has lost.

The log is the state. A partition is read from the position of its states in the state store, or
from the start of the log if it has none. Records before the committed offset only change states:
their dead letters and forwards are already written. A partition is caught up once its position
reaches the committed offset.

The decisions here need no broker: `streams.batch_transport` reads, seeks and commits.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

from faust.types import TP

from broker.offset_gaps import LeaderEpoch
from events.last_record import LastRecord
from events.records import Record
from events.topics import FAMILIES
from streams.commit_metadata import MOST_ATTEMPTS, Attempt, CommitMetadata, Committed
from streams.decisions import AcceptedLoss
from streams.partition_snapshots import PartitionSnapshots, StatesTaken
from streams.state_store import Position, StateStore
from streams.topic_faults import FaultKind, TopicFault, records_deleted


class Batch(NamedTuple):
    """Records of one partition that are processed together."""

    records: Sequence[Record]
    start: int
    """The position of the states before the records are merged."""
    is_new: bool = True
    """False for records before the committed offset, which are already processed."""
    writes: bool = True
    """Whether dead letters and forwards are written. Also true for processed records if the rules
    have changed since."""
    drops: int = 0
    """How often the partition's states had been dropped when the records were polled."""


class AssignedPartition:
    """A partition from one assignment to the next.

    `look` and `take` return the offset to seek to: when in doubt, the partition is read again from
    its position.
    """

    def __init__(
        self,
        tp: TP,
        committed: Committed,
        *,
        store: StateStore,
        rules: str,
        snapshots: PartitionSnapshots | None = None,
        before: AssignedPartition | None = None,
    ) -> None:
        """Begin an assignment; `before` is the previous one if the worker kept the partition."""
        self.tp = tp
        self._store = store
        self._key = FAMILIES[tp.topic], tp.partition
        self._rules = rules
        self._floor, self._metadata = committed
        self.committed = _after_last(committed)
        """The first offset with a new record: between it and the group's there are only markers."""
        #: The position at which the partition counts as caught up.
        self._goal = self.committed
        self.last_commit = committed
        """The group's last commit for the partition."""
        self.is_caught_up: bool = before is not None and before.is_caught_up
        self.is_known: bool = before is not None and before.is_known
        """Whether the log up to the committed offset was verified to be the one that was read."""
        if self.is_caught_up and (position := self.position) is not None:
            # The first commit of the previous assignment may not have reached the group.
            self._note_log(position)
        self._snapshots = snapshots
        #: A snapshot that is written once its position is committed.
        self._taken: StatesTaken | None = None
        self.is_restored: bool = before is not None and before.is_restored
        """Whether the states come from a snapshot whose last record is not yet found in the log."""
        self.fault: TopicFault | None = None
        """What the log has lost; while set, the partition is not read."""
        self.is_revoked = False
        self.seek: object | None = None
        """The seek in progress, or one that failed: records fetched meanwhile precede the seek."""
        self.ended_early = False
        """Whether a batch was left or cut short: no other is processed before reassignment."""
        #: The next offset to pass on, and the record before it; None before the first seek.
        self._next: int | None = None
        self._last: LastRecord | None = None
        #: Whether the log still has that record at its offset.
        self._is_last_found = False
        #: A gap (expected, polled), and how often the consumer has sought back to it.
        self._sought_gap: tuple[int, int, int] | None = None
        #: Fetched offsets without a record, as half-open ranges.
        self._gaps: set[tuple[int, int]] = set()
        #: The first gap found; a fault if a second fetch finds it again.
        self._missing: tuple[int, int] | None = None
        #: The fetches since the last poll, and the leader epoch of the data before them.
        self._fetches: list[LeaderEpoch] = []
        self._epoch: int | None = None
        #: Whether a record that is read again has ended a worker before.
        self._is_careful = any(one.offset < self.committed for one in self._metadata.attempts)
        #: The attempts noted before the last one; None if none was made since the assignment.
        self._attempts_before: Sequence[Attempt] | None = None

    # -- the position

    @property
    def position(self) -> Position | None:
        """How far the partition is merged; None before the first merge."""
        return self._store.position(*self._key)

    @property
    def next(self) -> int:
        """The next offset to merge."""
        return 0 if (position := self.position) is None else position.next

    @property
    def remaining(self) -> int:
        """The number of offsets until the partition is caught up."""
        return max(self._goal - self.next, 0)

    @property
    def processed(self) -> int:
        """The offset before which all records are processed."""
        return max(self.next, self._floor)

    @property
    def read_up_to(self) -> int:
        """The offset after the last record merged or processed: the log must reach it."""
        position = self.position
        merged = 0 if position is None or position.last is None else position.last.offset + 1
        return max(merged, self.committed)

    @property
    def is_committed(self) -> bool:
        """Whether the merged position is committed.

        True even if the log has lost merged records: operators accept the loss of committed ones.
        False until the log is known to be the one that was read: a commit asserts that.
        """
        if self.fault is None:
            return self.is_caught_up
        return self.is_known or self._metadata.last is None

    @property
    def is_shown(self) -> bool:
        """Whether the states have all records before the committed offset, and the log is whole."""
        return self.is_caught_up and self.fault is None

    def drop(self) -> None:
        """Drop the states: the partition is read again from its start."""
        if self.is_restored and self._snapshots is not None:
            self._snapshots.discard(self._key, "its last record was not found in the log")
        self.is_restored, self._taken = False, None
        self._store.drop(*self._key)
        self.is_caught_up = self.is_known = False

    def read_again(self) -> None:
        """Drop the states and any snapshot: records in the middle of the log may be gone."""
        if self._snapshots is not None:
            self._snapshots.remove(self._key)
        if (position := self.position) is not None:
            self._begin_at(position.start)
        self._next = None

    def revoke(self) -> None:
        """Stop reading the partition; keep states and position, since it may be reassigned here."""
        self.is_revoked = True
        if self.fault is not None:  # The next look finds it again.
            self.fault, self.is_caught_up = None, False

    # -- snapshots

    async def restore(self) -> None:
        """Take over the states of a snapshot if nothing is merged yet."""
        position = self.position
        if self._snapshots is None or (position is not None and position.last is not None):
            return
        states = await self._snapshots.load(self._key, self._floor, self._metadata.last)
        if states is not None and not self.is_revoked and self.position is position:
            self._store.adopt(*self._key, states)
            self.is_restored = True

    async def keep_snapshot(self, *, is_end: bool) -> None:
        """Write a snapshot if one is due; its states are complete and their position committed.

        At the end of the worker it need not be committed yet: the worker commits once more.
        """
        if self._snapshots is None or not self.is_shown or self._metadata.attempts:
            return
        if self._taken is None or is_end:
            self._taken = self._snapshots.take(self._key, is_end=is_end)
        taken = self._taken
        if taken is not None and (is_end or taken.position.next <= self.last_commit.offset):
            self._taken = None
            await self._snapshots.write(self._key, taken)

    # -- what the log has lost

    def look(
        self, start: int, end: int | None, read: int, accepted: Sequence[AcceptedLoss]
    ) -> int | None:
        """Check a log with this first and next offset, and return the offset to seek to.

        `read` is the offset up to which the log was read before the check. An `end` of None is
        unknown. Returns None if the log has a fault, or while batches are in progress.
        """
        before = self.fault
        self.fault = self._loss_of(before, start, end, read, accepted)
        if self.fault is not None:
            return None
        if end is not None:
            self._goal = min(self._goal, end)  # The end of the log when a loss was accepted.
        position = self.position
        is_other = self.is_restored and position is not None and position.start != start
        if position is None or position.start < start or is_other:
            # Records were erased: the remaining ones are read from the start.
            position = self._begin_at(start)
        elif self._next not in (None, position.next) and before is None:
            return None
        elif position.next < self._goal or before is not None:
            self.is_caught_up = False
        self._sought_gap = None
        self._next, self._last = position.next, position.last
        self._is_last_found = position.last is None
        self.catch_up()
        return start if position.last is None else position.last.offset

    def _begin_at(self, start: int) -> Position:
        """Drop the states, and set the position to the start of the log."""
        merged = self.position
        if merged is not None and merged.last is not None and not self.is_restored:
            self._note_processed(merged, merged.last, start)
        self.drop()
        position = Position(start, None, start)
        self._store.move(*self._key, position)
        return position

    def _note_processed(self, merged: Position, last: LastRecord, start: int) -> None:
        """Count the records merged since the assignment as processed, as if committed."""
        if last.offset >= self.committed:
            self.committed = last.offset + 1
            self._floor = max(self._floor, merged.next)
            self._goal = max(self._goal, self.committed)
            left = last if last.offset >= start else None
            self._metadata = self._metadata.model_copy(update={"last": left})

    def _loss_of(
        self,
        before: TopicFault | None,
        start: int,
        end: int | None,
        read: int,
        accepted: Sequence[AcceptedLoss],
    ) -> TopicFault | None:
        known = self._metadata
        # A commit during a fault may have noted only the last record.
        began = 0 if known.start is None and known.last is not None else known.start
        if began is not None and start > began:
            if not any(one.covers_start(start) for one in accepted):
                return records_deleted(*self.tp, began, start)
            last = known.last if known.last and known.last.offset >= start else None
            self._metadata = known.model_copy(update={"start": start, "last": last})
        kind = None if before is None else before.fault
        if kind is FaultKind.RECORDS_DELETED and not _covers(accepted, self._missing):
            return before
        fault = before if kind is FaultKind.LOG_DIVERGED else None
        if fault is None and end is not None and end < read:
            problem = (
                f"ends at offset {end}, and was read up to {read}: it was created again, or lost"
                " its last records"
            )
            fault = TopicFault(*self.tp, FaultKind.EVENTS_LOST, problem)
        if fault is None or not self._is_end_accepted(accepted):
            return fault
        # The log is processed as if none of it had ever been read.
        self.drop()
        self._floor, self._metadata = 0, CommitMetadata(start=self._metadata.start)
        self.committed, self._goal = 0, end or 0
        return None

    def _is_end_accepted(self, accepted: Sequence[AcceptedLoss]) -> bool:
        """Return whether operators have accepted the loss of the last record read."""
        position, known = self.position, self._metadata.last
        lasts = [one for one in (known, position and position.last) if one is not None]
        if known is None and self.committed:
            lasts.append(LastRecord.before(self.committed))
        return any(one.covers_last(last) for one in accepted for last in lasts)

    def _diverge_from_committed(self, last: LastRecord, there: LastRecord | None) -> None:
        """Note that the log lacks the committed record: its position must not be committed."""
        self._diverge(last, _has(there))
        self.is_known = False

    def _diverge(self, last: LastRecord, has: str) -> None:
        """Note that the log no longer has a record that was read."""
        problem = f"{has} at offset {last.offset}, which was read: the log was replaced"
        self.fault = TopicFault(*self.tp, FaultKind.LOG_DIVERGED, problem)
        self.is_caught_up = False

    def catch_up(self) -> None:
        """Once the committed offset is reached, compare the last record and note the result."""
        position, known = self.position, self._metadata
        if position is None or position.next < self._goal or self.is_caught_up:
            return
        if self.fault is not None:
            return  # A commit would assert that the log is the one that was read.
        if not self._is_last_found:
            return  # After a loss of records, this may be another log.
        last, reached = known.last, position.last
        if (
            last is not None
            and reached != last
            and (reached is None or reached.offset < self.committed)
        ):
            self._diverge_from_committed(last, reached)
            return
        self.is_caught_up = self.is_known = True
        self._attempts_before = None
        self._note_log(position)

    def _note_log(self, position: Position) -> None:
        what = {"rules": self._rules, "start": position.start}
        self._metadata = self._metadata.model_copy(update=what)

    # -- reading

    def take(
        self, records: Sequence[Any], accepted: Sequence[AcceptedLoss]
    ) -> Sequence[Batch] | int:
        """Return the batches of polled records, or the offset to seek to instead of them.

        Returns no batch if the log has a fault. No batch mixes new and processed records.
        """
        expected, last = self._next or 0, self._last
        if self._has_new_leader(records[0].offset) and self._is_last_found:
            # The new leader's log may lack what was read.
            self._is_last_found = last is None
            back = self._known_before(expected)
            if back < expected:
                return back
        if last is None or self._is_last_found:
            first, seeks = expected, 1
        else:
            # A poll may have been in progress during the seek to the last record.
            first, seeks = last.offset, 2
        if self.seek is not None or self._is_gap(first, records[0].offset, seeks):
            return first
        known = bisect_left(records, expected, key=attrgetter("offset"))
        is_same = (
            last is None
            or not records[0].offset <= last.offset <= records[-1].offset
            or _record_at(records[:known], last.offset) == last
        )
        if last is not None and not (self._is_last_found and is_same):
            other = self._compare_last(records, last)
            if other is not None:
                return other
        if known and records[known - 1].offset > (-1 if last is None else last.offset):
            return self._rewind(last)
        if self._lacks_records(records[-1].offset, accepted):
            return () if self.fault else expected
        # The poll may repeat records that are already merged.
        return self._batches_of(records[known:], expected)

    def _known_before(self, expected: int) -> int:
        """Return the offset of the last record that was read, or where the log began."""
        if self._last is not None:
            return self._last.offset
        position = self.position
        return expected if position is None else position.start

    def _compare_last(self, records: Sequence[Any], last: LastRecord) -> tuple[()] | int | None:
        """Return what `take` returns if the log lacks the last record; None if it has it."""
        found = next((one for one in records if one.offset >= last.offset), None)
        if found is None:
            return last.offset  # They were polled before the last record was sought.
        there = LastRecord.of(found)
        self._is_last_found, position = True, self.position
        if there == last:
            self.is_restored = False
            self.catch_up()
            return None
        if self.is_restored and position is not None:
            # Only a commit proves that a log was replaced; a snapshot does not.
            self._next, self._last = self._begin_at(position.start).next, None
            return self._next
        self._diverge(last, _has(there))
        return ()

    def _rewind(self, last: LastRecord | None) -> int:
        """Go back over markers that the log has lost and replaced by records."""
        position = self.position
        after = self._next or 0
        if position is not None and position.next == after:
            after = position.start if last is None else last.offset + 1
            self._next, self._goal = after, min(self._goal, after)
            self.committed = min(self.committed, after)
            self._store.move(*self._key, position._replace(next=after))
        return after

    def _batches_of(self, records: Sequence[Any], expected: int) -> Sequence[Batch]:
        known, last = self._metadata, self._last
        if known.last is not None and not self.is_known:
            # `catch_up` does not suffice: it may see later records first.
            there = _record_at(records, known.last.offset)
            if there not in (None, known.last):
                self._diverge_from_committed(known.last, there)
                return ()
        batches: list[Batch] = []
        cuts = {self.committed, *(one.offset for one in known.attempts)}
        for part in _cut(records, cuts):
            is_new = part[0].offset >= self.committed
            if is_new and expected < self.committed and known.last not in (None, last):
                # Only markers lie just before the committed offset, so `catch_up` cannot compare.
                self._diverge_from_committed(known.last, last)
                return ()
            # Workers before 1.0 committed no rules.
            writes = is_new or known.rules not in (None, self._rules)
            drops = self._store.drops(*self._key)
            batches.append(Batch(part, expected, is_new, writes, drops))
            expected, last = part[-1].offset + 1, LastRecord.of(part[-1])
        return batches

    def pass_on(self, batch: Batch) -> None:
        """Note that a batch is passed on."""
        last = batch.records[-1]
        self._next, self._last = last.offset + 1, LastRecord.of(last)

    def skip_to(self, fetched: int, accepted: Sequence[AcceptedLoss]) -> int | None:
        """Move on to a fetch position that was reached without receiving a record.

        Only aborted and control records lie before it. Without the move, everything that waits for
        the end of the log or for zero lag would hang. Returns the offset to seek to if records may
        be missing.
        """
        position, last = self.position, self._last
        if self.seek is not None:
            return None
        if self.is_restored and fetched >= (self._next or 0):
            self.drop()  # The next look seeks to the start of the log.
        elif last is not None and not self._is_last_found:
            if fetched > last.offset and self.fault is None:
                if self._is_gap(last.offset, fetched, 1):
                    return last.offset
                self._diverge(last, _has(None))
        elif position is not None and self._next == position.next < fetched and self.fault is None:
            if self._lacks_records(fetched - 1, accepted):
                return position.next
            self._next = fetched
            self._store.move(*self._key, position._replace(next=fetched))
            self.catch_up()
        return None

    def _is_gap(self, expected: int, offset: int, seeks: int) -> bool:
        """Return True if records may be missing before `offset`, at most `seeks` times in a row.

        A gap that remains after another fetch belongs to the log: transaction markers, for example.
        """
        *gap, sought = self._sought_gap or (0, 0, 0)
        is_known = gap == [expected, offset]
        if offset <= expected or (is_known and sought >= seeks):
            self._sought_gap = None
            return False
        self._sought_gap = (expected, offset, sought + 1 if is_known else 1)
        return True

    def note_gap(self, first: int, after: int) -> None:
        """Note that fetched offsets have no record. Called in the consumer's thread."""
        self._gaps.add((first, after))

    def _lacks_records(self, last: int, accepted: Sequence[AcceptedLoss]) -> bool:
        """Return whether offsets up to `last` lack records; the same gap twice is a fault."""
        before, self._missing = self._missing, self._first_gap(last, accepted)
        if self._missing is not None and self._missing == before:
            self.fault = records_deleted(*self.tp, *self._missing)
            self.is_caught_up = False
        return self._missing is not None

    def _first_gap(self, last: int, accepted: Sequence[AcceptedLoss]) -> tuple[int, int] | None:
        """Return the first gap up to the last polled offset.

        The gap is fetched once more. If it remains, its records were deleted.
        """
        # A copy: the consumer's thread may add a gap meanwhile.
        found = sorted(gap for gap in self._gaps.copy() if gap[0] <= last)
        self._gaps.difference_update(found)
        return next(
            (gap for gap in found if gap[1] > (self._next or 0) and not _covers(accepted, gap)),
            None,
        )

    def note_leader(self, leader: LeaderEpoch) -> None:
        """Note which leader wrote the fetched records. Called in the consumer's thread."""
        self._fetches.append(leader)

    def _has_new_leader(self, offset: int) -> bool:
        """Return whether the records polled from `offset` on were written by a new leader."""
        fetches = self._fetches
        at = next((n for n in reversed(range(len(fetches))) if fetches[n].offset <= offset), None)
        if at is None:
            return False
        # One fetch may serve several polls.
        passed = fetches[: at + 1]
        del fetches[:at]
        if self._epoch is not None and not self._is_last_found:
            # The last record is being fetched again, under the earlier leader's epoch. A fetch ends
            # with its segment, so the next one would show the same new leader again, for ever.
            return False
        before = passed[0].epoch if self._epoch is None else self._epoch
        # A fetch that begins further back shows an earlier leader again.
        self._epoch = max(before, *(one.epoch for one in passed))
        return self._epoch > before

    # -- committing

    def to_commit(self) -> Committed:
        """Return what to commit now: all records before its offset are merged and written.

        Before the partition is caught up, only attempts are committed, and never an offset below
        the group's.
        """
        # Read once: this may run in the consumer's thread.
        position, known = self.position, self._metadata
        if position is None or position.next < self._floor + (not self.is_known):
            return Committed(self._floor, known)
        return Committed(position.next, known.model_copy(update={"last": position.last}))

    @property
    def needs_attempt(self) -> bool:
        """Whether to commit an attempt before the next batch.

        True for the first batch and for the first new one. If a record that is read again has ended
        a worker, true for each batch until the partition is caught up.
        """
        return self._attempts_before is None or (self._is_careful and not self.is_caught_up)

    def crashes_at(self, offset: int) -> int:
        """Return how many attempts at a record have ended a worker."""
        return next((one.count for one in self._metadata.attempts if one.offset == offset), 0)

    def begin_attempt(self, offset: int) -> None:
        """Note an attempt at a record; all records before it are merged."""
        before = [one for one in self._metadata.attempts if one.offset >= offset]
        later = [one for one in before if one.offset > offset]
        attempt = Attempt(offset=offset, count=self.crashes_at(offset) + 1)
        self._attempts_before = before
        self._set_attempts([attempt, *later[: MOST_ATTEMPTS - 1]])

    def note_merged(self) -> None:
        """Note that the position has moved: attempts before it did not end this worker."""
        self.catch_up()
        self._set_attempts([one for one in self._metadata.attempts if one.offset >= self.next])

    def withdraw_attempt(self) -> bool:
        """Forget an attempt in progress; return whether a commit is needed for that."""
        before = self._attempts_before
        if before is not None:
            self._set_attempts([one for one in before if one.offset >= self.next])
        return self.to_commit() != self.last_commit and before is not None

    def _set_attempts(self, attempts: Iterable[Attempt]) -> None:
        found = (*attempts,)
        if found != self._metadata.attempts:
            self._metadata = self._metadata.model_copy(update={"attempts": found})


def _after_last(committed: Committed) -> int:
    offset, known = committed
    if known.last is not None:
        return known.last.offset + 1
    # Operators' tools write no metadata: there may be records right before the offset.
    return offset if known.start is None else min(known.start, offset)


def _has(record: LastRecord | None) -> str:
    return "has no record any more" if record is None else "has another record"


def _covers(accepted: Iterable[AcceptedLoss], gap: tuple[int, int] | None) -> bool:
    return gap is None or any(one.covers_gap(*gap) for one in accepted)


def _record_at(records: Sequence[Any], offset: int) -> LastRecord | None:
    at = bisect_left(records, offset, key=attrgetter("offset"))
    there = records[at] if at < len(records) else None
    return LastRecord.of(there) if there is not None and there.offset == offset else None


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
