"""The event ledger: every accepted event, except those about persons, as a row of DuckDB in memory.

The log is the state: a process reads the topics anew when it starts, and keeps nothing afterwards.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from threading import Lock
from typing import Any, Final, Self, TypeAlias

import duckdb

from boundary.errors import SmartRegionError
from broker.stored_record import RawRecord
from events.cloudevent import CloudEvent
from events.dead_letters import RecordOrigin
from events.errors import ContractError
from events.fact import Family
from events.record_rules import END_OF_TIME, RULES, RecordRules, microseconds
from events.topics import FAMILIES, topic_name
from report.words import NAME_FIELDS, REFERENCES, sorting_key
from streams.dead_letters import FORWARDED_FROM

LEDGER_TOPICS: Final = tuple(topic_name(family) for family in Family if not family.about_persons)
"""The topics that a ledger is read from: all but those about persons."""

PERSON_TOPICS: Final = tuple(topic_name(family) for family in Family if family.about_persons)
"""The topics about persons, which no ledger keeps."""

VISIBLE: Final = "known < $before AND until >= $before"
"""The condition that an event was, before a time, the latest known of its fact and day."""

_COLUMNS: Final = {
    "family": "VARCHAR NOT NULL",
    "entity": "VARCHAR NOT NULL",
    "fact": "VARCHAR NOT NULL",
    "day": "INTEGER NOT NULL",  # The effective day, a proleptic ordinal.
    "cell": "BIGINT NOT NULL",  # A digest of these four.
    "time": "BIGINT NOT NULL",  # In microseconds since 1970 UTC.
    "known": "BIGINT NOT NULL",  # When it became known, in microseconds since 1970 UTC.
    "source": "VARCHAR NOT NULL",
    "id": "VARCHAR NOT NULL",
    "type": "VARCHAR NOT NULL",
    "content": "VARCHAR",  # The attributes as canonical JSON; NULL for a retraction.
    "department": "VARCHAR",
    "name": "VARCHAR",  # Of the entity, where the event says it.
    "sorted": "VARCHAR",  # The name, as it is sorted.
    "subject": "VARCHAR",  # The entity of another family that the event refers to.
    "commune": "VARCHAR",  # Where the entity is, where the event says it.
    "forwarded": "BOOLEAN NOT NULL",  # A worker's copy of a record of another partition.
    "partition": "INTEGER NOT NULL",
    "offset": "BIGINT NOT NULL",
    "recorded": "BIGINT NOT NULL",  # The broker's timestamp of the record, in milliseconds.
}

# `until` is when the first event became known that follows this one in the order that decides which
# event of an entity, fact and day counts. So an event was the latest known from `known` to `until`.
_TABLE: Final = f"""
CREATE TABLE event (
    {", ".join(f'"{name}" {kind}' for name, kind in _COLUMNS.items())},
    until BIGINT NOT NULL
)
"""

_INSERT: Final = f"""
INSERT INTO event SELECT
    {", ".join(f"unnest(${name}::{kind.split()[0]}[])" for name, kind in _COLUMNS.items())},
    {END_OF_TIME}
