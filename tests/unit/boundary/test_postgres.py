"""What is said of an error of a database."""

from __future__ import annotations

import psycopg
import pytest

from boundary.postgres import said


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
