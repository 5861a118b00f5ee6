"""A lock on a file, by which of two programs that would disturb each other the second ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Lock a folder for the block, which gets no file for that: one that is another program's.

    Raises FileLockedError, and OSError where it cannot be opened or its disk has no locks.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FileLockedError from error
        yield
    finally:
        os.close(descriptor)
