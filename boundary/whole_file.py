"""Files that are written completely or not at all."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import BinaryIO

from boundary.errors import SmartRegionError
from boundary.private_files import new_private_file


class FileUnwritableError(SmartRegionError):
    """A file cannot be written at its path."""

    def __init__(self, path: Path, *, cause: OSError) -> None:
        self.cause = cause
        super().__init__(
            f"out: cannot write {path} ({cause.strerror or cause}): name a file in a folder that "
            "exists, may be written to and has room"
        )


@contextmanager
def whole_file(path: Path, *, private: bool = False) -> Iterator[BinaryIO]:
    """Yield a file for writing that replaces `path` when the context ends without an error.

    Until then, and after an error, the previous file stays. `-` is standard output; a pipe or
    device is written to as it is. A replaced file keeps its mode, its group and, if root writes it,
    its owner, so that its readers keep access. Only the owner, and a group that already has access,
    may read a `private` file. Raises FileUnwritableError.
    """
    if path == Path("-"):
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    # Resolved, so that a symbolic link stays one.
    path = path.resolve()
    try:
        if path.exists() and not path.is_file():
            with path.open("wb") as stream:
                yield stream
            return
        # In the same folder, so that the replacement is atomic.
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            # A killed process may have left one. It is created anew: an existing file or link with
            # this name could lead elsewhere.
            part.unlink(missing_ok=True)
            with os.fdopen(new_private_file(part), "wb") if private else part.open("xb") as stream:
                _keep_rights(stream.fileno(), path, private=private)
                yield stream
                stream.flush()
                # Without this, a power cut soon after could leave an empty file with this name.
                os.fsync(stream.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise FileUnwritableError(path, cause=error) from error


def _keep_rights(descriptor: int, replaced: Path, *, private: bool) -> None:
    """Give a new file the owner, group and mode of the old one; nothing for others if private."""
    try:
        before = replaced.stat()
    except FileNotFoundError:
        return
    new = os.fstat(descriptor)
    # Without the right to change the group, it stays another; a private file's would lose access.
    with nullcontext() if private else suppress(PermissionError):
        if before.st_gid != new.st_gid:
            os.fchown(descriptor, -1, before.st_gid)
    with suppress(PermissionError):
        if before.st_uid != new.st_uid and os.geteuid() == 0:
            os.fchown(descriptor, before.st_uid, -1)
    mode = stat.S_IMODE(before.st_mode)
    os.fchmod(descriptor, mode & ~stat.S_IRWXO if private else mode)
