"""Holdings: the entity states of the partitions that this worker owns, and their fold, in step."""

from __future__ import annotations

from collections import defaultdict
from types import MappingProxyType
from typing import TYPE_CHECKING

from streams.fold import Fold
from streams.state import EMPTY, EntityState, merge_states

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from catalogue.terms import Term
    from events.registry import Family

__all__ = ["Holdings"]


class Holdings:
    """What the worker knows.

    `fold` is always the fold of the states: whoever changes a state changes both, here.
    """

    def __init__(self, terms: Iterable[Term]) -> None:
        self.fold = Fold(terms)
        self._states: dict[tuple[Family, int], dict[str, EntityState]] = defaultdict(dict)
        self._repaired: dict[tuple[Family, int], dict[str, EntityState]] = defaultdict(dict)

    def states(self, family: Family, partition: int) -> Mapping[str, EntityState]:
        """Return the states of one family's partition, by entity id."""
        return MappingProxyType(self._states[family, partition])

    def put(self, family: Family, partition: int, changed: Mapping[str, EntityState]) -> None:
        """Take over the states that a batch changed."""
        states = self._states[family, partition]
        repaired = self._repaired[family, partition]
        for entity, state in changed.items():
            self.fold.replace(family, partition, entity, states.get(entity, EMPTY), state)
            states[entity] = state
            repaired.pop(entity, None)

    def recover(self, family: Family, partition: int, entity: str, recorded: EntityState) -> None:
        """Merge a changelog record.

        A record that knows less than an earlier one was written by a worker that had lost the
        partition without knowing. It undoes nothing here, and the entity is noted, to be written
        again: see `repairs_of`.
        """
        states = self._states[family, partition]
        before = states.get(entity, EMPTY)
        after = merge_states(before, recorded)
        if after != before:
            self.fold.replace(family, partition, entity, before, after)
            states[entity] = after
        if after != recorded:
            self._repaired[family, partition][entity] = after
        else:
            self._repaired[family, partition].pop(entity, None)

    def forget(self, family: Family, partition: int, entity: str) -> None:
        """Forget an entity whose state the changelog ends there: it was erased."""
        before = self._states[family, partition].pop(entity, EMPTY)
        self._repaired[family, partition].pop(entity, None)
        self.fold.replace(family, partition, entity, before, EMPTY)

    def repairs(self) -> list[tuple[Family, int]]:
        """Return the places with states whose last changelog record knows less than they do."""
        return [place for place, states in self._repaired.items() if states]

    def repairs_of(self, family: Family, partition: int) -> Mapping[str, EntityState]:
        """Return those states of one place."""
        return dict(self._repaired.get((family, partition), {}))

    def repaired(self, family: Family, partition: int, written: Mapping[str, EntityState]) -> None:
        """Note that these states are in the changelog again, as they were written."""
        waiting = self._repaired[family, partition]
        for entity, state in written.items():
            if waiting.get(entity) == state:
                del waiting[entity]

    def drop(self, family: Family, partition: int) -> None:
        """Forget a partition that another worker owns now."""
        self._states.pop((family, partition), None)
        self._repaired.pop((family, partition), None)
        self.fold.drop(family, partition)

    def entities(self) -> Mapping[Family, int]:
        """Return the number of entities held, by family."""
        counts: dict[Family, int] = defaultdict(int)
        for (family, _), states in self._states.items():
            counts[family] += len(states)
        return counts

    def places(self) -> list[tuple[Family, int]]:
        """Return the families and partitions of which something is held."""
        return list(self._states)

    def mismatches(self, family: Family, partition: int) -> int:
        """Fold one place anew and return how many series differ from those kept up to date.

        Anything but 0 is a fault of this program: restart the worker, and report it.
        """
        fresh = Fold(self.fold.terms)
        for entity, state in self._states[family, partition].items():
            fresh.replace(family, partition, entity, EMPTY, state)
        kept, derived = self.fold.held(family, partition), fresh.held(family, partition)
        return sum(kept.get(key) != derived.get(key) for key in kept.keys() | derived.keys())
