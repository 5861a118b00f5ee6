"""The figures of a day in a table of a PostgreSQL database, beside its owner's data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from enum import StrEnum
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final, LiteralString

import psycopg
from psycopg import errors, sql

from audit.export.document import table_schema
from audit.export.rows import KEY, ExportRow
from boundary.errors import SmartRegionError
from boundary.postgres import connect, error_text, translated_errors

SCHEMA: Final = "smart_region_figures"
TABLE: Final = sql.Identifier(SCHEMA, "figure")
ASKED: Final = "exported_for"
COLUMNS: Final = (ASKED, *ExportRow.model_fields)
_TYPES: Final[dict[str, LiteralString]] = {
    "boolean": "boolean",
    "integer": "bigint",
    "number": "double precision",
    "string": "text",
    "date": "date",
}
_ABOUT: Final = "Les chiffres de la Smart Région, écrits par smart-region export."
_ABOUT_ASKED: Final = "Jour demandé à l’export ; celui des chiffres publiés par période est as_of."
#: One writer at a time: two would delete and write the same day.
_LOCK: Final = "SELECT pg_advisory_xact_lock(hashtext('smart_region_figures'))"
LOCK_SECONDS: Final = 60
"""How long each lock is waited for. Whoever comes later waits behind who waits for a table."""
_THERE: Final = """
SELECT obj_description(to_regclass(%(schema)s || '.figure_key'), 'pg_class') = %(mark)s
  AND (SELECT bool_and(to_regclass(%(schema)s || '.' || view) IS NOT NULL)
    FROM unnest(%(views)s::text[]) AS view)
  AND %(columns)s::text[] <@ ARRAY(
    SELECT attname::text FROM pg_attribute
    WHERE attrelid = to_regclass(%(schema)s || '.figure') AND attnum > 0 AND NOT attisdropped)
"""
_VIEWS: Final = ("current_figure", "milestone_status", "history")


def write_figures(
    database: str, rows: Iterable[ExportRow], *, day: date, known_on: date | None = None
) -> int:
    """Replace the figures of a day, as known on a day, in one transaction; return their number.

    The schema, its table and its views are made where they are not there; columns of a later
    release are added. Readers, a backup too, are waited for only then, and for LOCK_SECONDS.
    `database` is as `boundary.postgres.connect` has it. Raises as that, and
    SmartRegionError.
    """
    with translated_errors():
        return _write(database, list(rows), day, known_on)


def _write(database: str, rows: Sequence[ExportRow], day: date, known_on: date | None) -> int:
    try:
        with connect(database) as connection, connection.transaction():
            connection.execute("SELECT set_config('lock_timeout', %s, true)", (f"{LOCK_SECONDS}s",))
            connection.execute(_LOCK)
            if not _is_there(connection):
                _prepare(connection)
            connection.execute(
                sql.SQL(
                    "DELETE FROM {} WHERE exported_for = %s AND known_on IS NOT DISTINCT FROM %s"
                ).format(TABLE),
                (day, known_on),
            )
            columns = sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
            with (
                connection.cursor() as cursor,
                cursor.copy(sql.SQL("COPY {} ({}) FROM STDIN").format(TABLE, columns)) as copy,
            ):
                for row in rows:
                    copy.write_row((day, *_values(row)))
    except errors.InsufficientPrivilege as error:
        raise SmartRegionError(
            f"figures: cannot be written ({error_text(error)}): grant this role CREATE on the"
            f" database, or make it the owner of the schema {SCHEMA}"
        ) from None
    except (UnicodeEncodeError, errors.UntranslatableCharacter):
        # As LATIN1 lacks characters of French texts.
        raise SmartRegionError(
            "figures: have characters that the encoding of the database, or PGCLIENTENCODING,"
            " lacks: name a database in UTF8, and unset that variable; nothing was written"
        ) from None
    except errors.LockNotAvailable:
        raise SmartRegionError(
            f"figures: a transaction has kept the table, or the rows of the day, for {LOCK_SECONDS}"
            " s: end it (pg_stat_activity and pg_locks show whose it is), and run this again;"
            " nothing was written"
        ) from None
    return len(rows)


def _mark() -> str:
    """Return the index's comment, which differs where a release makes anything otherwise.

    Who reads the figures sees the comments of the table and its columns, not this one.
    """
    made = f"{table_schema('csv')}{_ABOUT}{_ABOUT_ASKED}{_views_sql()!r}"
    return sha256(made.encode()).hexdigest()


def _views_sql() -> bytes:
    return files("audit.export").joinpath("views.sql").read_bytes()


def _is_there(connection: psycopg.Connection[Any]) -> bool:
    """Return whether all is as this release makes it, which it then does not lock."""
    sought = {
        "schema": SCHEMA,
        "mark": _mark(),
        "views": list(_VIEWS),
        "columns": list(COLUMNS),
    }
    found = connection.execute(_THERE, sought).fetchone()
    return found is not None and found[0] is True


def _prepare(connection: psycopg.Connection[Any]) -> None:
    """Make what is not there yet, and say of each column what it means."""
    connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(SCHEMA)))
    connection.execute(
        sql.SQL("CREATE TABLE IF NOT EXISTS {} (exported_for date NOT NULL)").format(TABLE)
    )
    _comment(connection, sql.SQL("TABLE {}").format(TABLE), _ABOUT)
    _comment(connection, _column(ASKED), _ABOUT_ASKED)
    for field in table_schema("csv")["fields"]:
        connection.execute(
            sql.SQL("ALTER TABLE {} ADD COLUMN IF NOT EXISTS {} {}").format(
                TABLE, sql.Identifier(field["name"]), sql.SQL(_TYPES[field["type"]])
            )
        )
        meaning = f"{field['title']} : {field['description']}"
        _comment(connection, _column(field["name"]), meaning)
    connection.execute(
        sql.SQL("CREATE UNIQUE INDEX IF NOT EXISTS figure_key ON {} ({})").format(
            TABLE, sql.SQL(", ").join(_key())
        )
    )
    connection.execute(_views_sql())
    _comment(connection, sql.SQL("INDEX {}").format(sql.Identifier(SCHEMA, "figure_key")), _mark())


def _key() -> Iterator[sql.Composable]:
    """Yield the expressions of the key: in an index, what is empty equals nothing."""
    yield sql.Identifier(ASKED)
    yield sql.SQL("(coalesce(known_on, 'infinity'))")
    for name in KEY:
        yield sql.SQL("(coalesce({}, ''))").format(sql.Identifier(name))


def _column(name: str) -> sql.Composable:
    return sql.SQL("COLUMN {}").format(sql.Identifier(SCHEMA, "figure", name))


def _comment(connection: psycopg.Connection[Any], what: sql.Composable, text: str) -> None:
    connection.execute(sql.SQL("COMMENT ON {} IS {}").format(what, sql.Literal(text)))


def _values(row: ExportRow) -> Iterator[object]:
    for name in ExportRow.model_fields:
        value = getattr(row, name)
        yield str(value) if isinstance(value, StrEnum) else value
