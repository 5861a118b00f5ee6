"""The series of states that are folded part by part: memory does not grow with the entities."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from catalogue.explanations import Explanation
from catalogue.model import Promise
from catalogue.terms import Term
from events.fact import Family
from streams.fold import Fold, Series, SeriesKey
from streams.state_store import StateStore


class FoldedStates:
    """The fold and the explanations of states that are dropped once they are folded."""

    def __init__(self, terms: Iterable[Term]) -> None:
        self.fold = Fold(terms)
        self._partitions: set[int] = set()
        self._entities: Counter[Family] = Counter()
        self._said: list[tuple[Promise, Explanation]] = []

    @property
    def indexes(self) -> Mapping[Term, int]:
        """The terms of the series, with their indexes."""
        return self.fold.indexes

    def part(self) -> StateStore:
        """Return an empty state store, which folds into this; give it to `add` once it is full."""
        state_store = StateStore(self.fold.terms)
        state_store.fold = self.fold
        return state_store

    def add(self, part: StateStore) -> None:
        """Take over a part. Of its entities, no other part may have any."""
        self._partitions.update(partition for _, partition in part.partitions())
        self._entities.update(part.entities())
        self._said.extend(part.said())

    def entities(self) -> Mapping[Family, int]:
        """Return the number of entities, by family."""
        return self._entities

    def all_series(self) -> Iterator[tuple[SeriesKey, Series]]:
        """Yield the series of every partition."""
        for partition in sorted(self._partitions):
            yield from self.fold.series(partition).items()

    def said(self) -> Iterable[tuple[Promise, Explanation]]:
        """Return the explanations of every partition."""
        return self._said
