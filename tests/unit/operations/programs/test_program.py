"""Child programs: started, logged, started again, and ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from boundary.errors import SmartRegionError
from operations.programs.program import (
    Program,
    end_child,
    own_program,
    start_child,
)
from tests.support.processes import alive
from tests.support.rights import mode
from tests.support.waiting import wait_until

FAILING = "import sys; sys.stderr.write('starting\\nwrong settings\\n'); sys.exit(3)"
PROGRAM = """\
import os, time
print(os.environ['OWN'], os.getpid())
time.sleep(60)
"""


ROOT = Path(__file__).parents[4]


STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True)"


FOREVER = "\nimport time\nwhile True: time.sleep(60)"


def python(program: str) -> tuple[str, ...]:
    return (sys.executable, "-u", "-c", program)


def test_one_that_ends_by_itself_is_named_with_its_last_line(tmp_path: Path) -> None:
    with Program("prometheus", python(FAILING), folder=tmp_path) as program:
        assert wait_until(lambda: program.status is not None, seconds=10)

        with pytest.raises(
            SmartRegionError, match=r"^prometheus: .* 3 \(wrong settings\): correct"
        ):
            program.check()


def test_it_ends_with_the_block(tmp_path: Path) -> None:
    with Program("sleeper", python(PROGRAM), folder=tmp_path, env={"OWN": "value"}) as program:
        assert wait_until(lambda: program.log.endswith("\n"), seconds=10)
        own, pid = program.log.split()
        assert own == "value"
        assert program.pid == int(pid)
        program.check()

    assert (tmp_path / "sleeper.log").read_text() == f"value {pid}\n"
    assert not alive(int(pid))


def test_the_log_begins_at_the_last_start(tmp_path: Path) -> None:
    program = Program("teller", python("import sys; print('ready'); sys.exit(0)"), folder=tmp_path)
    for _ in range(2):
        program.start()
        assert wait_until(lambda: program.status == 0, seconds=10)
        assert program.log == "ready\n"

    assert (tmp_path / "teller.log").read_text() == "ready\nready\n"


def test_the_end_of_its_log_has_no_empty_lines(tmp_path: Path) -> None:
    program = Program("teller", python("print('one\\n\\ntwo\\n\\nthree\\n')"), folder=tmp_path)
    program.start()
    assert wait_until(lambda: program.status == 0, seconds=10)

    assert program.log_end(2) == ["two", "three"]


def test_one_that_was_never_started_has_nothing_to_end(tmp_path: Path) -> None:
    program = Program("never", python(""), folder=tmp_path)

    program.terminate()
    program.end()

    assert (program.pid, program.status, program.log) == (None, None, "")


def test_what_a_child_writes_is_its_owners_alone(tmp_path: Path) -> None:
    output, made = tmp_path / "log", tmp_path / "made"
    start_child(["touch", str(made)], output=output).wait(20)

    assert (mode(output), mode(made)) == (0o600, 0o600)


def test_a_child_has_a_session_of_its_own(tmp_path: Path) -> None:
    """The terminal's Ctrl-C goes to the parent's group only."""
    child = start_child([sys.executable, "-c", FOREVER], output=tmp_path / "log")
    try:
        assert os.getsid(child.pid) == child.pid
    finally:
        end_child(child, stop_seconds=0)


def test_a_child_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    output = tmp_path / "log"
    child = start_child([sys.executable, "-c", STUBBORN + FOREVER], output=output)
    assert wait_until(lambda: "up" in output.read_text(), seconds=20)

    assert end_child(child, stop_seconds=0.2) == -signal.SIGKILL


def test_an_ended_child_is_reaped(tmp_path: Path) -> None:
    child = start_child([sys.executable, "-c", "raise SystemExit(3)"], output=tmp_path / "log")
    child.wait(20)

    assert [end_child(child, stop_seconds=1), end_child(child, stop_seconds=0)] == [3, 3]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can tie a child to its parent")
def test_a_child_dies_with_a_killed_parent(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib\n"
        "from operations.programs.program import start_child\n"
        f"output = pathlib.Path({str(tmp_path / 'log')!r})\n"
        f"child = start_child([sys.executable, '-c', {FOREVER!r}], output=output)\n"
        "print(child.pid, flush=True)" + FOREVER
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, cwd=ROOT)
    with parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert alive(child)
        parent.kill()

    assert wait_until(lambda: not alive(child), seconds=10)


def test_it_is_the_one_beside_this_python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A clone's is not on the path of a newcomer's second terminal; a space is quoted."""
    folder = tmp_path / "my clone"
    folder.mkdir()
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    assert own_program() == "smart-region"

    (folder / "smart-region").touch()
    assert own_program() == f"'{folder / 'smart-region'}'"
