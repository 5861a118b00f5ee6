"""Child programs: where their words go, and that none outlives its parent."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from operations.programs.child_process import end_child, start_child
from tests.support.rights import mode, usual_umask
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[4]
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True)"
FOREVER = "\nimport time\nwhile True: time.sleep(60)"


def alive(pid: int) -> bool:
    """Tell whether a process is there and not a zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_output_is_appended(tmp_path: Path) -> None:
    """What a child says comes after what an earlier one said."""
    output = tmp_path / "log"
    for word in ("first", "second"):
        start_child([sys.executable, "-c", f"print('{word}')"], output=output).wait(20)

    assert output.read_text().split() == ["first", "second"]


def test_what_a_child_writes_is_its_owners_alone(tmp_path: Path) -> None:
    """Its log and its files: a broker's data are events."""
    output, made = tmp_path / "log", tmp_path / "made"
    with usual_umask():
        start_child(["touch", str(made)], output=output).wait(20)

    assert (mode(output), mode(made)) == (0o600, 0o600)


def test_a_child_has_a_session_of_its_own(tmp_path: Path) -> None:
    """The terminal's Ctrl-C goes to the parent's group only."""
    child = start_child([sys.executable, "-c", FOREVER], output=tmp_path / "log")
    try:
        assert os.getsid(child.pid) == child.pid
    finally:
        end_child(child, grace=0)


def test_a_child_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    """After the grace the end is certain."""
    output = tmp_path / "log"
    child = start_child([sys.executable, "-c", STUBBORN + FOREVER], output=output)
    assert wait_until(lambda: "up" in output.read_text(), seconds=20)

    assert end_child(child, grace=0.2) == -signal.SIGKILL


def test_an_ended_child_is_reaped(tmp_path: Path) -> None:
    """Ending a child twice gives its status twice."""
    child = start_child([sys.executable, "-c", "raise SystemExit(3)"], output=tmp_path / "log")
    child.wait(20)

    assert [end_child(child, grace=1), end_child(child, grace=0)] == [3, 3]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can tie a child to its parent")
def test_a_child_dies_with_a_killed_parent(tmp_path: Path) -> None:
    """A kill -9 of the parent leaves nothing running."""
    program = (
        "import sys, pathlib\n"
        "from operations.programs.child_process import start_child\n"
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
