"""Entity state: the facts of one entity, as a set that is merged.

A state holds, per fact and effective day, the latest record by (time, source, id). The merge, in
`streams.merging`, is commutative, associative and idempotent: duplicates, replays and late events
lead to the same state.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from sys import intern
from typing import Any, NamedTuple, TypeAlias

from events.cloudevent import CloudEvent
from events.record_rules import microseconds

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Cell(NamedTuple):
    """The latest record of one fact on one effective day.

    `time` is in microseconds since 1970 UTC. `attributes` is None for a retraction: the cell stays,
    so that no older record replaces it, and counts in no figure.
    """

    time: int
    source: str
    id: str
    attributes: Mapping[str, Any] | None


#: Fact name → effective day (ISO 8601) → cell.
EntityState: TypeAlias = "Mapping[str, Mapping[str, Cell]]"

EMPTY: EntityState = {}
NO_DAYS: Mapping[str, Cell] = {}


def moment_of(microseconds: int) -> datetime:
    """Return the aware time of microseconds since 1970 UTC."""
    return _EPOCH + timedelta(microseconds=microseconds)


def cell_of(event: CloudEvent) -> Cell:
    """Return the cell of an event, for its fact and effective day."""
    fact = event.fact
    return Cell(
        microseconds(event.time),
        intern(event.source),  # One string for all cells of a source.
        event.id,
        None if fact.retracted else fact.attributes(),
    )


@lru_cache(maxsize=16_384)
def day_of(day: date) -> str:
    """Return a day in ISO 8601: one string for all cells of the day."""
    return day.isoformat()


def newest(left: Cell, right: Cell) -> Cell:
    """Return the cell with the greater (time, source, id), then with the greater content.

    Content decides only if a producer has reused an id; the order of arrival never decides.
    """
    if left[:3] != right[:3]:
        return max(left, right)
    if left.attributes == right.attributes:
        return left
    return max(left, right, key=_content)


def attributes_by_day(state: EntityState, fact: str) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the days on which a fact is not retracted, in order, with its attributes."""
    days = state.get(fact, NO_DAYS)
    return [
        (day, attributes)
        for day in sorted(days)
        if (attributes := days[day].attributes) is not None
    ]


def _content(cell: Cell) -> str:
    return json.dumps(cell.attributes, sort_keys=True, ensure_ascii=False)
