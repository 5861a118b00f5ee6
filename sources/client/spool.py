"""A bounded queue of events for when the gateway is unavailable; on disk it survives a kill -9."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from boundary.errors import SmartRegionError
from boundary.private_files import make_private_file

APPLICATION_ID: Final = 0x736D7273
"""SQLite's application id of a spool: "smrs"."""
VERSION: Final = 1
RESERVED_BYTES: Final = 16 * 2**20
"""Disk space that is left free: removing what was sent takes room first, for SQLite's log."""
UNUSED_PAGES: Final = 16

_LAYOUT: Final = f"""
CREATE TABLE waiting (place INTEGER PRIMARY KEY AUTOINCREMENT, event BLOB NOT NULL);
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {VERSION};
"""


class Waiting(NamedTuple):
    """A queued event: its position, which grows with every event, and its JSON."""

    position: int
    event: bytes


class SpoolFullError(SmartRegionError):
    """The spool, or its disk, has no room for another event; the queued ones are kept."""


def _unusable(file: Path | None, cause: str) -> SmartRegionError:
    return SmartRegionError(
        f"{file}: cannot be used as a spool ({cause}):"
        " name a file that only the spool has, on a local disk with room"
    )


class Spool:
    """A queue in an SQLite file, which one process uses at a time; thread-safe.

    An event is on the disk when `append` returns. Events that were sent and not yet removed when a
    process was killed are sent again: an event that arrives twice counts once. Without a file, the
    events are only in memory.

    It leaves RESERVED_BYTES of its disk free: on a full one it could not be emptied either.

    The constructor raises SmartRegionError, also where another process has the file: two would send
    out of order. So do the other methods where the disk fails; the file is then as before the call.
    """

    def __init__(
        self, file: Path | None = None, *, most_events: int = 1_000_000, most_bytes: int = 2**30
    ) -> None:
        self.file = file
        self._most_events = most_events
        self._most_bytes = most_bytes
        self._lock = threading.RLock()
        with self._typed_errors():
            if file is not None:
                # SQLite creates its journal files with the same mode.
                make_private_file(file)
            self._database = sqlite3.connect(
                file or ":memory:", timeout=0, isolation_level=None, check_same_thread=False
            )
            try:
                self._events, self._bytes = self._opened()
            except BaseException:
                self._database.close()
                raise

    def __len__(self) -> int:
        return self._events

    def append(self, event: bytes) -> None:
        """Append an event. Raises SpoolFullError."""
        with self._lock, self._typed_errors():
            if (
                self._events >= self._most_events
                or self._bytes + len(event) > self._most_bytes
                or not self._disk_has_room(len(event))
            ):
                raise SpoolFullError(
                    f"{self.file}: is full, value {self._events} events of {self._bytes} bytes:"
                    " find out why the gateway is unavailable, or give the spool or its disk more"
                    " room"
                )
            self._database.execute("INSERT INTO waiting (event) VALUES (?)", (event,))
            self._events += 1
            self._bytes += len(event)

    def head(self, most_events: int, most_bytes: int) -> Sequence[Waiting]:
        """Return the first events that fit, at least one where any is queued."""
        with self._lock, self._typed_errors():
            rows = self._database.execute(
                "SELECT place, event FROM waiting ORDER BY place LIMIT ?", (most_events,)
            )
            batch = taken_together(map(Waiting._make, rows), most_events, most_bytes)
            rows.close()
            return batch

    def remove(self, waiting: Collection[Waiting]) -> None:
        """Remove events whose outcome is known."""
        with self._lock, self._typed_errors():
            gone: list[int] = []
            self._database.execute("BEGIN IMMEDIATE")
            try:
                for one in waiting:
                    done = self._database.execute(
                        "DELETE FROM waiting WHERE place = ?", (one.position,)
                    )
                    gone += [len(one.event)] * done.rowcount
                self._database.execute("COMMIT")
            except sqlite3.Error:
                if self._database.in_transaction:  # SQLite ends it itself where the disk is full.
                    self._database.execute("ROLLBACK")
                raise
            self._events -= len(gone)
            self._bytes -= sum(gone)

    def close(self) -> None:
        """Release the file for another process."""
        with self._lock, self._typed_errors():
            self._database.close()

    def _disk_has_room(self, size: int) -> bool:
        """Return whether an event fits: into unused pages, or beside the reserve."""
        if self.file is None or shutil.disk_usage(self.file).free >= RESERVED_BYTES + size:
            return True
        unused, page_bytes = (
            self._database.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("freelist_count", "page_size")
        )
        # Some pages are SQLite's own.
        return bool(size < (unused - UNUSED_PAGES) * page_bytes)

    def _opened(self) -> tuple[int, int]:
        """Lock the file, create the table in a new one, and return the events and bytes in it."""
        run = self._database.execute
        run("PRAGMA locking_mode = EXCLUSIVE")
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = FULL")
        run("BEGIN EXCLUSIVE")
        made = run("PRAGMA application_id").fetchone()[0]
        tables = run("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        if not made and not tables:
            for statement in filter(str.strip, _LAYOUT.split(";")):
                run(statement)
        elif (made, run("PRAGMA user_version").fetchone()[0]) != (APPLICATION_ID, VERSION):
            raise _unusable(self.file, "it belongs to another program or version")
        events, size = run(
            "SELECT count(*), coalesce(sum(length(event)), 0) FROM waiting"
        ).fetchone()
        run("COMMIT")
        return events, size

    @contextmanager
    def _typed_errors(self) -> Iterator[None]:
        """Translate errors of SQLite and the system."""
        try:
            yield
        except sqlite3.Error as error:
            if "locked" in str(error):
                message = "is in use by another process: give each a spool of its own"
                raise SmartRegionError(f"{self.file}: {message}") from error
            raise _unusable(self.file, str(error)) from error
        except OSError as error:
            raise _unusable(self.file, error.strerror or str(error)) from error


def taken_together(
    waiting: Iterable[Waiting], most_events: int, most_bytes: int
) -> Sequence[Waiting]:
    """Return the first events that fit into one body; a JSON array's brackets and commas count."""
    batch: list[Waiting] = []
    size = len(b"[]")
    for one in waiting:
        size += len(one.event) + bool(batch)
        if batch and (len(batch) == most_events or size > most_bytes):
            break
        batch.append(one)
    return batch
