"""The command line's gateway: quick, complete, and readable when something is wrong."""

import errno
import gc
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from boundary import garbage
from boundary.errors import SmartRegionError
from smart_region import SECTIONS, Commands, join, main
from tests.support.commands import captured

ROOT = Path(__file__).parents[2]
HEAVY = {"aiokafka", "faust", "kafka", "pydantic", "rich", "yaml"}

ENDED_AT_ITS_START = """
import os, signal
from smart_region import main
own = os.getpid()
os.getpid = lambda: 1

@main.command()
def begin() -> None:
    os.kill(own, signal.SIGTERM)
    signal.pause()

main(["begin"])
"""

LOADED_BY_HELP = """
import json, sys
from click.testing import CliRunner
from smart_region import main
result = CliRunner().invoke(main, ["--help"])
assert result.exit_code == 0, result.output
print(json.dumps(sorted(sys.modules)))
"""


def run_failing(error: BaseException) -> Result:
    @click.command()
    def fail() -> None:
        raise error

    return CliRunner().invoke(Commands(commands=[fail]), ["fail"])


def test_an_interrupted_command_has_the_status_of_its_signal() -> None:
    """1 is a result of some commands: that lines were refused, or that something is wrong."""
    result = run_failing(KeyboardInterrupt())
    assert result.exit_code == 128 + signal.SIGINT
    assert result.stderr == "Aborted!\n"


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        PermissionError(errno.EACCES, "Permission denied", "/srv/out"),
        OSError(errno.EROFS, "Read-only file system", "/srv/out"),
    ],
)
def test_a_disk_that_cannot_be_written_is_one_line(error: OSError) -> None:
    """With the file, where it is known; the status is that of every error of ours."""
    result = run_failing(error)
    assert result.exit_code == 2
    assert str(error.strerror) in result.stderr
    assert (error.filename or "disk") in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_for_a_full_disk_is_one_line(option: str) -> None:
    """It is printed while the command line is parsed, before any command runs."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "smart_region", option],
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert done.returncode == 2
    assert done.stderr.startswith("Error: disk: fails")
    assert len(done.stderr.splitlines()) == 1


def test_a_file_that_cannot_be_opened_is_no_result(tmp_path: Path) -> None:
    """Click's own status for it is 1, which of some commands means that something differs."""
    result = CliRunner().invoke(main, ["simulate", "--seed", "1", "--out", str(tmp_path)])

    assert result.exit_code == 2
    assert "Is a directory" in result.stderr


@pytest.mark.parametrize(
    "command", ["kubernetes kafka", "contracts render", "boards render", "kubernetes monitoring"]
)
def test_a_folder_that_cannot_be_made_is_one_line(command: str, tmp_path: Path) -> None:
    """It was a traceback."""
    (tmp_path / "file").touch()
    out = tmp_path / "file" / "folder"
    result = CliRunner().invoke(main, [*command.split(), "--out", str(out)])

    assert result.exit_code == 2
    assert result.stderr.startswith("Error: out: cannot write")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["audit", "--as-of", "0001-01-01"],
        ["audit", "--known-on", "9999-12-31"],
        ["explain", "x", "--day", "2009-12-31"],
        ["backfill", "--from", "0001-01-01", "--to", "2020-01-01", "--out", "f"],
    ],
)
def test_a_day_that_no_fact_can_have_is_refused(arguments: list[str]) -> None:
    """Days before or after it are asked for too: some were a traceback, with the status 1."""
    result = CliRunner().invoke(main, arguments)

    assert result.exit_code == 2
    assert "name a day from 2010-01-01 to 9998-12-31" in result.stderr


def test_help_lists_every_command_in_one_section() -> None:
    assert sorted(chain(*SECTIONS.values())) == sorted(main.commands)


def groups(group: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
    yield path
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from groups(command, *path, name)


@pytest.mark.parametrize("path", list(groups(main)), ids=" ".join)
def test_no_line_of_a_list_of_commands_is_cut(path: tuple[str, ...]) -> None:
    """On a terminal of 80 columns: the end of a sentence often says what matters."""
    listed = CliRunner().invoke(main, [*path, "--help"], env={"COLUMNS": "80"}).stdout
    commands = listed.partition("Commands:" if path else "Try it:")[2].splitlines()

    assert commands
    assert [line for line in commands if line.endswith(("...", "…"))] == []


def test_the_first_process_of_a_container_can_be_ended_from_its_start() -> None:
    """The kernel drops a signal for which such a process has no handler."""
    done = captured([sys.executable, "-c", ENDED_AT_ITS_START], cwd=ROOT)

    assert done.returncode == 128 + signal.SIGTERM


def test_help_imports_nothing_heavy() -> None:
    """Only a command that runs pays for what it needs."""
    done = captured([sys.executable, "-c", LOADED_BY_HELP], cwd=ROOT)

    assert HEAVY & set(json.loads(done.stdout)) == set()


def test_garbage_is_collected_seldom() -> None:
    """In every command, before it imports what it needs."""
    before = gc.get_threshold()
    try:
        gc.set_threshold(700, 10)
        CliRunner().invoke(main, ["topics", "list"])
        assert gc.get_threshold()[:2] == garbage.THRESHOLDS
    finally:
        gc.set_threshold(*before)


def test_a_readable_error_is_one_line_and_status_2() -> None:
    """Our own errors say what to do; a traceback would hide it."""
    error = SmartRegionError("field: problem\n  and a remedy")

    result = run_failing(error)

    assert result.exit_code == 2
    assert result.stderr == "Error: field: problem and a remedy\n"
    assert result.stdout == ""


@pytest.mark.parametrize(
    "error", [LookupError("a bug"), FileNotFoundError(errno.ENOENT, "No such file", "/srv/out")]
)
def test_a_programmers_error_keeps_its_traceback(error: Exception) -> None:
    """What we did not foresee, such as a missing file of ours, is no mistake of the user."""
    assert run_failing(error).exception is error


def test_groups_of_one_name_are_one() -> None:
    """Two packages may each bring a part of one group of commands."""
    gateway = Commands()
    for part in ("show", "replay"):
        join(gateway, click.Group("dead-letters", commands=[click.Command(part)]))

    group = gateway.commands["dead-letters"]

    assert isinstance(group, click.Group)
    assert group.commands.keys() == {"show", "replay"}
