"""What others may do with files, on a machine whose umask lets them read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["mode", "open_to_others", "usual_umask"]


@contextmanager
def usual_umask() -> Iterator[None]:
    """Let others read what is made without a thought, as most machines do."""
    before = os.umask(0o022)
    try:
        yield
    finally:
        os.umask(before)


def mode(path: Path) -> int:
    """Return a path's rights."""
    return stat.S_IMODE(path.stat().st_mode)


def open_to_others(folder: Path) -> list[str]:
    """Return the files below a folder that others may read, as no folder on the way forbids it."""
    found = []
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            found += open_to_others(path) if mode(path) & 0o005 else []
        elif mode(path) & 0o044:
            found.append(str(path))
    return found
