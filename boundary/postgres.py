"""Connections to a PostgreSQL database named by a command's settings."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from boundary.addresses import is_loopback
from boundary.errors import SmartRegionError

CONNECT_SECONDS: Final = 10
#: A dead connection is detected within half a minute: an idle one by keepalives; one with a request
#: in progress, for which none are sent, by the last setting (milliseconds).
KEEPALIVES: Final = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}

#: Internal errors to psycopg, but temporary too: a read-only server, such as one after a failover,
#: and a transaction that the server ended because its client was idle for too long.
_PASSING: Final = (errors.ReadOnlySqlTransaction, errors.IdleInTransactionSessionTimeout)


class DatabaseUnavailableError(SmartRegionError):
    """The database is unreachable or broke the connection; it may come back."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(
            f"database: is not available ({error_text(cause)}): check its address, and run this"
            " again once it is"
        )


def error_text(error: BaseException) -> str:
    """Return an error's message in one line: the server's primary message if there is one."""
    primary = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    return " ".join((primary or str(error)).split()) or type(error).__name__


@contextmanager
def translated_errors() -> Iterator[None]:
    """Raise DatabaseUnavailableError instead of psycopg's own errors that may be temporary."""
    try:
        yield
    except (psycopg.OperationalError, psycopg.InterfaceError, *_PASSING) as error:
        raise DatabaseUnavailableError(error) from None


def connect(database: str) -> psycopg.Connection[Any]:
    """Return a connection that commits each statement outside a transaction block.

    `database` is as libpq has it; what it leaves out is from libpq's variables and files. Raises
    SmartRegionError or DatabaseUnavailableError.
    """
    with translated_errors():
        return psycopg.connect(
            connection_text(database),
            autocommit=True,
            connect_timeout=CONNECT_SECONDS,
            # A pooler such as PgBouncer may use another server connection for each transaction.
            prepare_threshold=None,
        )


def connection_text(database: str) -> str:
    """Return the text that names a database to libpq. Raises SmartRegionError."""
    try:
        given = conninfo_to_dict(database)
    except psycopg.ProgrammingError:
        # Without libpq's message: it repeats what it could not read, which may be a password.
        raise SmartRegionError(
            "database: is not as libpq has it: write it as postgresql://USER@HOST/NAME"
        ) from None
    if given.get("password"):
        raise SmartRegionError(
            "database: has a password, which everybody on the machine could read: put it into the"
            " file that PGPASSFILE names, for its owner alone"
        )
    if _is_elsewhere(given) and not _says_how_it_is_known(given):
        raise SmartRegionError(
            "database: is on another machine, and libpq would take any for it, without TLS too: set"
            " PGSSLMODE=verify-full, and PGSSLROOTCERT to the file of its authority; or another"
            " mode where the network is yours alone"
        )
    return make_conninfo(database, application_name="smart-region", **KEEPALIVES)


def _is_elsewhere(given: Mapping[str, object]) -> bool:
    """Return whether a database is on another machine: neither on a socket nor on the loopback."""
    hosts = given.get("hostaddr") or os.environ.get("PGHOSTADDR")
    hosts = hosts or given.get("host") or os.environ.get("PGHOST") or ""
    return any(
        one and not one.startswith(("/", "@")) and not is_loopback(one)
        for one in str(hosts).split(",")
    )


def _says_how_it_is_known(given: Mapping[str, object]) -> bool:
    """Return whether TLS is configured; a service file may do so, too."""
    named = any(given.get(name) for name in ("sslmode", "service"))
    return named or any(os.environ.get(name) for name in ("PGSSLMODE", "PGSERVICE"))
