"""Child programs: started, logged, awaited, started again, and ended; their environment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from boundary.errors import SmartRegionError
from boundary.settings import ENV_PREFIX
from operations.programs.addresses import free_address
from operations.programs.program import (
    Program,
    answers,
    environment,
    has_logged,
    listens,
    own_program,
)
from streams.settings import Settings, load_settings
from tests.support.loopback import recording_server
from tests.support.processes import alive
from tests.support.rights import mode
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[4]
FAILING = "import sys; sys.stderr.write('starting\\nwrong settings\\n'); sys.exit(3)"
FOREVER = "\nimport time\nwhile True: time.sleep(60)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up')" + FOREVER
TELLING = "import os; print(os.environ['OWN'], os.getpid())" + FOREVER


def python(name: str, code: str, folder: Path, **how: object) -> Program:
    return Program(name, (sys.executable, "-u", "-c", code), folder=folder, **how)  # type: ignore[arg-type]


def test_one_that_ends_by_itself_is_named_with_its_last_line(tmp_path: Path) -> None:
    program = python("prometheus", FAILING, tmp_path, is_ready=lambda _: False)

    with pytest.raises(SmartRegionError, match=r"^prometheus: .* 3 \(wrong settings\): correct"):
        program.start()


def test_one_that_is_not_ready_in_time_is_named_and_ended(tmp_path: Path) -> None:
    program = python("slow", FOREVER, tmp_path, is_ready=lambda _: False, ready_seconds=0.1)

    with pytest.raises(SmartRegionError, match=r"^slow: is not ready after 0.1 s"), program:
        pass
    assert program.status == -signal.SIGKILL


def test_it_ends_with_the_block(tmp_path: Path) -> None:
    is_ready = has_logged("value")
    with python("responder", TELLING, tmp_path, env={"OWN": "value"}, is_ready=is_ready) as program:
        assert wait_until(lambda: program.log.endswith("\n"), seconds=10)
        pid = int(program.log.split()[1])
        # The terminal's Ctrl-C goes to the parent's group only.
        assert os.getsid(pid) == pid == program.process.pid
        program.check()

    assert program.log_file.read_text() == f"value {pid}\n"
    assert not alive(pid)


def test_its_log_begins_at_its_last_start(tmp_path: Path) -> None:
    program = python("responder", "print('ready\\n\\nand done\\n')", tmp_path)
    for _ in range(2):
        program.launch()
        assert wait_until(lambda: program.status == 0, seconds=10)
        assert program.log == "ready\n\nand done\n\n"
        assert program.log_end(2) == ["ready", "and done"]

    assert program.log_file.read_text() == 2 * "ready\n\nand done\n\n"


def test_one_that_was_never_started_has_nothing_to_end(tmp_path: Path) -> None:
    program = python("never", "", tmp_path)
    program.terminate()

    assert (program.stop(), program.kill(), program.status, program.log) == (None, None, None, "")


def test_what_it_writes_is_its_owners_alone(tmp_path: Path) -> None:
    made = tmp_path / "made"
    program = Program("touch", ("touch", str(made)), folder=tmp_path)
    program.launch()
    assert program.process.wait(20) == 0

    assert (mode(program.log_file), mode(made)) == (0o600, 0o600)


def test_one_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    with python("stubborn", STUBBORN, tmp_path, is_ready=has_logged("up"), stop_seconds=0.2) as it:
        assert it.stop() == -signal.SIGKILL
        assert it.stop() == -signal.SIGKILL  # It is only reaped.


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can tie a child to its parent")
def test_it_dies_with_a_killed_parent(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib\n"
        "from operations.programs.program import Program\n"
        f"command = (sys.executable, '-c', {FOREVER!r})\n"
        f"program = Program('child', command, folder=pathlib.Path({str(tmp_path)!r}))\n"
        "program.launch()\n"
        "print(program.process.pid, flush=True)" + FOREVER
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=ROOT)
    with parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert alive(child)
        parent.kill()

    assert wait_until(lambda: not alive(child), seconds=10)


@pytest.mark.parametrize(("status", "is_ready"), [(200, True), (503, False)])
def test_a_server_is_ready_once_it_answers_200(
    status: int, *, is_ready: bool, tmp_path: Path
) -> None:
    program = python("server", "", tmp_path)
    with recording_server(status=status) as server:
        assert answers(f"{server.url}/readyz")(program) is is_ready
        assert listens(server.url.removeprefix("http://"))(program)

    assert not answers(f"{server.url}/readyz")(program)
    assert not listens(free_address())(program)


def test_our_command_is_the_one_beside_this_python(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A clone's is not on the path of a newcomer's second terminal; a space is quoted."""
    folder = tmp_path / "my clone"
    folder.mkdir()
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    assert own_program() == "smart-region"

    (folder / "smart-region").touch()
    assert own_program() == f"'{folder / 'smart-region'}'"


def test_settings_survive_the_way_through_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(
        broker="kafka.example:9092",
        clock="2016-01-01..2020-12-31@45+2026-01-01T00:00:00+00:00",
        ssl_check_hostname=False,
        insecure_broker=True,
        session_timeout=2.0,
        heartbeat_interval=0.5,
        security_protocol="SASL_SSL",
        sasl_username="demo",
        sasl_password=SecretStr("s3cret"),
    )
    # An absent certificate is not a file named None, nor the one of another server.
    monkeypatch.setenv(f"{ENV_PREFIX}SSL_CAFILE", "other.pem")

    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)

    assert load_settings() == settings
