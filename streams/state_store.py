"""The state store: entity states by partition, and the fold of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from broker.compression import BatchUnreadableError
from broker.stored_record import RawRecord
from catalogue.explanations import Explanation
from catalogue.model import Promise
from catalogue.terms import Term
from events.fact import Family
from events.record_rules import NO_TIMESTAMP, RULES, RecordRules, latest_time
from events.records import UnreadableValue
from streams.encoded_states import EncodedStates
from streams.explanations import said_in
from streams.first_states import FirstStates
from streams.fold import Difference, Fold, Series, SeriesKey
from streams.state import (
    EMPTY,
    LARGE_STATE_BYTES,
    UNREADABLE,
    EntityState,
    cells_in,
    decode_state,
    encode_state,
    merge_states,
    recorded_by,
    reported_by_owners,
)

#: The entities of one step of a check: some 10 ms.
CHECK_STEP: Final = 500
NO_VALUES: Final[Mapping[str, bytes]] = MappingProxyType({})
NO_STATES: Final[Mapping[str, EntityState]] = MappingProxyType({})


class StateChange(NamedTuple):
    """The change of one entity's state, computed before anything is written."""

    key: bytes
    """The key of its changelog record."""
    before: bytes | None
    """The state as it is kept: None for an entity not known."""
    after: EntityState
    value: bytes
    """`after`, encoded."""
    difference: Difference


