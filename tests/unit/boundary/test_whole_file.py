"""A file that is there whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

import pytest

from boundary.whole_file import FileUnwritableError, whole_file


def fail_over(path: Path) -> None:
    with whole_file(path) as stream:
        stream.write(b"half")
        raise LookupError


def test_takes_its_name_in_the_end(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    with whole_file(path) as stream:
        stream.write(b"all")
        assert not path.exists()
    assert path.read_bytes() == b"all"
    assert list(tmp_path.iterdir()) == [path]


def test_the_disk_has_it_before_it_takes_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut afterwards leaves the old file or the new one, never an empty one."""
    path, synchronised = tmp_path / "out.csv", []

    def fsync(descriptor: int) -> None:
        synchronised.append((os.fstat(descriptor).st_size, path.exists()))

    monkeypatch.setattr(os, "fsync", fsync)
    with whole_file(path) as stream:
        stream.write(b"all")

    assert synchronised == [(3, False)]


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_bytes(b"old")
    with pytest.raises(LookupError):
        fail_over(path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_lay_ready_under_its_first_name_is_not_written(tmp_path: Path) -> None:
    """A link would lead elsewhere; what a killed process left is no hindrance."""
    path, target = tmp_path / "out.csv", tmp_path / "target"
    target.write_bytes(b"another's")
    part = tmp_path / f".out.csv.{os.getpid()}.part"
    part.symlink_to(target)

    with whole_file(path) as stream:
        stream.write(b"all")

    assert (path.read_bytes(), target.read_bytes()) == (b"all", b"another's")
    assert not path.is_symlink()


def test_says_where_it_cannot_write(tmp_path: Path) -> None:
    path = tmp_path / "absent" / "out.csv"
    with pytest.raises(FileUnwritableError, match=r"absent/out\.csv \(No such file"):
        fail_over(path)


def test_dash_is_the_standard_output(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    with whole_file(Path("-")) as stream:
        stream.write(b"piped")
    assert capfdbinary.readouterr().out == b"piped"


def test_what_is_no_file_is_not_replaced_by_one(tmp_path: Path) -> None:
    """A pipe, or /dev/null, is written to; else root would do harm."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with whole_file(pipe) as stream:
        stream.write(b"through")
    assert os.read(reader, 100) == b"through"
    os.close(reader)
    assert pipe.is_fifo()


def test_a_link_stays_one(tmp_path: Path) -> None:
    link = tmp_path / "link.csv"
    link.symlink_to("target.csv")
    with whole_file(link) as stream:
        stream.write(b"all")
    assert link.is_symlink()
    assert (tmp_path / "target.csv").read_bytes() == b"all"


def test_a_private_file_is_for_its_owner_and_the_group_that_has_it(tmp_path: Path) -> None:
    file = tmp_path / "secrets"
    modes = []
    for mode in (None, 0o640, 0o664):
        if mode is not None:
            file.chmod(mode)
        with whole_file(file, private=True) as stream:
            stream.write(b"hidden")
        modes.append(stat.S_IMODE(file.stat().st_mode))

    assert modes == [0o600, 0o640, 0o660]


@pytest.mark.parametrize("private", [False, True])
def test_a_file_that_root_replaces_stays_its_owner_s(tmp_path: Path, *, private: bool) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root gives files to others")
    file = tmp_path / "secrets"
    file.write_bytes(b"old")
    os.chown(file, 65534, 65533)
    file.chmod(0o600)

    with whole_file(file, private=private) as stream:
        stream.write(b"new")

    kept = file.stat()
    assert (kept.st_uid, kept.st_gid, stat.S_IMODE(kept.st_mode)) == (65534, 65533, 0o600)


@pytest.mark.parametrize("private", [False, True])
def test_who_may_not_give_a_file_away_replaces_it_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, private: bool
) -> None:
    """Except where its group could not read any more what is for it alone."""
    file = tmp_path / "out"
    file.write_bytes(b"before")
    real = os.fstat

    def of_another(descriptor: int) -> os.stat_result:
        found = list(real(descriptor))
        found[stat.ST_UID] += 1
        found[stat.ST_GID] += 1
        return os.stat_result(found)

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "fstat", of_another)
    monkeypatch.setattr(os, "fchown", refuse)
    with suppress(FileUnwritableError), whole_file(file, private=private) as stream:
        stream.write(b"after")

    assert file.read_bytes() == (b"before" if private else b"after")


def test_a_file_that_is_replaced_keeps_its_rights(tmp_path: Path) -> None:
    file = tmp_path / "producers.yaml"
    file.write_bytes(b"old")
    file.chmod(0o664)
    before = os.umask(0o077)
    try:
        with whole_file(file) as stream:
            stream.write(b"new")
    finally:
        os.umask(before)

    assert stat.S_IMODE(file.stat().st_mode) == 0o664
