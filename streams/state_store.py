"""Holdings: the entity states of the partitions that this worker owns, and their fold, in step."""

from __future__ import annotations

from collections import defaultdict
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from broker.compression import BatchUnreadableError
from events.record_rules import RULES
from events.record_time import NO_TIMESTAMP, latest_time
from events.records import UnreadableValue
from streams.fold import Difference, Fold
from streams.state import (
    EMPTY,
    UNREADABLE,
    WATCHED_BYTES,
    EntityState,
    cells_in,
    decode_state,
    encode_state,
    merge_states,
    recorded_by,
    told_by_owners,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from catalogue.terms import Term
    from events.record_rules import RecordRules
    from events.registry import Family

__all__ = ["StateChange", "StateStore"]


class StateChange(NamedTuple):
    """What a batch makes of one entity, worked out before anything of it is written."""

    before: EntityState
    after: EntityState
    difference: Difference


class StateStore:
    """What the worker knows.

    `fold` is always the fold of the states: whoever changes a state changes both, here.
    """

    def __init__(self, terms: Iterable[Term], rules: RecordRules = RULES) -> None:
        self.fold = Fold(terms)
        self.cells_ahead = 0
        """How many cells of changelog records were not believed for their time: see `recover`."""
        self.cells_not_owned = 0
        """How many were not, since their source does not own the fact."""
        self._rules = rules
        self._states: dict[tuple[Family, int], dict[str, EntityState]] = defaultdict(dict)
        self._repaired: dict[tuple[Family, int], dict[str, EntityState]] = defaultdict(dict)
        self._watched: dict[tuple[Family, int], dict[str, int]] = defaultdict(dict)
        self._disbelieved: dict[tuple[Family, int], set[str]] = defaultdict(set)

    def states(self, family: Family, partition: int) -> Mapping[str, EntityState]:
        """Return the states of one family's partition, by entity id."""
        return MappingProxyType(self._states[family, partition])

    def watched(self, family: Family, partition: int) -> Mapping[str, int]:
        """Return the entities whose state is large, with its bytes; UNREADABLE where it is that."""
        return self._watched[family, partition]

    def watch(self, family: Family, partition: int, entity: str, size: int) -> bool:
        """Note how large a state is; tell whether it is watched from now on, and was not before."""
        watched = self._watched[family, partition]
        if size <= WATCHED_BYTES:
            if watched:
                watched.pop(entity, None)
            return False
        is_new = entity not in watched
        watched[entity] = size
        return is_new

    def changes(
        self, family: Family, partition: int, changed: Mapping[str, EntityState]
    ) -> Mapping[str, StateChange]:
        """Work out what taking states over comes to; nothing is changed yet.

        Raises whatever a state that cannot be folded makes the fold raise.
        """
        states = self._states[family, partition]
        found = {}
        for entity, after in changed.items():
            before = states.get(entity, EMPTY)
            found[entity] = StateChange(
                before, after, self.fold.difference(family, entity, before, after)
            )
        return found

    def put(self, family: Family, partition: int, changed: Mapping[str, EntityState]) -> None:
        """Take over the states that a batch changed."""
        self.take_over(family, partition, self.changes(family, partition, changed))

    def take_over(self, family: Family, partition: int, changes: Mapping[str, StateChange]) -> None:
        """Take over states, as it was worked out what that comes to."""
        states = self._states[family, partition]
        repaired = self._repaired[family, partition]
        for entity, (before, after, difference) in changes.items():
            if states.get(entity, EMPTY) is before:
                self.fold.apply(partition, difference)
            else:  # Dropped meanwhile.
                known = states.get(entity, EMPTY)
                self.fold.replace(family, partition, entity, known, after)
            states[entity] = after
            repaired.pop(entity, None)
        self._disbelieved[family, partition] -= changes.keys()

    def restore(
        self,
        family: Family,
        partition: int,
        key: bytes | None,
        value: bytes | None,
        timestamp: int = NO_TIMESTAMP,
    ) -> Exception | None:
        """Take in a changelog record; return what made it unreadable, None where nothing did.

        Such a record says nothing. Where the entity's state is known from an earlier one, that is
        noted, to be written again. Where it is not, the entity is held back: none of its events
        is merged, and the partition's figures are not shown, until a rebuild.
        """
        if isinstance(value, UnreadableValue):
            # Of whichever entities: a name that none has stands for them.
            self._watched[family, partition][""] = UNREADABLE
            return BatchUnreadableError(value.cause)
        if key is None:
            return None
        try:
            entity = key.decode()
        except UnicodeDecodeError as error:
            return error  # No entity's.
        try:
            if value is None:
                self.forget(family, partition, entity)
                self._watched[family, partition].pop(entity, None)
            else:
                self.recover(family, partition, entity, decode_state(value), timestamp)
                if self._watched[family, partition].get(entity) == UNREADABLE:
                    # A later state holds all that one before it could have.
                    del self._watched[family, partition][entity]
                if len(value) > WATCHED_BYTES:
                    after = self._states[family, partition].get(entity, EMPTY)
                    self.watch(family, partition, entity, len(encode_state(after)))
        except Exception as error:  # noqa: BLE001 - foreign bytes may fail anywhere
            known = self._states[family, partition].get(entity)
            if known is None:
                self._watched[family, partition][entity] = UNREADABLE
            else:
                self._repaired[family, partition][entity] = known
            return error
        return None

    def unreadable(self) -> Mapping[tuple[Family, int], int]:
        """Return of how many entities the state cannot be read, by family and partition."""
        return {
            place: count
            for place, watched in self._watched.items()
            if (count := sum(size == UNREADABLE for size in watched.values()))
        }

    def large(self) -> Mapping[Family, int]:
        """Return the number of entities of which more is held than half of what is kept."""
        counts: dict[Family, int] = defaultdict(int)
        for (family, _), watched in self._watched.items():
            counts[family] += sum(size > 0 for size in watched.values())
        return counts

    def recover(
        self,
        family: Family,
        partition: int,
        entity: str,
        recorded: EntityState,
        timestamp: int = NO_TIMESTAMP,
    ) -> None:
        """Merge a changelog record.

        A cell whose time is beyond the record's timestamp, and the tolerance, is left out: it would
        win over every correction. So is one whose source does not own the fact (any more). What
        such a cell had won over is only in the topic of events, to be read again where no later
        record shows that it was: see `to_read_again`.

        A record that knows less than an earlier one was written by a worker that had lost the
        partition without knowing. It undoes nothing here, and the entity is noted, to be written
        again: see `repairs_of`.
        """
        states = self._states[family, partition]
        before = states.get(entity, EMPTY)
        in_time = recorded_by(recorded, latest_time(timestamp, self._rules.tolerance))
        believed = told_by_owners(in_time, entity, self._rules.ownership)
        after = merge_states(before, believed)
        if after != before:
            difference = self.fold.difference(family, entity, before, after)
            self.fold.verify(difference)
            self.fold.apply(partition, difference)
            states[entity] = after
        if after != recorded:
            self._repaired[family, partition][entity] = after
        else:
            self._repaired[family, partition].pop(entity, None)
        if believed is recorded:
            self._disbelieved[family, partition].discard(entity)
        else:
            self._disbelieved[family, partition].add(entity)
            self.cells_ahead += cells_in(recorded) - cells_in(in_time)
            self.cells_not_owned += cells_in(in_time) - cells_in(believed)

    def forget(self, family: Family, partition: int, entity: str) -> None:
        """Forget an entity whose state the changelog ends there: it was erased."""
        before = self._states[family, partition].pop(entity, EMPTY)
        self._repaired[family, partition].pop(entity, None)
        self._disbelieved[family, partition].discard(entity)
        self.fold.replace(family, partition, entity, before, EMPTY)

    def to_read_again(self) -> list[tuple[Family, int]]:
        """Return the places where the changelog's last word of an entity was not all believed."""
        return [place for place, entities in self._disbelieved.items() if entities]

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
        self._disbelieved[family, partition] -= written.keys()

    def drop(self, family: Family, partition: int) -> None:
        """Forget a partition that another worker owns now."""
        self._states.pop((family, partition), None)
        self._repaired.pop((family, partition), None)
        self._watched.pop((family, partition), None)
        self._disbelieved.pop((family, partition), None)
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
