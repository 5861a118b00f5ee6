"""A forked command finds and leaves what a started one does."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import captured
from tests.support.forking import ForkingPopen

ROOT = Path(__file__).parents[2]
PROBE = (sys.executable, "-m", "tests.unit.test_forking")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has subreapers")


def found() -> dict[str, Any]:
    os.umask(umask := os.umask(0))
    handled = [number for number in signal.valid_signals() if callable(signal.getsignal(number))]
    return {
        "forked": "streams.worker" in sys.modules,
        "arguments": sys.argv,
        "environment": dict(os.environ),
        "folder": str(Path.cwd()),
        "path": sys.path,
        "umask": umask,
        "leads a session": os.getsid(0) == os.getpid(),
        "parent": os.getppid(),
        "files": len([*Path("/proc/self/fd").iterdir()]),
        "handled": sorted(map(int, handled)),
        "encoding": sys.stdout.encoding,
        "input": sys.stdin.read(),
    }


@pytest.mark.parametrize(
    "how",
    [{}, {"cwd": "/usr"}, {"umask": 0o077, "start_new_session": True}],
    ids=["as here", "elsewhere", "apart"],
)
def test_a_forked_command_finds_the_same(
    how: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    how["env"] = {**os.environ, "MORE": "é"}
    forked = captured([*PROBE, "a", "b c"], input="given", **how)
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    started = captured([*PROBE, "a", "b c"], input="given", **how)

    assert (forked.stderr, started.stderr) == ("", "")
    first, second = (json.loads(done.stdout) for done in (forked, started))
    assert (first.pop("forked"), second.pop("forked")) == (True, False)
    assert first == second


@pytest.mark.parametrize("variable", ["PYTHONHASHSEED", "LC_ALL", "TZ"])
def test_what_python_reads_at_its_start_starts_it(variable: str) -> None:
    done = captured(PROBE, env={**os.environ, variable: "0"}, stdin=subprocess.DEVNULL)

    assert json.loads(done.stdout)["forked"] is False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_forked_command_ends_by_a_signal(number: signal.Signals) -> None:
    with ForkingPopen(PROBE, stdin=subprocess.PIPE) as process:
        assert process.poll() is None
        process.send_signal(number)

        assert process.wait(60) == -number


def test_its_exit_status_is_its_own() -> None:
    done = captured([*PROBE[:2], "smart_region", "catalogue", "none"])

    assert (done.returncode, done.stdout) == (2, "")
    assert "No such command 'none'" in done.stderr
    assert "Traceback" not in done.stderr


if __name__ == "__main__":
    sys.stdout.write(json.dumps(found()))
