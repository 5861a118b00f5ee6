"""The event ledger: every accepted event as a row of DuckDB, with the offsets up to which it reads.

A batch's rows and the next offsets of its partitions are written in one transaction, so that a
process killed at any point loses no event and stores none twice. The ledger follows from the topics
alone: its file may be deleted at any time, and is then written anew.
"""

from __future__ import annotations

import json
import logging
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, Final, Self

import duckdb

from boundary.errors import SmartRegionError
from boundary.private_files import restrict_file
from broker.reading import Positions
from broker.stored_record import RawRecord
from events.cloudevent import CloudEvent
from events.dead_letters import RecordOrigin
from events.errors import ContractError, RefusalReason
from events.fact import Family
from events.record_rules import END_OF_TIME, RULES, RecordRules, microseconds
from events.topics import FAMILIES, topic_name
from report.words import NAME_FIELDS, REFERENCES, sorting_key
from streams.dead_letters import FORWARDED_FROM

logger = logging.getLogger(__name__)

LEDGER_TOPICS: Final = tuple(topic_name(family) for family in Family if not family.about_persons)
"""The topics to read for a ledger: those of all events but those about persons."""

PERSON_TOPICS: Final = tuple(topic_name(family) for family in Family if family.about_persons)
"""The topics of persons' events, which no ledger keeps."""

VISIBLE: Final = "known < $before AND until >= $before"
"""The condition that an event was, before a time, the latest known of its fact and day."""

ARRANGE_EVENTS: Final = 50_000
"""So many new events are arranged: a second's work for some hundred thousand in all."""

#: Raised with every change of the tables: a file of another version is written anew.
_VERSION: Final = "2"

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
    "forwarded": "BOOLEAN NOT NULL",  # A worker's copy of a record of another partition.
    "partition": "INTEGER NOT NULL",
    "offset": "BIGINT NOT NULL",
    "recorded": "BIGINT NOT NULL",  # The broker's timestamp of the record, in milliseconds.
}

# `until` is when the first event became known that is after this one in the order in which the
# latest of an entity, fact and day counts. So an event was the latest known at an instant from
# `known` up to `until`, if ever.
_EVENTS: Final = f"""(
    {", ".join(f'"{name}" {kind}' for name, kind in _COLUMNS.items())},
    until BIGINT NOT NULL
)"""

_TABLES: Final = f"""
CREATE TABLE event {_EVENTS};
CREATE TABLE next_offset (
    topic VARCHAR, "partition" INTEGER, "offset" BIGINT NOT NULL, PRIMARY KEY (topic, "partition")
);
CREATE TABLE refusal (reason VARCHAR PRIMARY KEY, count BIGINT NOT NULL);
CREATE TABLE skipped (
    topic VARCHAR, "partition" INTEGER, "offset" BIGINT, PRIMARY KEY (topic, "partition", "offset")
);
CREATE TABLE basis (name VARCHAR PRIMARY KEY, value VARCHAR NOT NULL);
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

_ADVANCE: Final = """
INSERT OR REPLACE INTO next_offset
SELECT unnest($topics::VARCHAR[]), unnest($partitions::INTEGER[]), unnest($offsets::BIGINT[])
"""

_REFUSE: Final = """
INSERT INTO refusal SELECT unnest($reasons::VARCHAR[]), unnest($counts::BIGINT[])
ON CONFLICT DO UPDATE SET count = count + excluded.count
"""

# DuckDB reads no block of rows whose least and greatest values exclude what is asked for.
_ARRANGED_TABLE: Final = f"CREATE TABLE arranged {_EVENTS}"
_ARRANGE: Final = """
INSERT INTO arranged SELECT * FROM event ORDER BY family, fact, entity, day, time;
DROP TABLE event;
ALTER TABLE arranged RENAME TO event
"""

_CLEAR: Final = """
DELETE FROM event; DELETE FROM next_offset; DELETE FROM refusal; DELETE FROM skipped;
DELETE FROM basis WHERE name <> 'version'
"""

# The tie-break between two contents under one (time, source, id) is part of the state's contract.
_canonical: Final = json.JSONEncoder(sort_keys=True, ensure_ascii=False).encode


class LedgerFailedError(SmartRegionError):
    """DuckDB could not read or write the ledger."""

    def __init__(self, file: Path | None, *, cause: str) -> None:
        self.file = file
        where = "in memory" if file is None else str(file)
        super().__init__(
            f"ledger: {where} cannot be used ({cause}): check the folder's rights and room and the"
            " memory that the ledger may take; or delete the file, which is read again from the"
            " topics"
        )


class LedgerOutdatedError(SmartRegionError):
    """What the ledger holds rests on something that has changed: topics, rules, decisions."""

    def __init__(self, file: Path | None, *, problem: str) -> None:
        self.file = file
        where = "it" if file is None else str(file)
        super().__init__(f"ledger: {problem}: delete {where}, which is read again from the topics")


@dataclass(frozen=True, slots=True)
class LedgerCounts:
    """How many events are stored, and how many records are not: refused, by reason, or skipped."""

    stored: int
    refused: Mapping[RefusalReason, int]
    skipped: int


class LedgerSnapshot:
    """The ledger at one instant: every query sees the same rows."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self._cursor = cursor

    def query(self, sql: str, parameters: Mapping[str, object] | None = None) -> list[Any]:
        """Return the rows of a query; its parameters are written `$name`."""
        return self._cursor.execute(sql, dict(parameters or {})).fetchall()

    def stream(
        self, sql: str, parameters: Mapping[str, object] | None = None, *, size: int = 20_000
    ) -> Iterator[Any]:
        """Yield the rows of a query without holding all of them; no other query until the end."""
        found = self._cursor.execute(sql, dict(parameters or {}))
        while rows := found.fetchmany(size):
            yield from rows


