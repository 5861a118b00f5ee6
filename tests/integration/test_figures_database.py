"""The figures in a real PostgreSQL database, beside its owner's tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from functools import cache
from typing import Any

import psycopg
import pytest
from psycopg import sql

from audit.export import database
from audit.export.database import write_figures
from audit.export.rows import ExportRow, rows_of
from boundary.errors import SmartRegionError
from streams.state_store import StateStore
from tests.support.knowledge import LAST_DAY, shipped, simulated_records, states_held_on
from tests.support.postgres import PostgresServer

pytestmark = pytest.mark.timeout(120)

EARLIER = date(2018, 6, 30)
FIGURES = "SELECT {} FROM smart_region_figures.figure"


@pytest.fixture
def url(postgres: PostgresServer, request: pytest.FixtureRequest) -> Iterator[str]:
    name = f"figures_{abs(hash(request.node.nodeid))}"
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield postgres.url(name)
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@cache
def states(known_on: date) -> StateStore:
    return states_held_on(simulated_records(), shipped(), known_on)


@cache
def figures(day: date, known_on: date | None = None) -> tuple[ExportRow, ...]:
    return tuple(rows_of(shipped(), states(known_on or date(2020, 1, 1)), day, known_on))


def asked(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()


def test_every_row_is_that_of_the_export_and_every_column_says_what_it_means(url: str) -> None:
    rows = figures(LAST_DAY)
    assert write_figures(url, rows, day=LAST_DAY) == len(rows) > 100
    fields = ExportRow.model_fields
    read = (
        ExportRow.model_validate(dict(zip(fields, row, strict=True)))
        for row in asked(url, FIGURES.format(", ".join(fields)))
    )
    assert set(read) == set(rows)

    columns = asked(
        url,
        "SELECT relname, attname, col_description(attrelid, attnum) FROM pg_attribute"
        " JOIN pg_class ON pg_class.oid = attrelid"
        " WHERE relnamespace = 'smart_region_figures'::regnamespace AND relkind IN ('r', 'v')"
        " AND attnum > 0",
    )
    meanings: dict[str, dict[str, str | None]] = defaultdict(dict)
    for relation, column, meaning in columns:
        meanings[relation][column] = meaning
    assert meanings.keys() == {"figure", "current_figure", "milestone_status", "history"}
    assert meanings["figure"].keys() == {"exported_for", *fields}
    assert meanings["current_figure"] == meanings["figure"]
    for found in meanings.values():
        assert [column for column, meaning in found.items() if not meaning] == []


def test_written_again_it_is_replaced(url: str) -> None:
    for day in (LAST_DAY, EARLIER, LAST_DAY):
        write_figures(url, figures(day), day=day)
    write_figures(url, figures(EARLIER, LAST_DAY), day=EARLIER, known_on=LAST_DAY)
    fewer = figures(LAST_DAY)[:-1]
    write_figures(url, fewer, day=LAST_DAY)
    counted = asked(
        url,
        FIGURES.format("exported_for, known_on, count(*)") + " GROUP BY 1, 2 ORDER BY 1, 2",
    )
    assert counted == [
        (EARLIER, LAST_DAY, len(figures(EARLIER))),
        (EARLIER, None, len(figures(EARLIER))),
        (LAST_DAY, None, len(fewer)),
    ]


def test_the_views_have_the_last_day(url: str) -> None:
    for day in (EARLIER, LAST_DAY):
        write_figures(url, figures(day), day=day)
    statuses = [
        row[0] for row in asked(url, "SELECT status FROM smart_region_figures.milestone_status")
    ]
    order = ("missed", "at_risk", "unreported", "on_track", "achieved", None)
    rank = {status: place for place, status in enumerate(order)}
    assert statuses == sorted(statuses, key=rank.__getitem__)
    assert len(set(statuses)) > 2
    days = asked(
        url,
        "SELECT DISTINCT day FROM smart_region_figures.history"
        " WHERE indicator = 'schools_connected_ratio' ORDER BY day",
    )
    assert days == [(EARLIER,), (LAST_DAY,)]
    assert asked(url, "SELECT DISTINCT exported_for FROM smart_region_figures.current_figure") == [
        (LAST_DAY,)
    ]


def test_a_table_of_an_earlier_release_gets_the_new_columns(url: str) -> None:
    """And keeps its rows, and what others made of its views."""
    write_figures(url, figures(EARLIER), day=EARLIER)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE VIEW mine AS SELECT value FROM smart_region_figures.history")
        connection.execute("ALTER TABLE smart_region_figures.figure DROP COLUMN lost_on CASCADE")
    write_figures(url, figures(LAST_DAY), day=LAST_DAY)
    assert asked(url, FIGURES.format("count(DISTINCT exported_for)")) == [(2,)]
    assert asked(url, "SELECT count(*) > 0 FROM mine") == [(True,)]


def test_a_reader_is_not_waited_for(url: str) -> None:
    """A backup, or a dashboard that keeps its transaction open, reads the days before."""
    write_figures(url, figures(EARLIER), day=EARLIER)
    with psycopg.connect(url) as reader:
        for relation in ("figure", "current_figure", "milestone_status", "history"):
            read = sql.Identifier("smart_region_figures", relation)
            reader.execute(sql.SQL("SELECT count(*) FROM {}").format(read))
        assert write_figures(url, figures(LAST_DAY), day=LAST_DAY) > 100
    assert asked(url, FIGURES.format("count(DISTINCT exported_for)")) == [(2,)]


def test_a_transaction_that_keeps_the_table_is_named(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job of the night would hang there, and all readers behind it."""
    monkeypatch.setattr(database, "LOCK_SECONDS", 1)
    write_figures(url, figures(EARLIER), day=EARLIER)
    with psycopg.connect(url) as other:
        other.execute("LOCK TABLE smart_region_figures.figure IN SHARE MODE")
        with pytest.raises(SmartRegionError, match="pg_stat_activity"):
            write_figures(url, figures(LAST_DAY), day=LAST_DAY)
    assert asked(url, FIGURES.format("DISTINCT exported_for")) == [(EARLIER,)]


def test_who_may_only_write_rows_writes_them(url: str) -> None:
    """Once its owner has made the table."""
    write_figures(url, figures(EARLIER), day=EARLIER)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE USER a_writer")
        connection.execute("GRANT USAGE ON SCHEMA smart_region_figures TO a_writer")
        connection.execute(
            "GRANT SELECT, INSERT, DELETE ON smart_region_figures.figure TO a_writer"
        )
    address = url.replace(f"{url.split('@', maxsplit=1)[0]}@", "postgresql://a_writer@")
    assert write_figures(address, figures(LAST_DAY), day=LAST_DAY) > 100


def test_a_database_without_some_characters_is_refused(postgres: PostgresServer) -> None:
    """As one in LATIN1 is, which has no typographic apostrophe; nothing was made in it."""
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute(
            "CREATE DATABASE figures_in_latin1 TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'"
        )
    url = postgres.url("figures_in_latin1")
    with pytest.raises(SmartRegionError, match="name a database in UTF8"):
        write_figures(url, figures(LAST_DAY), day=LAST_DAY)
    assert asked(url, "SELECT to_regclass('smart_region_figures.figure')") == [(None,)]


def test_a_role_without_the_right_is_told_which(postgres: PostgresServer, url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE USER a_reader")
    address = url.replace(f"{url.split('@', maxsplit=1)[0]}@", "postgresql://a_reader@")
    with pytest.raises(SmartRegionError, match="grant this role CREATE"):
        write_figures(address, figures(LAST_DAY), day=LAST_DAY)
    assert postgres.alive
