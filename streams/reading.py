"""The content of records: the entity, fact and day of each, and its cell."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from sys import intern
from typing import Final, TypeAlias

from pydantic import TypeAdapter

from events.cloudevent import decode, read_usual
from events.errors import ContractError
from events.fact import Fact, Family
from events.milestone import MilestoneExplained
from events.record_rules import RecordRules, latest_time, no_timestamp, time_ahead
from events.records import Record
from streams.state import Cell, cell_of, day_of

#: The entity; the fact's name; the effective day (ISO 8601); source, event type and days from the
#: effective day to the UTC day of recording, by which records are counted; the cell.
Reading: TypeAlias = tuple[str, str, str, tuple[str, str, int], Cell]

# In the zone of the times that pydantic reads: subtracting equal zones takes a third of the time.
_EPOCH: Final = TypeAdapter(datetime).validate_strings("1970-01-01T00:00:00Z")
_EPOCH_ORDINAL: Final = _EPOCH.toordinal()


def readings(
    records: Iterable[Record], family: Family, rules: RecordRules
) -> list[Reading | ContractError]:
    """Return the reading of each record of a family's topic, or the error that refuses it."""
    found: list[Reading | ContractError] = []
    ahead = latest_time(0, rules.tolerance)
    of_days: dict[date, tuple[str, int]] = {}
    of_sources: dict[tuple[type[Fact], str], tuple[str, str] | None] = {}
    for record in records:
        # Uses no event object and no property: this loop is most of the cost of an event.
        read = read_usual(record.headers, record.value)
        if read is not None:
            event = read.__dict__
            fact = event["data"]
            kind, values = type(fact), fact.__dict__
            try:
                day, ordinal = of_days[effective := values[kind.DAY]]
            except KeyError:
                day, ordinal = of_days[effective] = day_of(effective), effective.toordinal()
            try:
                pair = of_sources[kind, event["source"]]
            except KeyError:
                pair = _pair(kind, event["source"], family, rules)
                of_sources[kind, event["source"]] = pair
            since = event["time"] - _EPOCH
            time = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
            days = since.days + _EPOCH_ORDINAL - ordinal
            if (
                pair is not None
                and days >= -1
                and time <= record.timestamp * 1000 + ahead
                and record.timestamp >= 0
            ):
                attributes = None if values["retracted"] else fact.attributes()
                cell = tuple.__new__(Cell, (time, pair[0], event["id"], attributes))
                found.append((fact.entity_id, kind.NAME, day, (*pair, days), cell))
                continue
        try:
            found.append(_reading(record, family, ahead, rules))
        except ContractError as refusal:
            found.append(refusal.without_traceback())  # Its frames keep the batch in cycles.
    return found


def _pair(
    kind: type[Fact], source: str, family: Family, rules: RecordRules
) -> tuple[str, str] | None:
    """Return source and event type if every event of a fact and source passes the rules."""
    if kind.FAMILY is not family or not rules.ownership.accepts_all(kind.NAME, source):
        return None
    if kind is MilestoneExplained:  # The catalogue decides for each event.
        return None
    return intern(source), kind.TYPE  # One string for all cells of a source.


def _reading(record: Record, family: Family, ahead: int, rules: RecordRules) -> Reading:
    """Return the reading of a record in any form. Raises ContractError."""
    event = decode(record.headers, record.value, family=family)
    cell = cell_of(event)
    if record.timestamp < 0:
        raise no_timestamp(record.timestamp)
    if cell[0] > record.timestamp * 1000 + ahead:
        raise time_ahead(event, record.timestamp)
    rules.judge_content(event)
    fact = event.fact
    effective = fact.effective_day
    days = event.time.toordinal() - effective.toordinal()
    return fact.entity_id, fact.NAME, day_of(effective), (cell[1], fact.TYPE, days), cell
