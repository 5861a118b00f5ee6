"""A producer from its declaration to its first accepted event, by the printed commands."""

import os
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from operations.programs.addresses import free_port
from tests.support.commands import run
from tests.support.kafka import KafkaBroker
from tests.support.requirements import require_programs
from tests.support.waiting import wait_until

SECONDS = 60.0
SHELL = ("bash", "-euo", "pipefail", "-c")
#: A terminal that has no more than any has.
PLAIN = {"PATH": "/usr/bin:/bin"}


@pytest.mark.parametrize(
    ("scheme", "answer"),
    [
        ("bearer", '"id":"navette-first-event"'),
        ("signature", "1 accepted, 0 refused"),
    ],
)
def test_the_printed_commands_send_the_first_event(
    broker: KafkaBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str, answer: str
) -> None:
    """As pasted into two terminals; the last ones show what became of it."""
    require_programs("curl", remedy="see deploy/debian-packages.sh")
    folder = tmp_path / "the operator's"
    folder.mkdir()
    monkeypatch.chdir(folder)
    ports = [str(free_port()), str(free_port())]
    files = {"producers": "producers.yaml", "gateway_secrets": "secrets.yaml", "clock": "system"}
    options = ("--id", "navette", "--contact", "Pôle lycées", "--types", "school.*", "--yes")
    settings = files | {"gateway_port": ports[0]}
    made = run(broker, "producers", "new", *options, "--scheme", scheme, **settings)
    assert made.returncode == 0, made.stderr
    first, second = _pasted(made.stderr)

    gateway_ports = dict(
        zip(("SMART_REGION_GATEWAY_PORT", "SMART_REGION_GATEWAY_PROBE_PORT"), ports, strict=True)
    )
    with _terminal(first, folder, PLAIN | gateway_ports) as log:
        wait_until(lambda: _is_ready(ports[0]), seconds=SECONDS)
        done = subprocess.run(
            [*SHELL, second],
            cwd=tmp_path,
            env=PLAIN,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )

    # No worker runs on this broker, as beside `make practice`: figures are counted from the events.
    assert done.returncode == 0, done.stderr + log.read_text()
    assert answer in done.stdout.replace(" ", "") + done.stdout
    assert "accepted    1 event\n" in done.stdout
    assert "refused     0; " in done.stdout


def _pasted(printed: str) -> tuple[str, str]:
    """Return what is pasted into the first terminal, and into the second."""
    _, _, steps = printed.partition("next, in this terminal")
    first, _, second = steps.partition("in a second terminal")
    return _commands(first), _commands(second)


def _commands(text: str) -> str:
    return "\n".join(line.strip() for line in text.splitlines() if line.startswith("  "))


@contextmanager
def _terminal(commands: str, folder: Path, env: dict[str, str]) -> Iterator[Path]:
    """Run commands, the last of which stays, until Ctrl-C ends them; yield what they say."""
    log = folder / "terminal.log"
    with log.open("wb") as output:
        shell = subprocess.Popen(
            [*SHELL, commands],
            cwd=folder,
            env=env,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            yield log
        finally:
            os.killpg(shell.pid, signal.SIGINT)
            shell.wait(SECONDS)


def _is_ready(port: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except urllib.error.URLError:
        return False
