"""A lock on a file: who gets it, and what is said where nobody can."""

from __future__ import annotations

import errno
import fcntl
from pathlib import Path

import pytest

from boundary.file_lock import FileLockedError, lock_file


def test_the_second_is_refused_until_the_first_has_ended(tmp_path: Path) -> None:
    file = tmp_path / "lock"
    with lock_file(file), pytest.raises(FileLockedError):
        lock_file(file)

    lock_file(file).close()


def test_a_disk_without_locks_is_not_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a folder on a network may be: nobody has the lock, and the folder is to be another."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)

    with pytest.raises(OSError, match="No locks available"):
        lock_file(tmp_path / "lock")
