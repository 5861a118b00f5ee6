"""The log of a partition that loses records, and a client that fetches of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from faust.types import TP

from broker.offset_gaps import LeaderEpoch
from events.last_record import LastRecord
from events.offset_runs import OffsetRuns
from streams.assigned_partition import AssignedPartition
from streams.decisions import AcceptedLoss
from tests.support.group_member import PolledRecord


class Slot(NamedTuple):
    """What a log has at an offset: a record or a marker, or nothing where compaction deleted it."""

    epoch: int
    record: PolledRecord | None
    is_deleted: bool = False


def loss_of(tp: TP, **lost: Any) -> AcceptedLoss:
    at = datetime(2020, 1, 1, tzinfo=UTC)
    return AcceptedLoss(
        topic=tp.topic, partition=tp.partition, at=at, because="the disk failed", **lost
    )


class LossyLog:
    """A log of records and markers, read by one client."""

    def __init__(self, tp: TP) -> None:
        self.tp = tp
        self.slots: list[Slot] = []
        self.start = self._epoch = self._sent = 0
        self._segments = {0}
        #: The client's next offset, and what it has fetched and not returned.
        self.at = 0
        self._fetched: deque[tuple[int, Slot]] = deque()

    @property
    def end(self) -> int:
        return len(self.slots)

    def append(self, kinds: Sequence[bool]) -> None:
        """Append records, and markers where False."""
        for is_record in kinds:
            self._sent += 1
            key = b"%d" % self._sent
            record = PolledRecord(*self.tp, self.end, key, b"", timestamp=self._sent)
            self.slots.append(Slot(self._epoch, record if is_record else None))

    def elect(self, *, is_rolled: bool) -> None:
        self._epoch += 1
        if is_rolled:
            self._segments.add(self.end)

    def lose_last(self, count: int) -> None:
        """Lose the last offsets, as by an unclean election; none that was compacted."""
        compacted = [at + 2 for at, one in enumerate(self.slots) if one.is_deleted]
        del self.slots[max(self.end - count, self.start, *compacted[-1:]) :]
        self._epoch += 1
        self._segments = {one for one in self._segments if one <= self.end}

    def lose_first(self, count: int) -> None:
        """Lose the first offsets, as by retention."""
        self.start = min(self.start + count, self.end)

    def compact(self, first: int, count: int) -> None:
        for at in range(first, min(first + count, self.end - 1)):
            slot = self.slots[at]
            self.slots[at] = slot._replace(is_deleted=slot.record is not None)

    def gaps(self) -> tuple[tuple[int, int], ...]:
        return tuple(OffsetRuns(at for at, one in enumerate(self.slots) if one.is_deleted).runs)

    def has(self, last: LastRecord | None) -> bool:
        """Return whether a record was not replaced: it is there, deleted, or none."""
        if last is None or last.offset < self.start:
            return True
        slot = self.slots[last.offset] if last.offset < self.end else None
        return slot is not None and slot.record is not None and LastRecord.of(slot.record) == last

    def is_deleted(self, last: LastRecord | None) -> bool:
        return last is not None and last.offset < self.end and self.slots[last.offset].is_deleted

    def seek(self, offset: int | None) -> None:
        """Let the client go on at an offset; None for where it is."""
        if offset is not None:
            self.at = offset
            self._fetched.clear()

    def poll(self, most: int, partition: AssignedPartition) -> list[PolledRecord] | None:
        """Return up to `most` records; None where the client's offset is out of range."""
        if not self._fetched:
            if not self.start <= self.at <= self.end:
                return None
            self._fetch(partition)
        records: list[PolledRecord] = []
        while self._fetched and (len(records) < most or self._fetched[0][1].record is None):
            at, slot = self._fetched.popleft()
            self.at = at + 1
            if slot.record is not None:
                records.append(slot.record)
        return records

    def _fetch(self, partition: AssignedPartition) -> None:
        left = [(at, self.slots[at]) for at in range(self.at, self.end)]
        left = [one for one in left if not one[1].is_deleted]
        end = min((one for one in self._segments if one > self.at), default=self.end)
        there = [one for one in left if one[0] < end] or left[:1]
        if there:
            partition.note_leader(LeaderEpoch(*self.tp, self.at, there[0][1].epoch))
        expected = self.at
        for at, _ in there:
            if at > expected:
                partition.note_gap(expected, at)
            expected = at + 1
        self._fetched.extend(there)