class EventLedger:
    """The accepted events of the topics, except those about persons; open it with `with`.

    `file` None: in memory. `memory` bounds DuckDB's memory (`512MB`), `threads` its threads.
    Methods may be called from several threads. A file that is no ledger, or one of another version,
    is deleted. Raises `SmartRegionError` or `LedgerFailedError`.
    """

    def __init__(
        self, file: Path | None = None, *, memory: str = "512MB", threads: int = 2
    ) -> None:
        self._file = file
        self._writing = Lock()
        self._unarranged = 0
        self._opening = Lock()
        self._open = partial(_opened, file, memory=memory, threads=threads)
        self._connection: duckdb.DuckDBPyConnection | None = _connect(file, self._open)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()

    def append(
        self,
        records: Iterable[RawRecord],
        rules: RecordRules = RULES,
        skipped: Collection[RecordOrigin] = (),
    ) -> int:
        """Store the events of records, and the next offsets; return how many were stored.

        Records below a stored offset are ignored. Records that `rules` refuse, or that are
        `skipped`, are counted; a stored event whose record is skipped since is removed.

        Raises `LedgerOutdatedError` where a record that was skipped no longer is, and
        `LedgerFailedError`.
        """
        with self._writing:
            with self._transaction() as cursor:
                known = _positions(cursor)
                batch = _LedgerBatch(known, rules, frozenset(skipped))
                for record in records:
                    batch.add(record)
                cells = batch.cells | self._skip(cursor, frozenset(skipped))
                if batch.rows:
                    columns = zip(*batch.rows, strict=True)
                    cursor.execute(_INSERT, dict(zip(_COLUMNS, map(list, columns), strict=True)))
                if cells:
                    cursor.execute(_SETTLE, {"cells": list(cells), "end": END_OF_TIME})
                _write_counts(cursor, batch)
            self._unarranged += len(batch.rows)
            return len(batch.rows)

    def bind(self, basis: Mapping[str, str]) -> None:
        """Check that what the ledger rests on is unchanged; what is new is remembered.

        Such are the identities of the topics, and a digest of the rules: rows of another topic, or
        accepted by other rules, must not be mixed with new ones. Raises `LedgerOutdatedError`.
        """
        with self._writing, self._transaction() as cursor:
            found = cursor.execute("SELECT name, value FROM basis").fetchall()
            known: dict[str, str] = dict(found)
            for name, value in basis.items():
                before = known.get(name)
                if before is None:
                    cursor.execute("INSERT INTO basis VALUES (?, ?)", [name, value])
                elif before != value:
                    problem = f"{name} is {value!r}, and was {before!r} when its events were read"
                    raise LedgerOutdatedError(self._file, problem=problem)

    def clear(self) -> None:
        """Remove everything, so that the topics are read from their beginning."""
        with self._writing, self._transaction() as cursor:
            cursor.execute(_CLEAR)

    def arrange(self, *, least: int = ARRANGE_EVENTS) -> bool:
        """Put the events of each fact, and of each entity, beside each other; return whether so.

        Of topics that are read side by side they lie mixed, and queries then take twice as long.
        Nothing is done where fewer than `least` were appended since the last time. Queries are
        answered meanwhile. Raises `LedgerFailedError`.
        """
        with self._writing:
            if self._unarranged < least:
                return False
            self._unarranged = 0  # Also where it fails: the next time is after as many again.
            with self._transaction() as cursor:
                cursor.execute(_ARRANGED_TABLE)
                cursor.execute(_ARRANGE)
            return True

    def positions(self) -> Positions:
        """Return the next offset of each partition that was read."""
        with self._cursor() as cursor:
            return _positions(cursor)

    def counts(self) -> LedgerCounts:
        """Return what became of the records."""
        with self.snapshot() as snapshot:
            ((stored,),) = snapshot.query("SELECT count(*) FROM event")
            ((skipped,),) = snapshot.query("SELECT count(*) FROM skipped")
            refused = snapshot.query("SELECT reason, count FROM refusal ORDER BY reason")
        return LedgerCounts(stored, {RefusalReason(one): n for one, n in refused}, skipped)

    def query(self, sql: str, parameters: Mapping[str, object] | None = None) -> list[Any]:
        """Return the rows of one query; its parameters are written `$name`."""
        with self._cursor() as cursor:
            return LedgerSnapshot(cursor).query(sql, parameters)

    @contextmanager
    def snapshot(self) -> Iterator[LedgerSnapshot]:
        """Yield the ledger as it stands, for several queries. Raises `LedgerFailedError`."""
        with self._cursor() as cursor:
            cursor.begin()
            try:
                yield LedgerSnapshot(cursor)
            finally:
                with suppress(duckdb.Error):
                    cursor.rollback()

    @contextmanager
    def _transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with self._cursor() as cursor:
            cursor.begin()
            try:
                yield cursor
            except BaseException:
                with suppress(duckdb.Error):
                    cursor.rollback()
                raise
            cursor.commit()

    @contextmanager
    def _cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        connection = None
        try:
            connection = self._opened()
            with connection.cursor() as cursor:
                yield cursor
        except duckdb.Error as error:
            if isinstance(error, duckdb.FatalException):
                self._drop(connection)
            raise LedgerFailedError(self._file, cause=_first_line(error)) from error

    def _opened(self) -> duckdb.DuckDBPyConnection:
        with self._opening:
            if self._connection is None:
                self._connection = self._open()
            return self._connection

    def _drop(self, failed: duckdb.DuckDBPyConnection | None) -> None:
        """Close a database that answers no query after a failed checkpoint: open it again."""
        with self._opening:
            if failed is not None and self._connection is failed:
                failed.close()
                self._connection = None

    def _skip(
        self, cursor: duckdb.DuckDBPyConnection, skipped: frozenset[RecordOrigin]
    ) -> set[int]:
        """Remove the stored events of records that are skipped; return the cells they were of."""
        found = cursor.execute('SELECT topic, "partition", "offset" FROM skipped').fetchall()
        known = {RecordOrigin(*row) for row in found}
        if known - skipped:
            topic, partition, offset = min(known - skipped)
            problem = f"{topic}/{partition}/{offset} was skipped, and no longer is"
            raise LedgerOutdatedError(self._file, problem=problem)
        cells: set[int] = set()
        for topic, partition, offset in skipped - known:
            family = FAMILIES.get(topic)
            if family is None or family.about_persons:
                continue
            cursor.execute("INSERT INTO skipped VALUES (?, ?, ?)", [topic, partition, offset])
            removed = cursor.execute(
                'DELETE FROM event WHERE family = ? AND "partition" = ? AND "offset" = ?'
                " RETURNING cell",
                [family.value, partition, offset],
            ).fetchall()
            cells.update(cell for (cell,) in removed)
        return cells


