"""Classified records as rows of SQLite in memory: what is about persons is on no disk."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from events.producers.model import UNKNOWN_PRODUCER, Producers
from events.record_rules import microseconds
from operations.scorecards.classification import (
    AcceptedRecord,
    ClassifiedRecord,
    RefusedRecord,
    lateness_days,
)
from operations.scorecards.references import shown_value

_ACCEPTED: Final = "INSERT INTO accepted VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_REFUSED: Final = "INSERT INTO refused VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
# The tie-break between two contents under one (time, source, id) is part of the state's contract.
_canonical: Final = json.JSONEncoder(sort_keys=True, ensure_ascii=False).encode


def table_of(records: Iterable[ClassifiedRecord], producers: Producers) -> sqlite3.Connection:
    """Return a database of the records, in any order, each with its producer: see records.sql."""
    database = sqlite3.connect(":memory:")
    database.row_factory = sqlite3.Row
    database.executescript(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
    for record in records:
        producer = producer_of(record, producers)
        if isinstance(record, AcceptedRecord):
            database.execute(_ACCEPTED, (producer, *_accepted(record), *record.origin))
        else:
            shown = shown_value(record.field, record.value)
            refused = (producer, record.reason, record.field, shown, record.owner)
            database.execute(_REFUSED, (*refused, *record.origin))
    return database


def producer_of(record: ClassifiedRecord, producers: Producers) -> str:
    """Return the id of a record's producer, or `unknown`.

    The producer that the gateway authenticated takes precedence over the record's source.
    """
    if isinstance(record, RefusedRecord) and record.producer is not None:
        named = producers.get(record.producer)
        return UNKNOWN_PRODUCER if named is None else named.id
    source = record.event.source if isinstance(record, AcceptedRecord) else record.source
    found = producers.of_source(source) if source is not None else None
    return UNKNOWN_PRODUCER if found is None else found.id


def _accepted(record: AcceptedRecord) -> tuple[str | int, ...]:
    event, fact = record.event, record.event.fact
    return (
        event.source,
        event.id,
        microseconds(event.time),
        fact.NAME,
        fact.entity_id,
        fact.effective_day.toordinal(),
        lateness_days(event.time, fact.effective_day),
        _canonical(fact.attributes()),
        fact.retracted,
        record.replayed,
        record.misplaced,
    )
