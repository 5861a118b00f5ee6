"""The core: what one batch of records changes. Pure; no Kafka, no Faust, no clock of its own."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from events.cloudevent import decode
from events.errors import ContractError, RefusalReason
from events.partitioning import partition_for
from events.record_rules import RULES
from events.record_time import latest_time, time_ahead
from events.topics import ENTITY_MAX_BYTES
from streams.state import (
    EMPTY,
    NO_DAYS,
    UNREADABLE,
    EntityState,
    cell_of,
    day_of,
    growth,
    newest,
    with_cell,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from events.cloudevent import CloudEvent
    from events.producers.ownership import Ownership
    from events.record_rules import RecordRules
    from events.records import Record
    from events.registry import Family
    from streams.state import Cell

__all__ = [
    "UNKNOWN_TYPE",
    "Forward",
    "Outcome",
    "RecordRefusal",
    "Result",
    "process",
]

NOBODY_WATCHED: Mapping[str, int] = MappingProxyType({})
#: The event type under which a record counts whose type could not be read.
UNKNOWN_TYPE = "unknown"


class Outcome(StrEnum):
    """What became of a record. Every record has exactly one."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    SUPERSEDED = "superseded"
    REFUSED = "refused"
    MISROUTED = "misrouted"


@dataclass(frozen=True, slots=True)
class RecordRefusal:
    """A record that breaks its contract, and why."""

    record: Record
    error: ContractError


@dataclass(frozen=True, slots=True)
class Forward:
    """A valid record that arrived on the wrong partition, and where its entity lives."""

    record: Record
    entity: str
    partition: int


@dataclass(slots=True)
class Result:
    """What a batch comes to.

    `changed` holds the new state of each entity that changed; `latest` the newest `time` per
    (source, type). `records` counts those that could be read by (source, type, outcome, days from
    the effective day to the recording in UTC, -1 where that day began further east); with
    `refusals` they add up to the batch.
    """

    changed: dict[str, EntityState] = field(default_factory=dict)
    refusals: list[RecordRefusal] = field(default_factory=list)
    forwards: list[Forward] = field(default_factory=list)
    records: Counter[tuple[str, str, Outcome, int]] = field(default_factory=Counter)
    latest: dict[tuple[str, str], datetime] = field(default_factory=dict)

    @property
    def tally(self) -> Counter[tuple[str, Outcome]]:
        """The records of the batch by (type, outcome)."""
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
    watched: Mapping[str, int] = NOBODY_WATCHED,
    rules: RecordRules = RULES,
) -> Result:
    """Decode, validate and merge the records of one partition of one family's topic.

    `states` are the entities of that partition; they are read, never changed. An entity that is
    not among them must belong to this partition by Java's partitioner, else its record is to be
    forwarded: an entity that lived on two partitions would count twice. What the `rules` of all
    readers do not take is refused before that.

    `watched` gives, of entities whose state is large, its size in bytes: an event that makes one
    larger than ENTITY_MAX_BYTES is refused. So are all events of an UNREADABLE one.
    """
    sizes = dict(watched)
    result = Result()
    ahead = latest_time(0, rules.tolerance)
    changed, counts, latest = result.changed, result.records, result.latest
    for record in records:
        try:
            event, cell = _told(record, family, ahead, rules.ownership)
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
            if sizes and (error := _overgrown(sizes, entity, state, fact.NAME, day, cell)):
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


def _told(
    record: Record, family: Family, ahead: int, ownership: Ownership
) -> tuple[CloudEvent, Cell]:
    """Return the event of a record, and the cell that it claims. Raises ContractError."""
    event = decode(record.headers, record.value, family=family)
    cell = cell_of(event)
    if cell[0] > record.timestamp * 1000 + ahead and record.timestamp >= 0:
        raise time_ahead(event, record.timestamp)
    ownership.judge(event)
    return event, cell


def _overgrown(
    sizes: dict[str, int], entity: str, state: EntityState, fact: str, day: str, cell: Cell
) -> ContractError | None:
    """Return why an event may not be merged into a large state; where it may, note its new size."""
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
