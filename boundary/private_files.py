"""Files for their owner alone: those that hold secrets, and those that may hold persons' data."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO, Final

__all__ = [
    "OWNERS_ALONE",
    "PRIVATE_UMASK",
    "close_folder",
    "make_private_file",
    "make_private_folder",
    "new_private_file",
    "open_private",
    "rights_of_others",
]

OWNERS_ALONE: Final = 0o600
OWNERS_FOLDER: Final = 0o700
PRIVATE_UMASK: Final = 0o077
"""For programs that write what may be persons' data, and choose no rights themselves."""


def rights_of_others(file: Path) -> int:
    """Return a file's mode where others than its owner and group have rights on it; else 0.

    A group may have them: container platforms hand secrets over so. A file that is not there is
    left to whoever reads it.
    """
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
    except OSError:
        return 0
    return mode if mode & stat.S_IRWXO else 0


def open_private(file: Path) -> BinaryIO:
    """Open a file to be written anew, without a buffer, that only its owner reads from then on.

    What is no regular file (a pipe, /dev/null) is written to as it is. A link is not followed: who
    may write to the folder could choose where it leads. Raises OSError.
    """
    return os.fdopen(_opened(file, anew=True), "wb", buffering=0)


def make_private_file(file: Path) -> None:
    """Make a file where there is none, and have only its owner read it; as `open_private`."""
    os.close(_opened(file, anew=False))


def new_private_file(file: Path) -> int:
    """Make a file that is not there yet, for its owner alone; return its descriptor, to be written.

    Raises OSError, FileExistsError too where a link has the name.
    """
    return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, OWNERS_ALONE)


def make_private_folder(folder: Path) -> None:
    """Make a folder, and those above it, that only its owner enters; what is there stays.

    Raises OSError.
    """
    for one in reversed([folder, *folder.parents]):
        if not one.exists():
            one.mkdir(OWNERS_FOLDER, exist_ok=True)


def close_folder(folder: Path) -> None:
    """Make a folder as `make_private_folder`, and close it where it is there already."""
    make_private_folder(folder)
    if folder.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(folder))
    if stat.S_IMODE(folder.stat().st_mode) & PRIVATE_UMASK:
        folder.chmod(OWNERS_FOLDER)


def _opened(file: Path, *, anew: bool) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(file, flags, OWNERS_ALONE)
    try:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            _make_ours_alone(descriptor, file)
            if anew:
                os.ftruncate(descriptor, 0)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _make_ours_alone(descriptor: int, file: Path) -> None:
    found = os.fstat(descriptor)
    # Whoever owns a file reads it, whatever its rights: in /tmp anybody may lay one ready.
    if found.st_uid != os.geteuid():
        raise PermissionError(errno.EPERM, "belongs to another user", str(file))
    if stat.S_IMODE(found.st_mode) & PRIVATE_UMASK:
        os.fchmod(descriptor, OWNERS_ALONE)