"""

# The last of two equal events does not count: the first one arrived with the fact.
_SETTLE: Final = """
UPDATE event SET until = settled.until
FROM (
    SELECT rowid AS row, until AS before, coalesce(min(known) OVER (
        PARTITION BY cell, family, entity, fact, day
        ORDER BY
            time, source, id, coalesce(content, 'null'),
            forwarded DESC, recorded DESC, "partition" DESC, "offset" DESC
        ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
    ), $end) AS until
    FROM event
    WHERE cell IN (SELECT unnest($cells::BIGINT[]))
) AS settled
WHERE event.rowid = settled.row AND settled.before <> settled.until
"""

# The tie-break between two contents under one (time, source, id) is part of the state's contract.
_canonical: Final = json.JSONEncoder(sort_keys=True, ensure_ascii=False).encode


LedgerQuery: TypeAlias = Callable[..., list[Any]]
"""Returns the rows of SQL; its parameters, the second argument, are written `$name`."""


class EventLedger:
    """The accepted events of the topics, except those about persons; open it with `with`.

    `memory` bounds DuckDB's memory (`512MB`), `threads` its threads. What does not fit into memory
    goes to temporary files in the folder `spill`; None: nowhere. Methods may be called from several
    threads. They raise SmartRegionError where DuckDB fails.
    """

    def __init__(
        self, *, memory: str = "512MB", threads: int = 2, spill: Path | None = None
    ) -> None:
        self.events = 0
        """How many events are stored."""
        self._writing = Lock()
        self._connection = duckdb.connect(
            config={
                "memory_limit": memory,
                "threads": threads,
                "temp_directory": "" if spill is None else str(spill),
                # The order of rows follows from ORDER BY alone.
                "preserve_insertion_order": False,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            }
        )
        # Queries read and write no file.
        self._connection.execute("SET enable_external_access = false")
        self._connection.execute("SET lock_configuration = true")
        self._connection.execute(_TABLE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def append(
        self,
        records: Iterable[RawRecord],
        rules: RecordRules = RULES,
        skipped: Collection[RecordOrigin] = (),
    ) -> None:
        """Store the events of records, all or none.

        Records that `rules` refuse, that operators `skipped` or that are about persons are not
        stored.
        """
        cells: set[int] = set()
        rows = []
        for record in records:
            family = FAMILIES[record.topic]
            if family.about_persons or record[:3] in skipped:
                continue
            with suppress(ContractError):
                event = rules.decode(record, family=family)
                cell = _cell(family, event)
                cells.add(cell)
                rows.append(_row(record, family, event, cell, rules.known_at(event, record)))
        if not rows:
            return
        with self._writing, self._transaction() as cursor:
            columns = zip(*rows, strict=True)
            cursor.execute(_INSERT, dict(zip(_COLUMNS, map(list, columns), strict=True)))
            cursor.execute(_SETTLE, {"cells": list(cells), "end": END_OF_TIME})
            cursor.commit()
            self.events += len(rows)

    def clear(self) -> None:
        """Remove everything, so that the topics are read from their beginning."""
        with self._writing, self._transaction() as cursor:
            cursor.execute("DELETE FROM event")
            cursor.commit()
            self.events = 0

    def query(self, sql: str, parameters: Mapping[str, object] | None = None) -> list[Any]:
        """Return the rows of one query; its parameters are written `$name`."""
        with self._cursor() as cursor:
            return cursor.execute(sql, parameters or {}).fetchall()

    @contextmanager
    def snapshot(self) -> Iterator[LedgerQuery]:
        """Yield what queries the ledger at this instant: all queries see the same rows."""
        with self._transaction() as cursor:
            yield lambda sql, parameters=None: cursor.execute(sql, parameters or {}).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Yield a cursor in a transaction, which is undone unless it was committed."""
        with self._cursor() as cursor:
            cursor.begin()
            try:
                yield cursor
            finally:
                with suppress(duckdb.Error):
                    cursor.rollback()

    @contextmanager
    def _cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        try:
            with self._connection.cursor() as cursor:
                yield cursor
        except duckdb.Error as error:
            cause = str(error).partition("\n")[0]
            raise SmartRegionError(
                f"ledger: events cannot be stored or queried ({cause}): raise"
                " SMART_REGION_PAGE_LEDGER_MB, or name a folder with room in"
                " SMART_REGION_WORK_FOLDER"
            ) from error


def _row(
    record: RawRecord, family: Family, event: CloudEvent, cell: int, known: int
) -> tuple[object, ...]:
    """Return the columns of an event, in the order of `_COLUMNS`."""
    fact = event.fact
    attributes = fact.attributes()
    name_field, reference = NAME_FIELDS.get(fact.NAME), REFERENCES.get(family)
    name = None if name_field is None else str(attributes[name_field])
    return (
        family.value,
        fact.entity_id,
        fact.NAME,
        fact.effective_day.toordinal(),
        cell,
        microseconds(event.time),
        known,
        event.source,
        event.id,
        event.type,
        None if fact.retracted else _canonical(attributes),
        attributes.get("department"),
        name,
        None if name is None else sorting_key(name),
        None if reference is None else attributes[reference.field],
        attributes.get("commune"),
        any(header == FORWARDED_FROM for header, _ in record.headers),
        record.partition,
        record.offset,
        record.timestamp,
    )


def _cell(family: Family, event: CloudEvent) -> int:
    fact = event.fact
    key = f"{family.value}\n{fact.entity_id}\n{fact.NAME}\n{fact.effective_day}"
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), signed=True)
