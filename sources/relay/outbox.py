"""The outbox of a PostgreSQL database: events taken in a transaction, and settled in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Final, NamedTuple, Self

from psycopg import errors, sql

from boundary.errors import SmartRegionError
from boundary.postgres import connect, error_text, translated_errors

CHANNEL: Final = "smart_region_outbox"
_NO_ENCODING: Final = "SQL_ASCII"
"""A database whose text PostgreSQL does not convert."""


class WaitingEvent(NamedTuple):
    """A row of the outbox."""

    seq: int
    """Its place in the order of the outbox."""
    topic: str
    key: str
    event: str
    """A CloudEvent as JSON."""


class Outbox:
    """A connection to the outbox; a context manager. One thread uses it.

    All methods, the constructor included, raise DatabaseUnavailableError or SmartRegionError.
    """

    def __init__(self, database: str = "") -> None:
        """Connect to a database as libpq names it; libpq's variables provide what is left out."""
        self._connection = connect(database)
        encoding = self._connection.info.parameter_status("server_encoding")
        self._has_all_characters = encoding in ("UTF8", _NO_ENCODING)
        with _translated():
            if encoding != _NO_ENCODING:
                # PGCLIENTENCODING may lack characters of the events.
                self._connection.execute("SET client_encoding TO 'UTF8'")
            self._connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(CHANNEL)))

    @contextmanager
    def taken(self, most: int) -> Iterator[Sequence[WaitingEvent]]:
        """Yield the first events that no other relay has taken, at most so many, in their order.

        What the block settles is committed at its end; if it raises, all of them wait again.
        """
        with _translated(), self._connection.transaction():
            # A read-only database is noticed before anything is sent: it could not remove what was
            # sent, which would be sent again and again.
            self._connection.execute("SELECT smart_region.delivered('{}')")
            rows = self._connection.execute(
                "SELECT seq, topic, key, event FROM smart_region.take(%s)", (most,)
            )
            yield [WaitingEvent(*row) for row in rows.fetchall()]

    def delivered(self, seqs: Sequence[int]) -> None:
        """Remove events that have arrived."""
        with _translated():
            self._connection.execute("SELECT smart_region.delivered(%s)", (list(seqs),))

    def refuse(self, seq: int, reason: str) -> None:
        """Put aside an event that will never be accepted."""
        if not self._has_all_characters:
            reason = reason.encode("ascii", "backslashreplace").decode()
        with _translated():
            self._connection.execute("SELECT smart_region.refuse(%s, %s)", (seq, reason))

    def waiting(self) -> int:
        """Return how many events wait, including those that other relays have taken."""
        with _translated():
            found = self._connection.execute("SELECT events FROM smart_region.waiting()").fetchone()
        return 0 if found is None else int(found[0])

    def wait(self, seconds: float) -> None:
        """Return once an event is emitted, or after so many seconds."""
        with _translated():
            for _ in self._connection.notifies(timeout=seconds, stop_after=1):
                pass

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._connection.close()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        with translated_errors():
            yield
    except (errors.UndefinedFunction, errors.InvalidSchemaName, errors.InsufficientPrivilege) as no:
        raise SmartRegionError(
            f"outbox: cannot be used ({error_text(no)}): run outbox.sql of this release in the"
            " database, and grant smart_region_relay to this role"
        ) from None
