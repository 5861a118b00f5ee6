"""The state store: entity states by partition, and their fold."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Generator, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

from catalogue.explanations import Explanation
from catalogue.model import Promise
from catalogue.terms import Term
from events.fact import Family
from events.last_record import LastRecord
from streams.explanations import explanations_in
from streams.fold import Difference, Fold, Series, SeriesKey
from streams.state import EMPTY, EntityState

#: The number of entities in one step of a check: about 10 ms.
CHECK_STEP: Final = 500
FamilyPartition: TypeAlias = "tuple[Family, int]"


class StateChange(NamedTuple):
    """The change of one entity's state, computed before anything is written."""

    before: EntityState | None
    """None for an unknown entity."""
    after: EntityState
    difference: Difference


class Position(NamedTuple):
    """How far the log of a partition is merged into its states."""

    next: int
    """The offset of the next record to merge."""
    last: LastRecord | None
    """The last record merged; None before the first."""
    start: int
    """The first offset that the log had when it was read."""


class StateStore:
    """Entity states by family and partition, and how far each partition is merged.

    `fold` is always the fold of these states: every method that changes a state changes both.
    """

    def __init__(self, terms: Iterable[Term]) -> None:
        self.fold = Fold(terms)
        self._positions: dict[tuple[Family, int], Position] = {}
        self._states: dict[tuple[Family, int], dict[str, EntityState]] = defaultdict(dict)
        self._drops: Counter[FamilyPartition] = Counter()
        #: By partition: the fold's version when an explanation last changed.
        self._explained: dict[int, int] = {}

    @property
    def indexes(self) -> Mapping[Term, int]:
        """The terms of the fold's series, with their indexes."""
        return self.fold.indexes

    def all_series(self) -> Iterator[tuple[SeriesKey, Series]]:
        """Yield the series of every partition in the store."""
        for partition in sorted({partition for _, partition in self._states}):
            yield from self.fold.series(partition).items()

    def explanations(self) -> Iterator[tuple[Promise, Explanation]]:
        """Yield the explanations of every partition in the store."""
        for family, partition in self.partitions():
            if family is Family.EXPLANATIONS:
                yield from explanations_in(self.states(family, partition))

    def explanations_changed_since(self, version: int, partition: int) -> bool:
        """Return whether an explanation of a partition changed since a version of the fold."""
        return self._explained.get(partition, 0) > version

    def _count_explanation(self, family: Family, partition: int) -> None:
        # The fold has no terms for explanations.
        if family is Family.EXPLANATIONS:
            self._explained[partition] = self.fold.touch()

    def position(self, family: Family, partition: int) -> Position | None:
        """Return how far a partition is merged; None before the first merge."""
        return self._positions.get((family, partition))

    def move(self, family: Family, partition: int, position: Position) -> None:
        """Set how far a partition is merged: all earlier events are in its states."""
        self._positions[family, partition] = position

    def drops(self, family: Family, partition: int) -> int:
        """Return how often a partition was dropped: its position may be one of before by chance."""
        return self._drops[family, partition]

    def states(self, family: Family, partition: int) -> Mapping[str, EntityState]:
        """Return the states of one family's partition, by entity id."""
        return MappingProxyType(self._states[family, partition])

    def changes(
        self,
        family: Family,
        partition: int,
        changed: Mapping[str, EntityState],
    ) -> Mapping[str, StateChange]:
        """Return the changes that new states make, without applying them.

        Raises the fold's error for a state that cannot be folded.
        """
        kept = self._states[family, partition]
        found = {}
        for entity, after in changed.items():
            before = kept.get(entity)
            difference = self.fold.difference(
                family, entity, EMPTY if before is None else before, after
            )
            found[entity] = StateChange(before, after, difference)
        return found

    def put(self, family: Family, partition: int, changed: Mapping[str, EntityState]) -> None:
        """Compute and apply the changes that new states make."""
        kept, difference = self._states[family, partition], self.fold.difference
        differences = [
            difference(family, entity, kept.get(entity, EMPTY), after)
            for entity, after in changed.items()
        ]
        kept.update(changed)
        self.fold.apply(partition, differences)
        if changed:
            self._count_explanation(family, partition)

    def apply(self, family: Family, partition: int, changes: Mapping[str, StateChange]) -> None:
        """Apply changes that `changes` has computed."""
        kept = self._states[family, partition]
        differences = []
        for entity, (before, after, difference) in changes.items():
            if kept.get(entity) is before:
                differences.append(difference)
            else:  # The partition was dropped meanwhile.
                self.fold.replace(family, partition, entity, kept.get(entity, EMPTY), after)
            kept[entity] = after
        self.fold.apply(partition, differences)
        if changes:
            self._count_explanation(family, partition)

    def adopt(self, family: Family, partition: int, other: StateStore) -> None:
        """Replace a partition by that of another store with the same terms."""
        key = family, partition
        self.drop(*key)
        self._positions[key] = other._positions[key]
        self._states[key] = other._states[key]
        self.fold.adopt(*key, other.fold)
        self._count_explanation(*key)

    def drop(self, family: Family, partition: int) -> None:
        """Drop a partition's states and position: it is read again from its start."""
        self._drops[family, partition] += 1
        self._positions.pop((family, partition), None)
        self._states.pop((family, partition), None)
        self.fold.drop(family, partition)

    def entities(self) -> Mapping[Family, int]:
        """Return the number of entities, by family."""
        counts: dict[Family, int] = defaultdict(int)
        for (family, _), states in self._states.items():
            counts[family] += len(states)
        return counts

    def partitions(self) -> list[tuple[Family, int]]:
        """Return the families and partitions in the store."""
        return list({**self._states, **self._positions})

    def mismatches(self, family: Family, partition: int) -> int:
        """Return how many series of one partition differ from a fold of its states from scratch.

        Anything but 0 is a bug in this program: restart the worker, and report it.
        """
        steps = self.check(family, partition)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return int(end.value)

    def check(self, family: Family, partition: int) -> Generator[None, None, int]:
        """Return `mismatches`, in steps of CHECK_STEP entities.

        Compares the states and series as of the first step: both may change meanwhile.
        """
        states = dict(self._states.get((family, partition), {}))
        kept = {
            key: (dict(steps), dict(reports))
            for key, (steps, reports) in self.fold.contents(family, partition).items()
        }
        fresh = Fold(self.fold.terms)
        for number, (entity, state) in enumerate(states.items(), start=1):
            fresh.replace(family, partition, entity, EMPTY, state)
            if number % CHECK_STEP == 0:
                yield
        derived = fresh.contents(family, partition)
        return sum(kept.get(key) != derived.get(key) for key in kept.keys() | derived.keys())