class StateStore:
    """Entity states by family and partition.

    `fold` is always the fold of these states: every method that changes a state changes both.
    """

    def __init__(self, terms: Iterable[Term], rules: RecordRules = RULES) -> None:
        self.fold = Fold(terms)
        self.restored = 0
        """Changelog records that were read."""
        self.cells_ahead = 0
        """Cells of changelog records that `recover` left out because of their time."""
        self.cells_not_owned = 0
        """Cells that it left out because their source does not own the fact."""
        self._rules = rules
        #: As in the changelog: see `EncodedStates`. The tally has the same keys, not copies.
        self._states: dict[tuple[Family, int], dict[bytes, bytes]] = defaultdict(dict)
        self._to_repair: dict[tuple[Family, int], dict[str, EntityState]] = defaultdict(dict)
        self._sizes: dict[tuple[Family, int], dict[str, int]] = defaultdict(dict)
        self._filtered: dict[tuple[Family, int], set[str]] = defaultdict(set)
        #: By partition: the fold's version of the last change of an explanation.
        self._said: dict[int, int] = {}

    @property
    def indexes(self) -> Mapping[Term, int]:
        """The terms of the fold's series, with their indexes."""
        return self.fold.indexes

    def all_series(self) -> Iterator[tuple[SeriesKey, Series]]:
        """Yield the series of every partition in the store."""
        for partition in sorted({partition for _, partition in self._states}):
            yield from self.fold.series(partition).items()

    def said(self) -> Iterator[tuple[Promise, Explanation]]:
        """Yield the explanations of every partition in the store."""
        for family, partition in self.partitions():
            if family is Family.EXPLANATIONS:
                yield from said_in(self.states(family, partition))

    def said_since(self, version: int, partition: int) -> bool:
        """Return whether an explanation of a partition changed since a version of the fold."""
        return self._said.get(partition, 0) > version

    def _count_explanation(self, family: Family, partition: int) -> None:
        # The fold has no terms of them.
        if family is Family.EXPLANATIONS:
            self._said[partition] = self.fold.touch()

    def states(self, family: Family, partition: int) -> Mapping[str, EntityState]:
        """Return the states of one family's partition, by entity id."""
        return EncodedStates(self._states[family, partition])

    def sizes(self, family: Family, partition: int) -> Mapping[str, int]:
        """Return the sizes of large states, in bytes by entity; UNREADABLE for such a state."""
        return self._sizes[family, partition]

    def set_size(self, family: Family, partition: int, entity: str, size: int) -> bool:
        """Record the size of a state in bytes; return True where it becomes large."""
        sizes = self._sizes[family, partition]
        if size <= LARGE_STATE_BYTES:
            if sizes:
                sizes.pop(entity, None)
            return False
        is_new = entity not in sizes
        sizes[entity] = size
        return is_new

    def changes(
        self,
        family: Family,
        partition: int,
        changed: Mapping[str, EntityState],
        *,
        values: Mapping[str, bytes] = NO_VALUES,
        known: Mapping[str, EntityState] = NO_STATES,
    ) -> Mapping[str, StateChange]:
        """Return the changes that new states make, without applying them.

        `values` are the new states encoded, `known` the present ones as they were read, where the
        caller has them. Raises what the fold raises for a state that cannot be folded.
        """
        kept = self._states[family, partition]
        states = EncodedStates(kept)
        found = {}
        for entity, after in changed.items():
            value = values.get(entity)
            if value is None:
                value = encode_state(after)
            before = known.get(entity)
            if before is None:
                before = states.get(entity, EMPTY)
            difference = self.fold.difference(family, entity, before, after)
            key = entity.encode()
            found[entity] = StateChange(key, kept.get(key), after, value, difference)
        return found

    def put(self, family: Family, partition: int, changed: Mapping[str, EntityState]) -> None:
        """Compute and apply the changes that new states make."""
        self.apply(family, partition, self.changes(family, partition, changed))

    def apply(self, family: Family, partition: int, changes: Mapping[str, StateChange]) -> None:
        """Apply changes that `changes` has computed."""
        kept = self._states[family, partition]
        to_repair = self._to_repair[family, partition]
        differences = []
        for entity, (key, before, after, value, difference) in changes.items():
            if kept.get(key) is before:
                differences.append(difference)
            else:  # The partition was dropped meanwhile.
                known = EncodedStates(kept).get(entity, EMPTY)
                self.fold.replace(family, partition, entity, known, after)
            kept[key] = value
            to_repair.pop(entity, None)
        self.fold.apply(partition, differences)
        self._filtered[family, partition] -= changes.keys()
        if changes:
            self._count_explanation(family, partition)

    def restore(
        self,
        family: Family,
        partition: int,
        key: bytes | None,
        value: bytes | None,
        timestamp: int = NO_TIMESTAMP,
    ) -> Exception | None:
        """Restore a changelog record; return the error that made it unreadable, or None.

        An unreadable record is ignored. Where an earlier record of the entity was read, its state
        is written again. Where none was, the entity's events are refused and the partition's
        figures are not shown, until a rebuild.
        """
        self.restored += 1
        if isinstance(value, UnreadableValue):
            # Its entities are not known: an id that none has stands for them.
            self._sizes[family, partition][""] = UNREADABLE
            return BatchUnreadableError(value.cause)
        if key is None:
            return None
        try:
            entity = key.decode()
        except UnicodeDecodeError as error:
            return error  # The key of no entity.
        try:
            if value is None:
                self.remove(family, partition, entity)
                self._sizes[family, partition].pop(entity, None)
            else:
                recorded = decode_state(value)
                self.recover(family, partition, entity, recorded, timestamp, kept=(key, value))
                sizes = self._sizes.get((family, partition))
                if sizes and sizes.get(entity) == UNREADABLE:
                    # A later state contains every earlier one.
                    del sizes[entity]
                if len(value) > LARGE_STATE_BYTES:
                    after = self.states(family, partition).get(entity, EMPTY)
                    self.set_size(family, partition, entity, len(encode_state(after)))
        except Exception as error:  # noqa: BLE001 - foreign bytes may raise anything
            known = self.states(family, partition).get(entity)
            if known is None:
                self._sizes[family, partition][entity] = UNREADABLE
            else:
                self._to_repair[family, partition][entity] = known
            return error
        return None

    def restore_all(
        self, family: Family, partition: int, records: Iterable[RawRecord]
    ) -> list[tuple[RawRecord, Exception]]:
        """Restore changelog records of a partition, each as `restore`; return the unreadable ones.

        The first states of entities are folded together.
        """
        kept = self._states[family, partition]
        first = FirstStates(family, self.fold, self._rules)
        failed = []
        is_plain = self._is_plain(family, partition)
        for record in records:
            key, value = record.key, record.value
            if (
                is_plain
                and type(value) is bytes
                and key is not None
                and key not in kept
                and len(value) <= LARGE_STATE_BYTES
                and first.take(key, value, record.timestamp)
            ):
                kept[key] = value
                self.restored += 1
                continue
            error = self.restore(family, partition, key, value, record.timestamp)
            if error is not None:
                failed.append((record, error))
            is_plain = self._is_plain(family, partition)
        self.fold.apply(partition, first.differences)
        if first.differences:
            self._count_explanation(family, partition)
        return failed

    def _is_plain(self, family: Family, partition: int) -> bool:
        """Return True where nothing is noted of any entity of a partition but its state."""
        key = family, partition
        return not (self._sizes.get(key) or self._to_repair.get(key) or self._filtered.get(key))

    def unreadable(self) -> Mapping[tuple[Family, int], int]:
        """Return the number of unreadable states, by family and partition."""
        return {
            key: count
            for key, sizes in self._sizes.items()
            if (count := sum(size == UNREADABLE for size in sizes.values()))
        }

    def large(self) -> Mapping[Family, int]:
        """Return the number of large states, by family."""
        counts: dict[Family, int] = defaultdict(int)
        for (family, _), sizes in self._sizes.items():
            counts[family] += sum(size > 0 for size in sizes.values())
        return counts

    def recover(
        self,
        family: Family,
        partition: int,
        entity: str,
        recorded: EntityState,
        timestamp: int = NO_TIMESTAMP,
        *,
        kept: tuple[bytes, bytes] | None = None,
    ) -> None:
        """Merge the state of a changelog record; `kept` is its key and value, as they are kept.

        A cell whose time is later than the record's timestamp plus the tolerance is left out: it
        would replace every correction. So is a cell whose source does not own the fact (any more).
        The cells that it had replaced are in the topic of events only: `to_reprocess` returns the
        partition, until a later record of the entity has no such cell.

        A record with fewer cells than an earlier one was written by a worker that no longer owned
        the partition. It removes nothing here, and the entity is written again: see `repairs_of`.
        """
        key = family, partition
        states = self._states[key]
        known = states.get(entity.encode() if kept is None else kept[0])
        before = EMPTY if known is None else decode_state(known)
        in_time = recorded_by(recorded, latest_time(timestamp, self._rules.tolerance))
        accepted = reported_by_owners(in_time, entity, self._rules.ownership)
        after = merge_states(before, accepted)
        if kept is None or (after is not recorded and after != recorded):
            kept = entity.encode(), encode_state(after)
            after = decode_state(kept[1])  # What is read later: JSON has no infinite numbers.
        if after != before:
            difference = self.fold.difference(family, entity, before, after)
            self.fold.verify(difference)
            self.fold.apply(partition, [difference])
            states[kept[0]] = kept[1]
            self._count_explanation(family, partition)
        if after is not recorded and after != recorded:
            self._to_repair[key][entity] = after
        elif repairs := self._to_repair.get(key):
            repairs.pop(entity, None)
        if accepted is not recorded:
            self._filtered[key].add(entity)
            self.cells_ahead += cells_in(recorded) - cells_in(in_time)
            self.cells_not_owned += cells_in(in_time) - cells_in(accepted)
        elif filtered := self._filtered.get(key):
            filtered.discard(entity)

    def remove(self, family: Family, partition: int, entity: str) -> None:
        """Remove an entity whose changelog record is a tombstone: it was erased."""
        before = self.states(family, partition).get(entity, EMPTY)
        self._states[family, partition].pop(entity.encode(), None)
        self._to_repair[family, partition].pop(entity, None)
        self._filtered[family, partition].discard(entity)
        self.fold.replace(family, partition, entity, before, EMPTY)
        self._count_explanation(family, partition)

    def to_reprocess(self) -> list[tuple[Family, int]]:
        """Return the partitions with an entity of whose last changelog record cells were left out.

        Their events have to be processed again from the beginning.
        """
        return [key for key, entities in self._filtered.items() if entities]

    def repairs(self) -> list[tuple[Family, int]]:
        """Return the partitions with states whose last changelog record has fewer cells."""
        return [key for key, states in self._to_repair.items() if states]

    def repairs_of(self, family: Family, partition: int) -> Mapping[str, EntityState]:
        """Return those states of one partition, by entity."""
        return dict(self._to_repair.get((family, partition), {}))

    def repaired(self, family: Family, partition: int, written: Mapping[str, EntityState]) -> None:
        """Mark these states as written to the changelog again."""
        waiting = self._to_repair[family, partition]
        for entity, state in written.items():
            if waiting.get(entity) == state:
                del waiting[entity]
        self._filtered[family, partition] -= written.keys()

    def drop(self, family: Family, partition: int) -> None:
        """Drop a revoked partition."""
        self._states.pop((family, partition), None)
        self._to_repair.pop((family, partition), None)
        self._sizes.pop((family, partition), None)
        self._filtered.pop((family, partition), None)
        self.fold.drop(family, partition)

    def entities(self) -> Mapping[Family, int]:
        """Return the number of entities, by family."""
        counts: dict[Family, int] = defaultdict(int)
        for (family, _), states in self._states.items():
            counts[family] += len(states)
        return counts

    def partitions(self) -> list[tuple[Family, int]]:
        """Return the families and partitions in the store."""
        return list(self._states)

    def mismatches(self, family: Family, partition: int) -> int:
        """Return how many series of one partition differ from a fold of its states from scratch.

        Anything but 0 is a bug of this program: restart the worker, and report it.
        """
        steps = self.check(family, partition)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return int(end.value)

    def check(self, family: Family, partition: int) -> Generator[None, None, int]:
        """Do as `mismatches` in steps of CHECK_STEP entities.

        The states and the series are those of the first step: both may change meanwhile.
        """
        states = EncodedStates(dict(self._states.get((family, partition), {})))
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
