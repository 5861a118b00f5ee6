"""A queue on disk, for while the gateway is away: in order, bounded, and there after a kill -9."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from boundary.errors import SmartRegionError
from boundary.private_files import make_private_file
from operations.client.queue import Waiting, taken_together

__all__ = ["Spool", "SpoolBusyError", "SpoolFullError", "SpoolUnusableError"]

#: "smrs": tells a spool from another program's SQLite file.
APPLICATION_ID: Final = 0x736D7273
VERSION: Final = 1

_LAYOUT: Final = f"""
CREATE TABLE waiting (place INTEGER PRIMARY KEY AUTOINCREMENT, event BLOB NOT NULL);
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {VERSION};
"""


class SpoolFullError(SmartRegionError):
    """No room is left for another event; those that wait are safe."""

    def __init__(self, file: Path, *, events: int, size: int) -> None:
        self.file = file
        self.events = events
        self.size = size
        super().__init__(
            f"{file}: is full, value {events} events of {size} bytes:"
            " find out why the gateway is away, or give the spool more room"
        )


class SpoolBusyError(SmartRegionError):
    """Another process has the spool: two would send out of order."""

    def __init__(self, file: Path) -> None:
        self.file = file
        super().__init__(f"{file}: is in use by another process: give each a spool of its own")


class SpoolUnusableError(SmartRegionError):
    """The file is no spool, or the disk failed."""

    def __init__(self, file: Path, *, cause: str) -> None:
        self.file = file
        super().__init__(
            f"{file}: cannot be used as a spool ({cause}):"
            " name a file that only the spool has, on a local disk with room"
        )


class Spool:
    """Events that wait in a file, which one process has at a time; safe to use from any thread.

    An event is on the disk when `append` returns. What was sent and not yet removed when a process
    was killed is sent again: what arrives twice counts once.

    The constructor raises SpoolBusyError and SpoolUnusableError; everything else SpoolUnusableError
    where the disk fails, which leaves what was there before.
    """

    def __init__(
        self, file: Path, *, most_events: int = 1_000_000, most_bytes: int = 2**30
    ) -> None:
        self.file = file
        self._most_events = most_events
        self._most_bytes = most_bytes
        self._lock = threading.RLock()
        with self._told():
            # SQLite's companions have the same rights.
            make_private_file(file)
            self._database = sqlite3.connect(
                file, timeout=0, isolation_level=None, check_same_thread=False
            )
            try:
                self._events, self._bytes = self._opened()
            except BaseException:
                self._database.close()
                raise

    def __len__(self) -> int:
        return self._events

    def append(self, event: bytes) -> None:
        """Take an event in, behind all others. Raises SpoolFullError."""
        with self._lock, self._told():
            if self._events >= self._most_events or self._bytes + len(event) > self._most_bytes:
                raise SpoolFullError(self.file, events=self._events, size=self._bytes)
            self._database.execute("INSERT INTO waiting (event) VALUES (?)", (event,))
            self._events += 1
            self._bytes += len(event)

    def head(self, most_events: int, most_bytes: int) -> Sequence[Waiting]:
        """The first events, as many as fit, and one at least where any waits."""
        with self._lock, self._told():
            rows = self._database.execute(
                "SELECT place, event FROM waiting ORDER BY place LIMIT ?", (most_events,)
            )
            batch = taken_together(map(Waiting._make, rows), most_events, most_bytes)
            rows.close()
            return batch

    def remove(self, waiting: Collection[Waiting]) -> None:
        """Forget events: what became of them is known."""
        with self._lock, self._told():
            gone: list[int] = []
            self._database.execute("BEGIN IMMEDIATE")
            try:
                for one in waiting:
                    done = self._database.execute(
                        "DELETE FROM waiting WHERE place = ?", (one.place,)
                    )
                    gone += [len(one.event)] * done.rowcount
                self._database.execute("COMMIT")
            except sqlite3.Error:
                self._database.execute("ROLLBACK")
                raise
            self._events -= len(gone)
            self._bytes -= sum(gone)

    def close(self) -> None:
        """Let another process have it."""
        with self._lock, self._told():
            self._database.close()

    def _opened(self) -> tuple[int, int]:
        """Take the file for this process alone, make it a spool, and count what is in it."""
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
            raise SpoolUnusableError(self.file, cause="it belongs to another program or version")
        events, size = run(
            "SELECT count(*), coalesce(sum(length(event)), 0) FROM waiting"
        ).fetchone()
        run("COMMIT")
        return events, size

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Tell what SQLite and the system say in this project's words."""
        try:
            yield
        except sqlite3.Error as error:
            if "locked" in str(error):
                raise SpoolBusyError(self.file) from error
            raise SpoolUnusableError(self.file, cause=str(error)) from error
        except OSError as error:
            raise SpoolUnusableError(self.file, cause=error.strerror or str(error)) from error
