"""A lock on a file, by which of two programs that would disturb each other the second ends."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import BinaryIO

from boundary.private_files import make_private_file


class FileLockedError(Exception):
    """Another process has the lock. For whoever knows what that process is."""


def lock_file(file: Path) -> BinaryIO:
    """Return a file that is locked until it is closed, or this process ends.

    It is created where there is none. Raises FileLockedError, and OSError where it cannot be made
    or its disk has no locks.
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
