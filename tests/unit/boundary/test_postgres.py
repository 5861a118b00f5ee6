"""What is said of an error of a database."""

from __future__ import annotations

import psycopg
import pytest

from boundary.postgres import DatabaseUnavailableError, available, said


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (psycopg.OperationalError("connection failed:\n\tgone"), "connection failed: gone"),
        (psycopg.OperationalError(), "OperationalError"),
        (OSError("gone"), "gone"),
    ],
)
def test_an_error_is_one_line(error: Exception, line: str) -> None:
    """Whatever libpq writes, and where it writes nothing."""
    assert said(error) == line


@pytest.mark.parametrize(
    "error",
    [
        psycopg.OperationalError("gone"),
        psycopg.errors.ReadOnlySqlTransaction("cannot execute DELETE"),
        psycopg.errors.IdleInTransactionSessionTimeout("terminating connection"),
    ],
)
def test_what_may_come_back_is_not_available(error: Exception) -> None:
    """A server that is gone, only reads for now, or ended a session that waited for long."""
    with pytest.raises(DatabaseUnavailableError, match=str(error)), available():
        raise error
