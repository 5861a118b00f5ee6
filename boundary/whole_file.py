"""A file that is written completely or not at all."""

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

    Until then, and after an error, the previous file stays. `-` is standard output; a pipe or a
    device is written to as it is. A file that is replaced keeps its rights, its group and, where
    root writes it, its owner: who reads it goes on reading. A `private` one is its owner's alone,
    but for a group that has it. Raises FileUnwritableError.
    """
    if path == Path("-"):
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    # The target of a symbolic link, so that the link stays one.
    path = path.resolve()
    try:
        if path.exists() and not path.is_file():
            with path.open("wb") as stream:
                yield stream
            return
        # In the same folder, so that the replacement is atomic.
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            # A killed process may have left one. The new one is created by us: a file or link that
            # exists under this name could lead elsewhere.
            part.unlink(missing_ok=True)
            with os.fdopen(new_private_file(part), "wb") if private else part.open("xb") as stream:
                _keep_rights(stream.fileno(), path, private=private)
                yield stream
                stream.flush()
                # Else a power cut soon after could leave an empty file under the name.
                os.fsync(stream.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise FileUnwritableError(path, cause=error) from error


def _keep_rights(descriptor: int, replaced: Path, *, private: bool) -> None:
    """Give a new file what the replaced one has; a private one nothing for others."""
    try:
        before = replaced.stat()
    except FileNotFoundError:
        return
    new = os.fstat(descriptor)
    # Who may not give the file away keeps it; but a private one would be lost to its group.
    with nullcontext() if private else suppress(PermissionError):
        if before.st_gid != new.st_gid:
            os.fchown(descriptor, -1, before.st_gid)
    with suppress(PermissionError):
        if before.st_uid != new.st_uid and os.geteuid() == 0:
            os.fchown(descriptor, before.st_uid, -1)
    mode = stat.S_IMODE(before.st_mode)
    os.fchmod(descriptor, mode & ~stat.S_IRWXO if private else mode)
