"""Files that only their owner may read: secrets, possible personal data, and locks."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from pathlib import Path
from typing import BinaryIO, Final

from boundary.errors import SmartRegionError

OWNERS_ALONE: Final = 0o600
OWNERS_FOLDER: Final = 0o700
PRIVATE_UMASK: Final = 0o077
"""For programs that may write personal data and set no file modes themselves."""


class FileLockedError(Exception):
    """Another process has the lock. The caller knows which one, and names it."""


def rights_of_others(file: Path) -> int:
    """Return a file's mode if others than its owner and group have rights on it, otherwise 0.

    A group may have rights, since container platforms mount secrets that way. 0 for a missing file.
    """
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
    except OSError:
        return 0
    return mode if mode & stat.S_IRWXO else 0


def refuse_open_file(file: Path) -> None:
    """Raise SmartRegionError if a file has `rights_of_others`.

    A missing file raises nothing: its reader reports it.
    """
    if mode := rights_of_others(file):
        raise SmartRegionError(
            f"{file}: is open to everybody on this machine, value {mode:04o}: chmod 600 {file}"
        )


def open_private(file: Path) -> BinaryIO:
    """Open a file for writing, truncated and unbuffered, and make it readable only by its owner.

    A pipe or device is written to as it is. A symbolic link is not followed: anybody who may write
    to the folder could choose its target. Raises OSError.
    """
    return os.fdopen(_opened(file, truncate=True), "wb", buffering=0)


def make_private_file(file: Path) -> None:
    """Create a file unless it exists, and let only its owner read it, like `open_private`."""
    os.close(_opened(file, truncate=False))


def new_private_file(file: Path) -> int:
    """Create a new file that only its owner may read, and return its descriptor for writing.

    Raises OSError; FileExistsError also if the name is a symbolic link.
    """
    return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, OWNERS_ALONE)


def make_private_folder(folder: Path) -> None:
    """Create a folder and its parents only for their owner; existing ones keep their mode.

    Raises OSError.
    """
    for one in reversed([folder, *folder.parents]):
        if not one.exists():
            one.mkdir(OWNERS_FOLDER, exist_ok=True)


def restrict_folder(folder: Path) -> None:
    """Create a folder like `make_private_folder`, and also set the mode of an existing one."""
    make_private_folder(folder)
    if folder.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(folder))
    if stat.S_IMODE(folder.stat().st_mode) & PRIVATE_UMASK:
        folder.chmod(OWNERS_FOLDER)


def write_private_files() -> None:
    """Make all files that this process writes from now on private to its owner.

    For libraries that create files without setting modes.
    """
    os.umask(PRIVATE_UMASK)


def lock_file(file: Path) -> BinaryIO:
    """Return a file that is locked until it is closed or this process ends.

    So the second of two programs that would interfere ends. Creates a missing file. Raises
    FileLockedError, or OSError if the file cannot be created or its disk has no locks.
    """
    make_private_file(file)
    lock = file.open("rb")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        if isinstance(error, BlockingIOError):
            raise FileLockedError from error
        raise
    return lock


def _opened(file: Path, *, truncate: bool) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(file, flags, OWNERS_ALONE)
    try:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            _restrict_to_owner(descriptor, file)
            if truncate:
                os.ftruncate(descriptor, 0)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _restrict_to_owner(descriptor: int, file: Path) -> None:
    found = os.fstat(descriptor)
    # An owner can read a file whatever its mode, and in /tmp anybody may have created it before.
    if found.st_uid != os.geteuid():
        raise PermissionError(errno.EPERM, "belongs to another user", str(file))
    if stat.S_IMODE(found.st_mode) & PRIVATE_UMASK:
        os.fchmod(descriptor, OWNERS_ALONE)