class _LedgerBatch:
    """The rows of some records, and the offsets after them."""

    def __init__(
        self, known: Positions, rules: RecordRules, skipped: frozenset[RecordOrigin]
    ) -> None:
        self.rows: list[tuple[object, ...]] = []
        self.cells: set[int] = set()
        self.refused: Counter[RefusalReason] = Counter()
        self.positions: dict[tuple[str, int], int] = {}
        self._known = known
        self._rules = rules
        self._skipped = skipped

    def add(self, record: RawRecord) -> None:
        """Add a record, unless it was read before."""
        place = record.topic, record.partition
        if record.offset < self.positions.get(place, self._known.get(place, 0)):
            return
        self.positions[place] = record.offset + 1
        family = FAMILIES[record.topic]
        if family.about_persons or record[:3] in self._skipped:
            return
        try:
            event = self._rules.decode(record, family=family)
        except ContractError as error:
            self.refused[error.reason] += 1
            return
        cell = _cell(family, event)
        self.cells.add(cell)
        self.rows.append(_row(record, family, event, cell, self._rules.known_at(event, record)))


def _connect(
    file: Path | None, open_ledger: Callable[[], duckdb.DuckDBPyConnection]
) -> duckdb.DuckDBPyConnection:
    """Open a ledger, which is empty where there was none or one that cannot be read."""
    if file is None:
        return open_ledger()
    if file.exists() and not os.access(file, os.R_OK | os.W_OK):
        raise LedgerFailedError(file, cause="this user may not read and write it")
    for part in _files(file):
        restrict_file(part)  # It may have been made by a process with another umask.
    try:
        return open_ledger()
    except (duckdb.Error, _OtherVersionError) as error:
        cause = _first_line(error)
        if "set lock" in cause:
            raise SmartRegionError(
                f"ledger: {file} is open in another process ({cause}): end that one, or name"
                " another file"
            ) from error
        if not file.exists():
            raise LedgerFailedError(file, cause=cause) from error
        logger.warning("ledger deleted, to be read again: file=%s cause=%s", file, cause)
    _delete(file)
    try:
        return open_ledger()
    except duckdb.Error as error:
        raise LedgerFailedError(file, cause=_first_line(error)) from error


