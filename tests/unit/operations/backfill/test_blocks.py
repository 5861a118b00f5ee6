"""Blocks in a data folder: all or none, also where a backfill is cut short."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from boundary.file_lock import locked_folder
from operations.backfill.blocks import WORK, DataFolder
from smart_region import main

NAMES = ["01BLOCK1", "01BLOCK2", "01BLOCK3"]
PERIOD = ("--from", "2016-01-01", "--to", "2016-12-31")


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a data folder; promtool makes three blocks."""

    def make_blocks(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        for name in NAMES:
            (Path(command[-1]) / name).mkdir()
        return subprocess.CompletedProcess(command, 0, "", "")

    def write(_: object, __: object, out: Path, *___: object) -> None:
        out.write_text("years")

    monkeypatch.setenv("SMART_REGION_CLOCK", "2020-12-31")
    monkeypatch.setattr("operations.backfill.cli._write", write)
    monkeypatch.setattr("operations.backfill.blocks.shutil.which", lambda name: name)
    monkeypatch.setattr("operations.backfill.blocks.subprocess.run", make_blocks)
    return tmp_path


def before_rename(monkeypatch: pytest.MonkeyPatch, number: int, act: Callable[[], None]) -> None:
    """Do something before a block is moved for the so manieth time."""
    rename = Path.rename
    moved = 0

    def renamed(path: Path, target: Path) -> Path:
        nonlocal moved
        moved += 1
        if moved == number:
            act()
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", renamed)


def backfill(into: Path) -> Result:
    """Load the years into a data folder."""
    return CliRunner().invoke(main, ["backfill", *PERIOD, "--into", str(into)])


def names_in(folder: Path) -> list[str]:
    """Return what is in a folder."""
    return sorted(one.name for one in folder.iterdir())


def test_the_blocks_are_moved_in(data: Path) -> None:
    """Their names are printed, by which they can be removed again."""
    done = backfill(data)

    assert (done.exit_code, names_in(data)) == (0, NAMES)
    assert f"3 blocks in {data}: {', '.join(NAMES)}" in done.stderr


def test_a_signal_between_two_blocks_takes_out_the_first(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next run would put the same days beside it."""
    before_rename(monkeypatch, 3, lambda: signal.raise_signal(signal.SIGTERM))

    done = backfill(data)

    assert (done.exit_code, names_in(data)) == (143, [])
    assert "run it again" in done.stderr


def test_a_block_that_cannot_be_moved_takes_out_the_others(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing was put there then, as the error says."""

    def refuse() -> None:
        raise OSError(30, "Read-only file system")

    before_rename(monkeypatch, 2, refuse)

    done = backfill(data)

    assert (done.exit_code, names_in(data)) == (2, [])
    assert "Read-only file system" in done.stderr


def test_who_interrupts_the_wait_is_not_sent_to_load_the_years_twice(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The blocks are there by then."""
    monkeypatch.setattr(DataFolder, "wait", lambda *_, **__: signal.raise_signal(signal.SIGINT))

    done = backfill(data)

    assert (done.exit_code, names_in(data)) == (130, NAMES)
    assert "the blocks are in place" in done.stderr
    assert "interrupted by SIGINT: run it again" not in done.stderr


def test_what_a_killed_backfill_has_left_is_removed(data: Path) -> None:
    """Gigabytes, under a name that Prometheus passes over."""
    left = data / f"{WORK}killed"
    left.mkdir()
    (left / "years.om").write_text("gigabytes")

    done = backfill(data)

    assert names_in(data) == NAMES
    assert f"{left}: removed" in done.stderr


def test_a_second_backfill_of_a_folder_is_refused(data: Path) -> None:
    """Both would put the same days there."""
    with locked_folder(data):
        done = backfill(data)

    assert (done.exit_code, names_in(data)) == (2, [])
    assert "another backfill writes into" in done.stderr
    assert backfill(data).exit_code == 0
