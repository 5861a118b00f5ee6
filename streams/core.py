"""The pure function from a batch of records to its result: no Kafka, no Faust, no clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from events.cloudevent import CloudEvent, decode
from events.errors import ContractError, RefusalReason
from events.partitioning import partition_for
from events.producers.ownership import Ownership
from events.record_rules import RULES, RecordRules, latest_time, time_ahead
from events.records import Record
from events.registry import Family
from events.topics import ENTITY_MAX_BYTES
from streams.state import (
    EMPTY,
    NO_DAYS,
    UNREADABLE,
    Cell,
    EntityState,
    cell_of,
    day_of,
    growth,
    newest,
    with_cell,
)

__all__ = ["UNKNOWN_TYPE", "Forward", "Outcome", "RecordRefusal", "Result", "process"]

NO_SIZES: Mapping[str, int] = MappingProxyType({})
#: The event type of a record whose type cannot be read.
UNKNOWN_TYPE = "unknown"


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
    """A valid record on the wrong partition, with its entity's own partition."""

    record: Record
    entity: str
    partition: int


@dataclass(slots=True)
class Result:
    """The result of a batch.

    `changed` holds the new state of each changed entity, `latest` the newest `time` by
    (source, type). `records` counts the readable records by (source, type, outcome, days from the
    effective day to the UTC day of recording); the days are -1 where the effective day began
    further east. `records` and `refusals` add up to the batch.
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


def process(
    records: Iterable[Record],
    states: Mapping[str, EntityState],
    *,
    family: Family,
    partition: int,
    partitions: int,
    sizes: Mapping[str, int] = NO_SIZES,
    rules: RecordRules = RULES,
) -> Result:
    """Decode, validate and merge the records of one partition of one family's topic.

    `states` are the states of that partition by entity; they are not modified. The record of an
    entity that is not among them, and that Java's partitioner assigns to another partition, is
    forwarded: an entity on two partitions would be counted twice. Records that violate the `rules`
    are refused first.

    `sizes` gives the sizes of large states, in bytes by entity. An event that makes a state larger
    than ENTITY_MAX_BYTES is refused, and so is every event of an UNREADABLE one.
    """
    large = dict(sizes)
    result = Result()
    ahead = latest_time(0, rules.tolerance)
    changed, counts, latest = result.changed, result.records, result.latest
    for record in records:
        try:
            event, cell = _decoded(record, family, ahead, rules.ownership)
        except ContractError as refusal:
            result.refusals.append(RecordRefusal(record, refusal))
            continue
        fact, source = event.fact, event.source
        entity = fact.entity_id
        kind = fact.TYPE
        effective = fact.effective_day
        days = event.time.toordinal() - effective.toordinal()
        state = changed.get(entity)
        if state is None:
            state = states.get(entity)
            if state is None:
                home = partition_for(entity.encode(), partitions)
                if home != partition:
                    result.forwards.append(Forward(record, entity, home))
                    counts[source, kind, Outcome.MISROUTED, days] += 1
                    continue
                state = EMPTY
        day = day_of(effective)
        known = state.get(fact.NAME, NO_DAYS).get(day)
        if known is None or newest(known, cell) is not known:
            if large and (error := _size_error(large, entity, state, fact.NAME, day, cell)):
                result.refusals.append(RecordRefusal(record, error))
                continue
            changed[entity] = with_cell(state, fact.NAME, day, cell)
            counts[source, kind, Outcome.ACCEPTED, days] += 1
        elif known[:3] == cell[:3]:
            counts[source, kind, Outcome.DUPLICATE, days] += 1
        else:
            counts[source, kind, Outcome.SUPERSEDED, days] += 1
        seen = latest.get((source, kind))
        if seen is None or event.time > seen:
            latest[source, kind] = event.time
    return result


def _decoded(
    record: Record, family: Family, ahead: int, ownership: Ownership
) -> tuple[CloudEvent, Cell]:
    """Return the event of a record and its cell. Raises ContractError."""
    event = decode(record.headers, record.value, family=family)
    cell = cell_of(event)
    if cell[0] > record.timestamp * 1000 + ahead and record.timestamp >= 0:
        raise time_ahead(event, record.timestamp)
    ownership.judge(event)
    return event, cell


def _size_error(
    sizes: dict[str, int], entity: str, state: EntityState, fact: str, day: str, cell: Cell
) -> ContractError | None:
    """Return the error of an event that a large state cannot take; else update its size."""
    size = sizes.get(entity)
    if size is None:
        return None
    if size == UNREADABLE:
        return ContractError(
            RefusalReason.UNPROCESSABLE,
            "data",
            None,
            "bring the states back from the events (docs/runbooks/PoisonRecord.md)",
            problem="is of an entity whose state cannot be read",
        )
    grown = size + growth(state, fact, day, cell)
    if grown > max(size, ENTITY_MAX_BYTES):
        return ContractError(
            RefusalReason.ENTITY_FULL,
            "data",
            day,
            f"an entity's facts and days are kept up to {ENTITY_MAX_BYTES} bytes: report less"
            " often, or under another identifier",
        )
    sizes[entity] = grown
    return None
