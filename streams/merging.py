"""The merge of a batch of records into the states of a partition, without Kafka or a clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from events.errors import ContractError
from events.fact import Family
from events.partitioning import partitions_for
from events.record_rules import RULES, RecordRules
from events.records import Record
from streams.reading import Reading, readings
from streams.state import (
    EMPTY,
    NO_DAYS,
    Cell,
    EntityState,
    moment_of,
    newest,
)
from streams.state_store import StateChange, StateStore

#: The event type of a record whose type cannot be read.
UNKNOWN_TYPE = "unknown"
_NO_TIME = -(2**63)


class Outcome(StrEnum):
    """The outcome of a record. Every record has exactly one."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    SUPERSEDED = "superseded"
    REFUSED = "refused"
    MISROUTED = "misrouted"


@dataclass(frozen=True, slots=True)
class RecordRefusal:
    """A record that breaks its contract, and the error."""

    record: Record
    error: ContractError


@dataclass(frozen=True, slots=True)
class Forward:
    """A valid record on the wrong partition, and its entity's own partition."""

    record: Record
    entity: str
    partition: int


@dataclass(slots=True)
class Result:
    """The result of a batch.

    `changed` holds the new state of each changed entity, `latest` the newest `time` by (source,
    type). `records` counts the readable records by (source, type, outcome, days from the
    effective day to the UTC day of recording); the days are -1 if the effective day began further
    east. `records` and `refusals` add up to the batch.
    """

    changed: dict[str, EntityState] = field(default_factory=dict)
    refusals: list[RecordRefusal] = field(default_factory=list)
    forwards: list[Forward] = field(default_factory=list)
    records: Counter[tuple[str, str, Outcome, int]] = field(default_factory=Counter)
    latest: dict[tuple[str, str], datetime] = field(default_factory=dict)

    @property
    def tally(self) -> Counter[tuple[str, Outcome]]:
        """The number of records by (type, outcome)."""
        tally: Counter[tuple[str, Outcome]] = Counter()
        for (_, kind, outcome, _), count in self.records.items():
            tally[kind, outcome] += count
        if self.refusals:
            tally[UNKNOWN_TYPE, Outcome.REFUSED] = len(self.refusals)
        return tally


def merge_records(
    records: Iterable[Record],
    states: Mapping[str, EntityState],
    *,
    family: Family,
    partition: int,
    partitions: int,
    rules: RecordRules = RULES,
) -> Result:
    """Decode, validate and merge the records of one partition of one family's topic.

    `states` are the states of that partition by entity; they are not modified. If an entity is not
    among them and Java's partitioner assigns it to another partition, its record is forwarded: an
    entity on two partitions would count twice. Records that violate the `rules` are refused first.
    """
    records = list(records)
    read = readings(records, family, rules)
    known, away = _known_and_away(read, states, partition, partitions)
    result = Result()
    changed = result.changed
    times: dict[tuple[str, str], int] = {}
    counted: dict[Outcome, list[tuple[str, str, int]]] = {outcome: [] for outcome in Outcome}
    accepted = counted[Outcome.ACCEPTED]
    for record, reading in zip(records, read, strict=True):
        if isinstance(reading, ContractError):
            result.refusals.append(RecordRefusal(record, reading))
            continue
        entity, fact, day, count, cell = reading
        before = known.get(entity)
        if before is None:
            result.forwards.append(Forward(record, entity, away[entity]))
            counted[Outcome.MISROUTED].append(count)
            continue
        state = changed.get(entity, before)
        days = state.get(fact)
        current = None if days is None else days.get(day)
        if current is None or cell[0] > current[0] or newest(current, cell) is not current:
            _set(changed, entity, before, fact, day, cell)
            accepted.append(count)
        else:
            repeats = current[:3] == cell[:3]
            counted[Outcome.DUPLICATE if repeats else Outcome.SUPERSEDED].append(count)
        pair = count[:2]
        if cell[0] > times.get(pair, _NO_TIME):
            times[pair] = cell[0]
    for outcome, counts in counted.items():
        for (source, kind, lateness), number in Counter(counts).items():
            result.records[source, kind, outcome, lateness] = number
    result.latest = {pair: moment_of(time) for pair, time in times.items()}
    return result


def changes_of(
    state_store: StateStore,
    key: tuple[Family, int],
    records: Sequence[Record],
    *,
    partitions: int,
    rules: RecordRules,
) -> tuple[Result, Mapping[str, StateChange]]:
    """Return the effect of one family's records on the states of a partition, without applying it.

    Raises any error that a record causes in decoding, merge or fold.
    """
    result = merge_records(
        records,
        state_store.states(*key),
        family=key[0],
        partition=key[1],
        partitions=partitions,
        rules=rules,
    )
    return result, state_store.changes(*key, result.changed)


def _known_and_away(
    read: Iterable[Reading | ContractError],
    states: Mapping[str, EntityState],
    partition: int,
    partitions: int,
) -> tuple[dict[str, EntityState], dict[str, int]]:
    """Return the states of this partition's entities, and the partitions of all other entities."""
    valid = (reading for reading in read if not isinstance(reading, ContractError))
    entities = dict.fromkeys(reading[0] for reading in valid)
    known = {entity: states[entity] for entity in entities if entity in states}
    fresh = [entity for entity in entities if entity not in known]
    homes = partitions_for([entity.encode() for entity in fresh], partitions)
    away = {}
    for entity, home in zip(fresh, homes, strict=True):
        if home == partition:
            known[entity] = EMPTY
        else:
            away[entity] = home
    return known, away


def _set(
    changed: dict[str, EntityState],
    entity: str,
    before: EntityState,
    fact: str,
    day: str,
    cell: Cell,
) -> None:
    """Set a cell in the batch's copy of an entity's state; the first change makes the copy.

    The copy is changed in place, as are the days of a fact once they differ from `before`.
    """
    own: Any = changed.get(entity)
    if own is None:
        changed[entity] = {**before, fact: {**before.get(fact, NO_DAYS), day: cell}}
        return
    days = own.get(fact)
    if days is None or days is before.get(fact):
        own[fact] = {**before.get(fact, NO_DAYS), day: cell}
    else:
        days[day] = cell
