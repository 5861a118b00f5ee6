"""Files for their owner alone, whatever the umask and whatever lies ready."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest

from boundary.private_files import (
    FileLockedError,
    lock_file,
    make_private_file,
    make_private_folder,
    new_private_file,
    open_private,
    restrict_folder,
    rights_of_others,
)
from tests.support.rights import mode


def test_a_new_file_is_its_owners(tmp_path: Path) -> None:
    with open_private(tmp_path / "a") as stream:
        stream.write(b"Zoe")
    make_private_file(tmp_path / "b")
    os.close(new_private_file(tmp_path / "c"))

    assert [mode(tmp_path / name) for name in "abc"] == [0o600] * 3


def test_a_file_that_was_open_is_closed(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("before, and long")
    make_private_file(file)
    assert (mode(file), file.read_text()) == (0o600, "before, and long")

    file.chmod(0o666)
    with open_private(file) as stream:
        stream.write(b"Zoe")
    assert (mode(file), file.read_text()) == (0o600, "Zoe")


def test_no_link_is_followed(tmp_path: Path) -> None:
    """Who may write to the folder could have laid it ready."""
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("another's")
    link.symlink_to(target)

    for make in (open_private, make_private_file, new_private_file):
        with pytest.raises(OSError, match=r"symbolic links|exists"):
            make(link)
    assert target.read_text() == "another's"


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a file away, which root alone may")
def test_another_users_file_is_not_written(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("theirs")
    os.chown(file, 65534, 65534)

    with pytest.raises(PermissionError, match="belongs to another user"):
        open_private(file)
    assert file.read_text() == "theirs"


def test_a_new_folder_is_its_owners_and_one_that_is_there_is_left(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    make_private_folder(tmp_path / "a" / "b")

    assert [mode(one) for one in (tmp_path, tmp_path / "a", tmp_path / "a" / "b")] == [
        0o755,
        0o700,
        0o700,
    ]


def test_a_folder_of_ours_alone_is_closed(tmp_path: Path) -> None:
    ours, link = tmp_path / "ours", tmp_path / "link"
    ours.mkdir()
    restrict_folder(ours)
    assert mode(ours) == 0o700

    link.symlink_to(ours)
    with pytest.raises(OSError, match="symbolic links"):
        restrict_folder(link)


@pytest.mark.parametrize(
    ("rights", "returned"), [(0o600, 0), (0o640, 0), (0o644, 0o644), (0o602, 0o602)]
)
def test_a_secrets_file_is_closed_to_all_but_its_group(
    tmp_path: Path, rights: int, returned: int
) -> None:
    """Container platforms hand secrets over by the group."""
    file = tmp_path / "token"
    file.touch()
    file.chmod(rights)

    assert rights_of_others(file) == returned
    assert rights_of_others(tmp_path / "none") == 0


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
