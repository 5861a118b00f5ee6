"""A partition of events that a worker is assigned: how far it is read, and what its log has lost.

The log is the state. A partition is read from the position of its states in the state store, from
the log's start where it has none. Records before the committed offset change states and nothing
else: their dead letters and forwards are written. The partition is caught up once its position has
reached the committed offset.

What is decided here needs no broker: `streams.batch_transport` reads, seeks and commits.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any, Final, NamedTuple

from faust.types import TP

from broker.offset_gaps import LeaderEpoch
from events.last_record import LastRecord
from events.records import Record
from events.topics import FAMILIES
from streams.accepted_losses import AcceptedLoss
from streams.commit_metadata import MOST_ATTEMPTS, NO_METADATA, Attempt, CommitMetadata
from streams.partition_snapshots import PartitionSnapshots, StatesTaken
from streams.state_store import Position, StateStore
from streams.topic_faults import FaultKind, TopicFault, records_deleted


class Committed(NamedTuple):
    """A committed offset of the group, and its metadata."""

    offset: int
    metadata: CommitMetadata


NOT_COMMITTED: Final = Committed(0, NO_METADATA)


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


class AssignedPartition:
    """A partition from an assignment to the next one.

    `look` and `take` say where to seek to: whatever is in doubt is read again from the position.
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
        """Begin an assignment; `before` is that of the last one, where the worker kept it."""
        self.tp = tp
        self._store = store
        self._key = FAMILIES[tp.topic], tp.partition
        self._rules = rules
        self._floor, self._metadata = committed
        self.committed = _after_last(committed)
        """The offset from which on records are new: up to the group's there were markers alone."""
        #: The position from which on the partition is shown.
        self._goal = self.committed
        self.noted = committed
        """What the group has noted of the partition."""
        self.is_caught_up: bool = before is not None and before.is_caught_up
        self.is_known: bool = before is not None and before.is_known
        """Whether all before the committed offset was found to be what was committed."""
        if self.is_caught_up and (position := self.position) is not None:
            # Its first commit may not have reached the group.
            self._note_log(position)
        self._snapshots = snapshots
        #: What is written once its position is committed.
        self._taken: StatesTaken | None = None
        self.is_restored: bool = before is not None and before.is_restored
        """Whether the states are a snapshot's whose last record is yet to be found in the log."""
        self.fault: TopicFault | None = None
        """What the log has lost; nothing more is read."""
        self.is_revoked = False
        self.seek: object | None = None
        """The seek that is under way, or has failed: what is fetched meanwhile is of before."""
        self.ended_early = False
        """Whether a batch was left, or a part of it: nothing follows before the next assignment."""
        #: The next offset to pass on, and the record before it; None before the first seek.
        self._next: int | None = None
        self._last: LastRecord | None = None
        #: Whether that record was found where it was.
        self._is_last_found = False
        #: A gap (expected, polled), and how often the consumer has sought back to it.
        self._sought_gap: tuple[int, int, int] | None = None
        #: Fetched offsets without a record, from the first to before the next.
        self._gaps: set[tuple[int, int]] = set()
        #: The first of them that was fetched again, and is still there.
        self._missing: tuple[int, int] | None = None
        #: The fetches since the last poll, and the epoch of the leader that wrote what came before.
        self._fetches: list[LeaderEpoch] = []
        self._epoch: int | None = None
        #: Whether what is read again has ended a worker before.
        self._is_careful = any(one.offset < self.committed for one in self._metadata.attempts)
        #: The attempts noted before the last one; None where there was none since the assignment.
        self._attempts_before: Sequence[Attempt] | None = None

    # -- the position

    @property
    def position(self) -> Position | None:
        """How far the partition is merged; None before anything is."""
        return self._store.position(*self._key)

    @property
    def next(self) -> int:
        """The next offset to merge."""
        return 0 if (position := self.position) is None else position.next

    @property
    def lacks(self) -> int:
        """The number of offsets until the partition is caught up."""
        return max(self._goal - self.next, 0)

    @property
    def processed(self) -> int:
        """The offset before which all is processed."""
        return max(self.next, self._floor)

    @property
    def read_up_to(self) -> int:
        """The offset after the last record that was merged or processed, which its log has."""
        position = self.position
        merged = 0 if position is None or position.last is None else position.last.offset + 1
        return max(merged, self.committed)

    @property
    def is_noted(self) -> bool:
        """Whether what is merged is committed.

        Also where the log has lost some of it since: an operator accepts the loss of what is noted.
        Not before it is known to be the log that was read: the commit would say so.
        """
        if self.fault is None:
            return self.is_caught_up
        return self.is_known or self._metadata.last is None

    @property
    def is_shown(self) -> bool:
        """Whether the states have all records before the committed offset, and the log its own."""
        return self.is_caught_up and self.fault is None

    def drop(self) -> None:
        """Drop the states: the partition is read again from its start."""
        if self.is_restored and self._snapshots is not None:
            self._snapshots.discard(self._key, "its last record was not found in the log")
        self.is_restored, self._taken = False, None
        self._store.drop(*self._key)
        self.is_caught_up = self.is_known = False

    def revoke(self) -> None:
        """Note that the partition is read no more; states and position stay, it may come back."""
        self.is_revoked = True
        if self.fault is not None:  # It is found again.
            self.fault, self.is_caught_up = None, False

    # -- snapshots

    async def restore(self) -> None:
        """Take over the states of a snapshot, where nothing is merged yet."""
        position = self.position
        if self._snapshots is None or (position is not None and position.last is not None):
            return
        states = await self._snapshots.load(self._key, self._floor, self._metadata.last)
        if states is not None and not self.is_revoked and self.position is position:
            self._store.adopt(*self._key, states)
            self.is_restored = True

    async def keep_snapshot(self, *, is_end: bool) -> None:
        """Write a snapshot where one is due, of whole states whose position is committed.

        The end of the worker commits it once more.
        """
        if self._snapshots is None or not self.is_shown or self._metadata.attempts:
            return
        if self._taken is None or is_end:
            self._taken = self._snapshots.take(self._key, is_end=is_end)
        taken = self._taken
        if taken is not None and (is_end or taken.position.next <= self.noted.offset):
            self._taken = None
            await self._snapshots.write(self._key, taken)

    # -- what the log has lost

    def look(
        self, start: int, end: int | None, read: int, accepted: Sequence[AcceptedLoss]
    ) -> int | None:
        """Look at a log with this first and next offset, and return where to seek to.

        `read` is the offset up to which it was read before it was looked at. An `end` of None is
        not known. Returns None where the log has a fault, or where batches are under way.
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
            # Records were erased: what is left of them is read anew.
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
        """Note that what was merged since the assignment is processed, as if it were committed."""
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
        if known.start is not None and start > known.start:
            if not any(one.covers_start(start) for one in accepted):
                return records_deleted(*self.tp, known.start, start)
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
        # What the log has now is processed as if nothing of it had ever been read.
        self.drop()
        self._floor, self._metadata = 0, CommitMetadata(start=self._metadata.start)
        self.committed, self._goal = 0, end or 0
        return None

    def _is_end_accepted(self, accepted: Sequence[AcceptedLoss]) -> bool:
        """Return whether operators have accepted that the last record read is lost."""
        position, known = self.position, self._metadata.last
        lasts = [one for one in (known, position and position.last) if one is not None]
        if known is None and self.committed:
            lasts.append(LastRecord.before(self.committed))
        return any(one.covers_last(last) for one in accepted for last in lasts)

    def _diverge(self, offset: int, has: str) -> None:
        """Note that the log has something else at an offset than what was read."""
        problem = f"{has} at offset {offset}, which was read: the log was replaced"
        self.fault = TopicFault(*self.tp, FaultKind.LOG_DIVERGED, problem)
        self.is_caught_up = False

    def catch_up(self) -> None:
        """Note where the position has reached the committed offset, and compare the last record."""
        position, known = self.position, self._metadata
        if position is None or position.next < self._goal or self.is_caught_up:
            return
        if self.fault is not None:
            return  # The commit would say that the log is the one that was read.
        if not self._is_last_found:
            return  # A log that had lost records may be another one.
        last, reached = known.last, position.last
        if (
            last is not None
            and reached != last
            and (reached is None or reached.offset < self.committed)
        ):
            self._diverge(last.offset, _has(reached))
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

        There are none where the log has a fault. Batches of new records and of processed ones are
        apart.
        """
        expected, last = self._next or 0, self._last
        if self._has_new_leader(records[0].offset) and self._is_last_found and last is not None:
            # Its log may lack records that were read.
            self._is_last_found = False
            return last.offset
        if last is None or self._is_last_found:
            first, seeks = expected, 1
        else:
            # A poll may have been under way when the last record was sought.
            first, seeks = last.offset, 2
        if self.seek is not None or self._is_gap(first, records[0].offset, seeks):
            return first
        if last is not None and not self._is_last_found:
            other = self._compare_last(records, last)
            if other is not None:
                return other
        known = bisect_left(records, expected, key=attrgetter("offset"))
        if known and records[known - 1].offset > (-1 if last is None else last.offset):
            return self._rewind(last)
        if self._lacks_records(records[-1].offset, accepted):
            return () if self.fault else expected
        # Records that are merged may have been polled again.
        return self._batches_of(records[known:], expected)

    def _compare_last(self, records: Sequence[Any], last: LastRecord) -> tuple[()] | int | None:
        """Return what `take` does where the last record is not among polled ones; else None."""
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
            # The commit alone says that a log was replaced.
            self._next, self._last = self._begin_at(position.start).next, None
            return self._next
        self._diverge(last.offset, _has(there))
        return ()

    def _rewind(self, last: LastRecord | None) -> int:
        """Go back over markers that the log has lost: it has records now where they were."""
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
        batches: list[Batch] = []
        cuts = {self.committed, *(one.offset for one in known.attempts)}
        for part in _cut(records, cuts):
            is_new = part[0].offset >= self.committed
            if is_new and expected < self.committed and known.last not in (None, last):
                # Markers precede the committed offset: `catch_up` would not see what does.
                self._diverge(known.last.offset, _has(last))
                return ()
            # Workers of 0.1 noted no rules.
            writes = is_new or known.rules not in (None, self._rules)
            batches.append(Batch(part, expected, is_new, writes))
            expected, last = part[-1].offset + 1, LastRecord.of(part[-1])
        return batches

    def pass_on(self, batch: Batch) -> None:
        """Note that a batch is passed on."""
        last = batch.records[-1]
        self._next, self._last = last.offset + 1, LastRecord.of(last)

    def skip_to(self, fetched: int, accepted: Sequence[AcceptedLoss]) -> int | None:
        """Move on to the offset before which everything was fetched, and brought no record.

        There are aborted and control records: whoever waits for their end, and every reader of the
        group's lag, would wait. Returns the offset to seek to where records may be missing.
        """
        position, last = self.position, self._last
        if self.seek is not None:
            return None
        if self.is_restored and fetched >= (self._next or 0):
            self.drop()  # The next look reads it from its start.
        elif last is not None and not self._is_last_found:
            if fetched > last.offset and self.fault is None:
                if self._is_gap(last.offset, fetched, 1):
                    return last.offset
                self._diverge(last.offset, _has(None))
        elif position is not None and self._next == position.next < fetched and self.fault is None:
            if self._lacks_records(fetched - 1, accepted):
                return position.next
            self._next = fetched
            self._store.move(*self._key, position._replace(next=fetched))
            self.catch_up()
        return None

    def _is_gap(self, expected: int, offset: int, seeks: int) -> bool:
        """Return True where records may be missing before `offset`, at most `seeks` times in a row.

        A gap that remains when it is fetched again belongs to the log: transaction markers, for
        example.
        """
        *gap, sought = self._sought_gap or (0, 0, 0)
        is_known = gap == [expected, offset]
        if offset <= expected or (is_known and sought >= seeks):
            self._sought_gap = None
            return False
        self._sought_gap = (expected, offset, sought + 1 if is_known else 1)
        return True

    def note_gap(self, first: int, after: int) -> None:
        """Note that fetched offsets have no record; called in the consumer's thread."""
        self._gaps.add((first, after))

    def _lacks_records(self, last: int, accepted: Sequence[AcceptedLoss]) -> bool:
        """Return whether offsets up to `last` have no record; where they are the same, again."""
        before, self._missing = self._missing, self._first_gap(last, accepted)
        if self._missing is not None and self._missing == before:
            self.fault = records_deleted(*self.tp, *self._missing)
            self.is_caught_up = False
        return self._missing is not None

    def _first_gap(self, last: int, accepted: Sequence[AcceptedLoss]) -> tuple[int, int] | None:
        """Return the first offsets up to the last polled one whose records are not there.

        They are fetched again, once; then the records were deleted.
        """
        # A copy: the consumer's thread may note one meanwhile.
        found = sorted(gap for gap in self._gaps.copy() if gap[0] <= last)
        self._gaps.difference_update(found)
        return next(
            (gap for gap in found if gap[1] > (self._next or 0) and not _covers(accepted, gap)),
            None,
        )

    def note_leader(self, leader: LeaderEpoch) -> None:
        """Note who wrote what was fetched; called in the consumer's thread."""
        self._fetches.append(leader)

    def _has_new_leader(self, offset: int) -> bool:
        """Return whether another leader wrote what was polled from an offset on than before."""
        fetches = self._fetches
        at = next((n for n in reversed(range(len(fetches))) if fetches[n].offset <= offset), None)
        if at is None:
            return False
        # One fetch may bring several polls.
        del fetches[:at]
        if self._epoch is not None and not self._is_last_found:
            # The last record is fetched again, by which an earlier leader began: a fetch ends with
            # its segment, and the next one would bring the same new leader again, for ever.
            return False
        before, epoch = self._epoch, fetches[0].epoch
        # An earlier one's: a fetch began further back than the last one.
        self._epoch = epoch if before is None else max(before, epoch)
        return before is not None and epoch > before

    # -- committing

    def to_commit(self) -> Committed:
        """Return what is to be committed now: all before it is merged, and written.

        Where the partition is not caught up, attempts are committed, and no offset below that of
        the group.
        """
        # Read once: this may be called in the consumer's thread.
        position, known = self.position, self._metadata
        if position is None or position.next < self._floor + (not self.is_caught_up):
            return Committed(self._floor, known)
        return Committed(position.next, known.model_copy(update={"last": position.last}))

    @property
    def needs_attempt(self) -> bool:
        """Whether an attempt is committed before a batch.

        It is before the first one, and before the first new one; where what is read again has ended
        a worker, before each one until the partition is caught up.
        """
        return self._attempts_before is None or (self._is_careful and not self.is_caught_up)

    def ends_at(self, offset: int) -> int:
        """Return how many attempts at a record have ended a worker."""
        return next((one.count for one in self._metadata.attempts if one.offset == offset), 0)

    def begin(self, offset: int) -> None:
        """Note an attempt at a record; all before it is merged."""
        before = [one for one in self._metadata.attempts if one.offset >= offset]
        later = [one for one in before if one.offset > offset]
        attempt = Attempt(offset=offset, count=self.ends_at(offset) + 1)
        self._attempts_before = before
        self._set_attempts([attempt, *later[: MOST_ATTEMPTS - 1]])

    def merged(self) -> None:
        """Note that the position has moved: attempts before it have ended nobody."""
        self.catch_up()
        self._set_attempts([one for one in self._metadata.attempts if one.offset >= self.next])

    def take_back_attempt(self) -> bool:
        """Forget an attempt that is under way; return whether the group has to note something."""
        before = self._attempts_before
        if before is not None:
            self._set_attempts([one for one in before if one.offset >= self.next])
        return self.to_commit() != self.noted and before is not None

    def _set_attempts(self, attempts: Iterable[Attempt]) -> None:
        found = (*attempts,)
        if found != self._metadata.attempts:
            self._metadata = self._metadata.model_copy(update={"attempts": found})


def _after_last(committed: Committed) -> int:
    offset, known = committed
    if known.last is not None:
        return known.last.offset + 1
    # Without metadata, which operators' tools do not write, there may have been records.
    return offset if known.start is None else min(known.start, offset)


def _has(record: LastRecord | None) -> str:
    return "has no record any more" if record is None else "has another record"


def _covers(accepted: Iterable[AcceptedLoss], gap: tuple[int, int] | None) -> bool:
    return gap is None or any(one.covers_gap(*gap) for one in accepted)


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
