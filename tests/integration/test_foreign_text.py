"""Commands in a real terminal, on names and contents that try to write on it."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from tests.support.private_files import private_file
from tests.support.prometheus_stub import prometheus_stub

#: Renames the window of the terminal.
TITLE: Final = "\x1b]0;owned\x07"
#: Clears the screen; eight bits, as xterm takes them.
CLEAR: Final = "\x9b2J"
HOSTILE: Final = TITLE + CLEAR
SECONDS: Final = 60.0


def in_terminal(*arguments: str) -> str:
    ours, theirs = pty.openpty()
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "smart_region", *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "200"},
            close_fds=True,
        )
    finally:
        os.close(theirs)
    written = bytearray()
    with suppress(OSError):  # The terminal's way to say that nobody writes any more.
        while part := os.read(ours, 65536):
            written += part
    os.close(ours)
    process.wait(SECONDS)
    return written.decode()


def imported(folder: Path) -> tuple[str, ...]:
    file = folder / f"[red]{HOSTILE}.csv"
    file.write_text(f"uai;{HOSTILE}\n{HOSTILE};2\n", encoding="utf-8")
    return "import", "csv", "--dry-run", "--mapping", "lycees_raccordes", str(file)


def emitted(folder: Path) -> tuple[str, ...]:
    file, token = (folder / f"{HOSTILE}.{kind}" for kind in ("jsonl", "token"))
    file.write_text(
        '{"specversion": "1.0", "id": "1", "source": "s", "type": "\\u001b]0;owned\\u0007"}\n',
        encoding="utf-8",
    )
    private_file(token, f"srt_lycees_{'x' * 43}\n")
    return "emit", "--gateway", "http://127.0.0.1:1", "--secret", str(token), str(file)


COMMANDS: Final[Mapping[str, Callable[[Path], tuple[str, ...]]]] = {
    "import": imported,
    "emit": emitted,
    "no such command": lambda _: (HOSTILE,),
}


@pytest.mark.parametrize("case", COMMANDS)
def test_a_command_shows_what_is_hostile_escaped(case: str, tmp_path: Path) -> None:
    assert_harmless(in_terminal(*COMMANDS[case](tmp_path)))


def test_the_doctor_shows_what_a_server_says_escaped() -> None:
    with prometheus_stub() as stub:
        stub.scrape(f"smart-region-{HOSTILE}", "down")
        written = in_terminal("doctor", "--bootstrap", "127.0.0.1:1", "--prometheus", stub.url)

    assert_harmless(written)


def assert_harmless(written: str) -> None:
    assert "owned" in written
    assert "\x1b]" not in written
    assert "\x9b" not in written
    assert "\x07" not in written
    assert "Traceback" not in written
