"""Permissions of files."""

from __future__ import annotations

import stat
from pathlib import Path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def open_to_others(folder: Path) -> list[str]:
    """Return the files below a folder that others may read: no folder on the way prevents it."""
    found = []
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            found += open_to_others(path) if mode(path) & 0o005 else []
        elif mode(path) & 0o044:
            found.append(str(path))
    return found
