"""Refused records, each counted once regardless of the number of its dead letters.

A worker may write a dead letter again after a crash, a rebalance or a change of rules. The second
one may have another reason, and a record in a summary may get its own dead letter the next time, or
vice versa. The first one counts: operators have seen its position, outcomes and replayed records
name it, and one pass can list them all.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Generic, NamedTuple, TypeVar

from events.dead_letters import DeadLetter, RefusedRecords, Runs
from events.offset_runs import OffsetRuns

Value = TypeVar("Value")


class _Run(NamedTuple, Generic[Value]):
    """A run of offsets, the bounds of the timestamps of its records, and their value."""

    first: int
    last: int
    least: int
    greatest: int
    value: Value


class RecordMap(Generic[Value]):
    """Maps refused records to values.

    Two records with the same offset are the same record if the bounds of their timestamps overlap:
    every record of a recreated topic is later than all records of the deleted one.
    """

    def __init__(self) -> None:
        # By topic and partition. The runs of a layer are ordered and disjoint. A recreated topic
        # adds a layer.
        self._layers: dict[tuple[str, int], list[list[_Run[Value]]]] = {}

    def add(self, records: RefusedRecords, value: Value) -> Runs:
        """Set the value of records without one; return their offsets."""
        missing = self.missing(records)
        layers = self._layers.setdefault((records.topic, records.partition), [])
        for first, last in missing:
            if all(_overlapping(layer, first, last) for layer in layers):
                layers.append([])
            layer = next(one for one in layers if not _overlapping(one, first, last))
            run = _Run(first, last, *records.timestamps, value)
            layer.insert(bisect_left(layer, first, key=attrgetter("first")), run)
        return missing

    def missing(self, records: RefusedRecords) -> Runs:
        """Return the offsets of the records without a value."""
        known = OffsetRuns.of((run.first, run.last) for run in self._known(records))
        return tuple(known.missing(records.runs))

    def find(self, topic: str, partition: int, offset: int, timestamp: int) -> Value | None:
        """Return the value of a record; None if it has none."""
        runs, timestamps = ((offset, offset),), (timestamp, timestamp)
        known = self._known(RefusedRecords(topic, partition, runs, timestamps))
        return next((run.value for run in known), None)

    def _known(self, records: RefusedRecords) -> Iterator[_Run[Value]]:
        """Yield the runs that have some of the records."""
        least, greatest = records.timestamps
        for layer in self._layers.get((records.topic, records.partition), ()):
            for first, last in records.runs:
                for run in _overlapping(layer, first, last):
                    if run.least <= greatest and least <= run.greatest:
                        yield run


def distinct_letters(letters: Iterable[DeadLetter]) -> Iterator[DeadLetter]:
    """Yield dead letters in the order of writing, each restricted to its new records.

    A dead letter without new records is omitted. One from the gateway is always yielded.
    """
    seen = RecordMap[None]()
    for letter in letters:
        records = letter.records
        if records is None:
            yield letter
        elif runs := seen.add(records, None):
            yield letter.restricted_to(runs)


def _overlapping(layer: Sequence[_Run[Value]], first: int, last: int) -> Sequence[_Run[Value]]:
    start = bisect_left(layer, first, key=attrgetter("last"))
    return layer[start : bisect_right(layer, last, key=attrgetter("first"))]
