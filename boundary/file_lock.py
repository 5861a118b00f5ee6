"""A lock on a file or folder, which ends the second of two programs that would interfere."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import BinaryIO

from boundary.private_files import make_private_file


class FileLockedError(Exception):
    """Another process has the lock. The caller knows which one, and says so."""


def lock_file(file: Path) -> BinaryIO:
    """Return a file that is locked until it is closed or this process ends.

    Creates a missing file. Raises FileLockedError, or OSError if the file cannot be created or its
    disk has no locks.
    """
    make_private_file(file)
    lock = file.open("rb")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        raise FileLockedError from error
    except OSError:
        lock.close()
        raise
    return lock
