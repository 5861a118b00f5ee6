"""A program beside this one: started, heard, started again, and gone."""

import os
import sys
from pathlib import Path

import pytest

from operations.programs.program import Program, ProgramEndedError
from tests.support.waiting import wait_until

FAILING = "import sys; sys.stderr.write('starting\\nwrong settings\\n'); sys.exit(3)"
TELLING = """\
import os, time
print(os.environ['OWN'], os.getpid())
time.sleep(60)
"""


def python(program: str) -> tuple[str, ...]:
    """Give the command that runs a program's text."""
    return (sys.executable, "-u", "-c", program)


def test_one_that_ends_by_itself_is_told_with_its_last_words(tmp_path: Path) -> None:
    """Who reads it may not have the log."""
    with Program("prometheus", python(FAILING), folder=tmp_path) as program:
        assert wait_until(lambda: program.status is not None, seconds=10)

        with pytest.raises(
            ProgramEndedError, match=r"^prometheus: .* 3 \(wrong settings\): repair"
        ):
            program.check()


def test_it_ends_with_the_block(tmp_path: Path) -> None:
    """Its log stays; it had the environment that it was given."""
    with Program("sleeper", python(TELLING), folder=tmp_path, env={"OWN": "value"}) as program:
        assert wait_until(lambda: program.log.endswith("\n"), seconds=10)
        own, pid = program.log.split()
        assert own == "value"
        assert program.pid == int(pid)
        program.check()

    assert (tmp_path / "sleeper.log").read_text() == f"value {pid}\n"
    assert not _backoff(int(pid))


def test_one_that_is_started_again_is_heard_anew(tmp_path: Path) -> None:
    """What it said in an earlier life stays in the log file, and tells nothing of this one."""
    program = Program("teller", python("import sys; print('ready'); sys.exit(0)"), folder=tmp_path)
    for _ in range(2):
        program.start()
        assert wait_until(lambda: program.status == 0, seconds=10)
        assert program.log == "ready\n"

    assert (tmp_path / "teller.log").read_text() == "ready\nready\n"


def test_the_end_of_its_log_has_no_empty_lines(tmp_path: Path) -> None:
    """They would hide what was said."""
    program = Program("teller", python("print('one\\n\\ntwo\\n\\nthree\\n')"), folder=tmp_path)
    program.start()
    assert wait_until(lambda: program.status == 0, seconds=10)

    assert program.log_end(2) == ["two", "three"]


def test_one_that_was_never_started_has_nothing_to_end(tmp_path: Path) -> None:
    """Where something fails before it is its turn."""
    program = Program("never", python(""), folder=tmp_path)

    program.ask_to_end()
    program.end()

    assert (program.pid, program.status, program.log) == (None, None, "")


def _backoff(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
