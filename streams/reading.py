"""What records say: the entity, the fact and the day of each, and its cell."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from sys import intern
from typing import Final, TypeAlias

from events.cloudevent import decode, read_usual
from events.errors import ContractError
from events.record_rules import RecordRules, latest_time, time_ahead
from events.records import Record
from events.registry import Family
from streams.state import Cell, cell_of, day_of

__all__ = ["Reading", "readings"]

#: The entity; the fact's name; the effective day (ISO 8601); source, event type and days from the
#: effective day to the UTC day of recording, which is how records are counted; the cell.
Reading: TypeAlias = tuple[str, str, str, tuple[str, str, int], Cell]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_ORDINAL: Final = _EPOCH.toordinal()
_MICROSECOND: Final = timedelta(microseconds=1)
_MICROSECONDS_OF_DAY: Final = timedelta(days=1) // _MICROSECOND


def readings(
    records: Iterable[Record], family: Family, rules: RecordRules
) -> list[Reading | ContractError]:
    """Return what each record of a family's topic says, or the error of a record refused."""
    found: list[Reading | ContractError] = []
    ahead = latest_time(0, rules.tolerance)
    takes_all = rules.ownership.takes_all
    for record in records:
        # Without an event object: this loop is most of what an event costs.
        read = read_usual(record.headers, record.value)
        if read is not None:
            fact, source = read.data, intern(read.source)  # One string for all cells of a source.
            kind, effective = type(fact), fact.effective_day
            time = (read.time - _EPOCH) // _MICROSECOND
            days = time // _MICROSECONDS_OF_DAY + _EPOCH_ORDINAL - effective.toordinal()
            if (
                kind.FAMILY is family
                and days >= -1
                and (time <= record.timestamp * 1000 + ahead or record.timestamp < 0)
                and takes_all(kind.NAME, source)
            ):
                attributes = None if fact.retracted else fact.attributes()
                cell = tuple.__new__(Cell, (time, source, read.id, attributes))
                counted = source, kind.TYPE, days
                found.append((fact.entity_id, kind.NAME, day_of(effective), counted, cell))
                continue
        try:
            found.append(_reading(record, family, ahead, rules))
        except ContractError as refusal:
            found.append(refusal)
    return found


def _reading(record: Record, family: Family, ahead: int, rules: RecordRules) -> Reading:
    """Return what a record of any form says. Raises ContractError."""
    event = decode(record.headers, record.value, family=family)
    cell = cell_of(event)
    if cell[0] > record.timestamp * 1000 + ahead and record.timestamp >= 0:
        raise time_ahead(event, record.timestamp)
    rules.ownership.judge(event)
    fact = event.fact
    effective = fact.effective_day
    days = event.time.toordinal() - effective.toordinal()
    return fact.entity_id, fact.NAME, day_of(effective), (cell[1], fact.TYPE, days), cell
