"""The work folder: where a command keeps data that does not fit into memory, and its limit."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from boundary.errors import SmartRegionError

DEFAULT_MEGABYTES: Final = 4096

#: The share for rows. Sorting takes the rest: at most half of the rows' size, as measured.
ROWS: Final = 0.6
MEGABYTE: Final = 2**20
#: A ledger's empty tables and indexes take some pages of 4 KiB.
LEAST_PAGES: Final = 64

#: SQLite's primary error codes for a folder that is full, fails, or is not writable.
_NO_ROOM: Final = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN})
_PRIMARY: Final = 0xFF


@dataclass(frozen=True, slots=True)
class WorkFolder:
    """A folder for temporary files that have no name and end with the process.

    `path` None leaves the choice to SQLite: SQLITE_TMPDIR, TMPDIR, /var/tmp, /tmp. `megabytes`
    bounds the files together: three fifths are for a database's rows, the rest for their sorting.
    """

    path: Path | None = None
    megabytes: int = DEFAULT_MEGABYTES

    def check(self) -> None:
        """Raise SmartRegionError where nothing could be written to the folder."""
        if self.path is None:
            return
        if not self.path.is_dir():
            problem = "is no folder"
        elif not os.access(self.path, os.W_OK | os.X_OK):
            problem = "may not be written to by this user"
        else:
            return
        raise SmartRegionError(
            f"work_folder: {self.path} {problem}: name another with --work-folder or"
            " SMART_REGION_WORK_FOLDER"
        )

    def connect(self) -> sqlite3.Connection:
        """Return an empty database that stays in memory while it is small.

        The folder is SQLite's for the whole process until another one is named. Raises
        SmartRegionError.
        """
        self.check()
        database = sqlite3.connect("")
        folder = "" if self.path is None else str(self.path.resolve())
        quoted = folder.replace("'", "''")
        database.execute(f"PRAGMA temp_store_directory = '{quoted}'")
        (page_bytes,) = database.execute("PRAGMA page_size").fetchone()
        pages = int(self.megabytes * MEGABYTE * ROWS) // page_bytes
        database.execute(f"PRAGMA max_page_count = {max(pages, LEAST_PAGES)}")
        return database

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Raise SmartRegionError instead of SQLite's errors for lack of room."""
        try:
            yield
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & _PRIMARY not in _NO_ROOM:
                raise
            where = self.path or "the system's folder for temporary files"
            raise SmartRegionError(
                f"work_folder: no room in {where} ({error}), where a command may take"
                f" {self.megabytes} MB: name a folder with room with --work-folder or"
                " SMART_REGION_WORK_FOLDER, or allow more with SMART_REGION_WORK_MB; in an audit a"
                " million records take about 600 MB"
            ) from error
