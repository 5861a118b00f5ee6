"""The histories received from workers: which answer counts, and the sums of all partitions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from threading import Lock
from typing import NamedTuple, Self, TypeAlias

from catalogue.explanations import Explanation
from catalogue.model import Catalogue, Promise
from catalogue.terms import Term
from streams.fold import SeriesKey
from streams.queries.format import (
    AnswerHead,
    HistoriesAnswer,
    PartitionHead,
    explanation_of,
    fingerprint,
)
from streams.queries.packed import PackedSeries

_AllSeries: TypeAlias = Mapping[SeriesKey, PackedSeries]


class Applied(NamedTuple):
    """The effect of an answer."""

    changes: int
    """The number of changed series and lists of explanations."""
    is_enough: bool
    """False if the answer has changes to histories that are not held: request all of them."""


@dataclass(frozen=True, slots=True)
class _Held:
    """The histories held for a partition, and the worker that sent them."""

    generation: int
    worker: str
    version: int
    address: str
    confirmed_at: float
    unknown: frozenset[int]
    """Indexes of the terms that the worker does not know."""
    series: _AllSeries
    explanations: Sequence[tuple[Promise, Explanation]]


class ReceivedHistories:
    """The last histories of each partition.

    Of two answers for a partition, the higher generation counts; of two answers of one worker, the
    higher version. Lost, repeated and reordered answers therefore do no harm. The sums over all
    partitions are kept too, so that reading them does not depend on the number of partitions. One
    thread makes changes; other threads read immutable snapshots.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        terms = tuple(dict.fromkeys(catalogue.terms))
        self.indexes: Mapping[Term, int] = {term: index for index, term in enumerate(terms)}
        self._by_fingerprint = {fingerprint(term): index for term, index in self.indexes.items()}
        self._held: Mapping[int, _Held] = {}
        self._totals: _AllSeries = {}
        self._holding = Lock()

    def snapshot(self) -> Self:
        """Return an immutable copy of the current histories."""
        with self._holding:
            return copy(self)

    def apply(self, answer: HistoriesAnswer, address: str, now: float) -> Applied:
        """Take over the parts of an answer that count."""
        head = answer.head
        indexes = [self._by_fingerprint.get(received) for received in head.terms]
        unknown = frozenset(self.indexes.values()) - set(indexes)
        changes, is_enough, taken = 0, True, dict(self._held)
        for received, rows in answer.partitions:
            held = taken.get(received.partition)
            if held is not None and not _counts(received, head, held):
                continue
            if not received.complete and not _continues(head, held):
                is_enough = False
                continue
            series = {} if received.complete or held is None else dict(held.series)
            for row in rows:
                index = indexes[row.term] if row.term < len(indexes) else None
                if index is not None:
                    series[SeriesKey(index, row.department, row.category)] = row.series
            explanations = () if received.complete or held is None else held.explanations
            if received.explanations is not None:
                explanations = tuple(map(explanation_of, received.explanations))
            found = _Held(
                received.generation,
                head.worker,
                head.version,
                address,
                now,
                unknown,
                series,
                explanations,
            )
            changes += _changes(held, received)
            taken[received.partition] = found
        self._hold(taken)
        return Applied(changes, is_enough)

    def forget(self, before: float) -> tuple[int, ...]:
        """Forget partitions that were last confirmed before a time, and their generations."""
        lost = [key for key, held in self._held.items() if held.confirmed_at < before]
        if lost:
            self._hold({key: held for key, held in self._held.items() if key not in lost})
        return tuple(lost)

    def all_series(self) -> Iterable[tuple[SeriesKey, PackedSeries]]:
        """Return the sums of all partitions."""
        return self._totals.items()

    def explanations(self) -> Iterator[tuple[Promise, Explanation]]:
        """Yield the explanations of all partitions."""
        for held in self._held.values():
            yield from held.explanations

    def partitions(self) -> frozenset[int]:
        """Return the partitions with histories."""
        return frozenset(self._held)

    def ages(self, now: float) -> Mapping[int, float]:
        """Return the seconds since a worker last confirmed its histories, by partition."""
        return {key: max(0.0, now - held.confirmed_at) for key, held in self._held.items()}

    def unknown(self) -> Mapping[Term, str]:
        """Return the terms that some worker does not know, with the worker's address."""
        held = list(self._held.values())
        return {
            term: one.address
            for term, index in self.indexes.items()
            for one in held
            if index in one.unknown
        }

    def _hold(self, held: Mapping[int, _Held]) -> None:
        """Replace the histories, and update the sums that they change."""
        removed: defaultdict[SeriesKey, list[PackedSeries]] = defaultdict(list)
        added: defaultdict[SeriesKey, list[PackedSeries]] = defaultdict(list)
        for partition in self._held.keys() | held.keys():
            before, after = _series_of(self._held, partition), _series_of(held, partition)
            if before is after:
                continue
            for one, other, found in ((before, after, removed), (after, before, added)):
                for key, series in one.items():
                    if other.get(key) != series:
                        found[key].append(series)
        totals = dict(self._totals)
        for key in removed.keys() | added.keys():
            total = PackedSeries.total(totals.pop(key, None), removed[key], added[key])
            if total is not None:
                totals[key] = total
        with self._holding:
            self._held, self._totals = held, totals


def _series_of(held: Mapping[int, _Held], partition: int) -> _AllSeries:
    return held[partition].series if partition in held else {}


def _counts(received: PartitionHead, answer: AnswerHead, held: _Held) -> bool:
    if received.generation != held.generation:
        return received.generation > held.generation
    # One generation has one owner.
    return answer.worker == held.worker and answer.version >= held.version


def _continues(answer: AnswerHead, held: _Held | None) -> bool:
    """Return whether an answer's changes begin at the held version or before it."""
    return (
        held is not None
        and answer.since is not None
        and answer.worker == held.worker
        and answer.since <= held.version
    )


def _changes(held: _Held | None, received: PartitionHead) -> int:
    return received.series + (received.explanations is not None) + (held is None)
