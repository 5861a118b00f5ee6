"""A command whose reader has gone ends quietly, with a status that is no result of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from boundary.broken_pipe import READER_GONE, exit_on_broken_pipe

ROOT = Path(__file__).parents[3]
TABLE = "from boundary.screen import LegibleConsole; LegibleConsole().print('a figure')"
BUFFERED = """
import sys
from boundary.broken_pipe import exit_on_broken_pipe
with exit_on_broken_pipe():
    sys.stdout.write("a figure")
    sys.exit(1)
"""


def without_reader(*arguments: str, errors_too: bool = False) -> subprocess.CompletedProcess[str]:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            stdout=writing,
            stderr=writing if errors_too else subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
    finally:
        os.close(writing)


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["catalogue", "list"],
        ["simulate", "--seed", "1"],
    ],
)
def test_a_command_ends_quietly(arguments: list[str]) -> None:
    done = without_reader("smart_region.py", *arguments)

    assert (done.returncode, done.stderr) == (READER_GONE, "")


@pytest.mark.parametrize("code", [TABLE, BUFFERED])
def test_a_table_and_what_is_buffered_end_so_too(code: str) -> None:
    """Rich's own status is 1, which of an audit means that a figure differs."""
    done = without_reader("-c", code)

    assert (done.returncode, done.stderr) == (READER_GONE, "")


def test_errors_without_a_reader_end_so_too() -> None:
    assert without_reader("smart_region.py", "nothing", errors_too=True).returncode == READER_GONE


def test_a_connection_that_is_closed_is_another_matter() -> None:
    with pytest.raises(BrokenPipeError), exit_on_broken_pipe():
        raise BrokenPipeError
