"""How a database is named, and what is said of its errors."""

from __future__ import annotations

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from boundary.errors import SmartRegionError
from boundary.postgres import (
    DatabaseUnavailableError,
    connection_text,
    translated_errors,
)


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PGHOST", "PGHOSTADDR", "PGSSLMODE", "PGSERVICE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    "error",
    [
        psycopg.OperationalError("gone"),
        psycopg.errors.ReadOnlySqlTransaction("cannot execute DELETE"),
        psycopg.errors.IdleInTransactionSessionTimeout("terminating connection"),
    ],
)
def test_what_may_come_back_is_not_available(error: Exception) -> None:
    with pytest.raises(DatabaseUnavailableError, match=str(error)), translated_errors():
        raise error


@pytest.mark.parametrize(
    "database",
    [
        "postgresql://relais:100%geheim@localhost/lycees",
        "postgresql://relais:geheim@[::1/lycees",
        "host=localhost password=zu geheim",
    ],
)
def test_a_password_in_an_address_that_cannot_be_read_is_not_repeated(database: str) -> None:
    """The message of libpq has the part of it, or all of it, that it could not read."""
    with pytest.raises(SmartRegionError, match="is not as libpq has it") as refused:
        connection_text(database)

    assert "geheim" not in str(refused.value)


def test_a_server_that_is_gone_is_noticed_while_it_is_asked() -> None:
    """Keepalives are not sent while a request waits for its acknowledgement."""
    said_to_libpq = conninfo_to_dict(connection_text("postgresql://localhost/lycees"))

    assert said_to_libpq["tcp_user_timeout"] == "30000"


@pytest.mark.parametrize(
    ("database", "variables"),
    [
        ("postgresql://relais@db.example.org/lycees", {}),
        ("host=127.0.0.1,db.example.org", {}),
        ("host=localhost hostaddr=10.0.0.7", {}),
        ("postgresql:///lycees", {"PGHOST": "db.example.org"}),
        ("postgresql://localhost/lycees", {"PGHOSTADDR": "10.0.0.7"}),
    ],
)
def test_another_machine_s_database_needs_a_word_on_tls(
    monkeypatch: pytest.MonkeyPatch, database: str, variables: dict[str, str]
) -> None:
    """By default libpq sends events and password to whoever answers there."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(SmartRegionError, match="PGSSLMODE=verify-full"):
        connection_text(database)


@pytest.mark.parametrize(
    ("database", "variables"),
    [
        ("postgresql://db.example.org/lycees?sslmode=verify-full", {}),
        ("postgresql://db.example.org/lycees", {"PGSSLMODE": "prefer"}),
        ("service=lycees host=db.example.org", {}),
        ("", {"PGSERVICE": "lycees", "PGHOST": "db.example.org"}),
    ],
)
def test_any_word_on_tls_is_taken(
    monkeypatch: pytest.MonkeyPatch, database: str, variables: dict[str, str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert "smart-region" in connection_text(database)


@pytest.mark.parametrize(
    "database",
    [
        "",
        "postgresql://someone@localhost:5433/lycees",
        "postgresql://someone@127.0.0.1/lycees",
        "postgresql://someone@[::1]/lycees",
        "host=/run/postgresql",
        "host=db.example.org hostaddr=127.0.0.1",
    ],
)
def test_this_machine_s_database_needs_none(database: str) -> None:
    assert "smart-region" in connection_text(database)
