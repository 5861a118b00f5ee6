"""A PostgreSQL database as a command is told of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from boundary.errors import SmartRegionError

__all__ = [
    "DatabaseSettingsError",
    "DatabaseUnavailableError",
    "available",
    "connected",
    "connection_text",
    "said",
]

CONNECT_SECONDS: Final = 10
#: A connection whose other end has gone is noticed within half a minute.
KEEPALIVES: Final = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}

#: What psycopg calls internal errors, and passes too: a server that only reads, as one that another
#: has taken over from, and a transaction that it ended because its program waited for long.
_PASSING: Final = (errors.ReadOnlySqlTransaction, errors.IdleInTransactionSessionTimeout)


class DatabaseSettingsError(SmartRegionError):
    """The database is not named as it should be."""


class DatabaseUnavailableError(SmartRegionError):
    """The database cannot be reached, or broke the connection; it may come back."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(
            f"database: is not available ({said(cause)}): check its address, and run this again"
            " once it is"
        )


def said(error: BaseException) -> str:
    """Return an error's message in one line: the server's main one, where a server has spoken."""
    primary = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    return " ".join((primary or str(error)).split()) or type(error).__name__


@contextmanager
def available() -> Iterator[None]:
    """Raise DatabaseUnavailableError in place of psycopg's own errors of what may come back."""
    try:
        yield
    except (psycopg.OperationalError, psycopg.InterfaceError, *_PASSING) as error:
        raise DatabaseUnavailableError(error) from None


def connected(database: str) -> psycopg.Connection[Any]:
    """Return a connection that commits each statement outside a transaction block.

    `database` is as libpq has it; what it leaves out is from libpq's variables and files. Raises
    DatabaseSettingsError or DatabaseUnavailableError.
    """
    with available():
        return psycopg.connect(
            connection_text(database), autocommit=True, connect_timeout=CONNECT_SECONDS
        )


def connection_text(database: str) -> str:
    """Return the text that names a database to libpq. Raises DatabaseSettingsError."""
    try:
        given = conninfo_to_dict(database)
    except psycopg.ProgrammingError as error:
        raise DatabaseSettingsError(
            f"database: is not as libpq has it ({said(error)}): write it as"
            " postgresql://USER@HOST/NAME"
        ) from None
    if given.get("password"):
        raise DatabaseSettingsError(
            "database: has a password, which everybody on the machine could read: put it into the"
            " file that PGPASSFILE names, for its owner alone"
        )
    return make_conninfo(database, application_name="smart-region", **KEEPALIVES)