class _OtherVersionError(Exception):
    """The file's tables are not those of this version."""


def _opened(file: Path | None, *, memory: str, threads: int) -> duckdb.DuckDBPyConnection:
    spill = "" if file is None else str(file.with_name(f"{file.name}.tmp"))
    connection = duckdb.connect(
        ":memory:" if file is None else str(file),
        config={
            "memory_limit": memory,
            "threads": threads,
            "temp_directory": spill,
            # The order of rows follows from ORDER BY alone.
            "preserve_insertion_order": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
    try:
        # The one file that is read or written is the ledger's.
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        _prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the tables where there are none. Raises `_OtherVersionError`."""
    tables = {name for (name,) in connection.execute("SHOW TABLES").fetchall()}
    if not tables:
        connection.execute(f"BEGIN; {_TABLES}")
        connection.execute("INSERT INTO basis VALUES ('version', ?)", [_VERSION])
        connection.execute("COMMIT")
        return
    version = "SELECT value FROM basis WHERE name = 'version'"
    if "basis" not in tables or connection.execute(version).fetchone() != (_VERSION,):
        message = f"it is not of version {_VERSION}"
        raise _OtherVersionError(message)


def _delete(file: Path) -> None:
    for part in _files(file):
        part.unlink(missing_ok=True)


def _files(file: Path) -> tuple[Path, Path]:
    return file, file.with_name(f"{file.name}.wal")


def _positions(cursor: duckdb.DuckDBPyConnection) -> dict[tuple[str, int], int]:
    found = cursor.execute('SELECT topic, "partition", "offset" FROM next_offset').fetchall()
    return {(topic, partition): offset for topic, partition, offset in found}


def _write_counts(cursor: duckdb.DuckDBPyConnection, batch: _LedgerBatch) -> None:
    if batch.positions:
        places = list(batch.positions)
        cursor.execute(
            _ADVANCE,
            {
                "topics": [topic for topic, _ in places],
                "partitions": [partition for _, partition in places],
                "offsets": list(batch.positions.values()),
            },
        )
    if batch.refused:
        reasons = [reason.value for reason in batch.refused]
        cursor.execute(_REFUSE, {"reasons": reasons, "counts": list(batch.refused.values())})


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
        any(header == FORWARDED_FROM for header, _ in record.headers),
        record.partition,
        record.offset,
        record.timestamp,
    )


def _cell(family: Family, event: CloudEvent) -> int:
    fact = event.fact
    key = f"{family.value}\n{fact.entity_id}\n{fact.NAME}\n{fact.effective_day}"
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), signed=True)


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]
