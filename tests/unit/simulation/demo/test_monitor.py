"""The ports of the demo's worker and assessor."""

import sys
from pathlib import Path

import pytest

from boundary.errors import SmartRegionError
from boundary.settings import ENV_PREFIX
from simulation.demo import system
from simulation.demo.system import MonitorProgram
from streams.settings import Settings, load_settings

#: Logs, as its address, the value of a variable, then its command.
PROGRAM = "import os, sys; print('serving address=http://' + os.environ[{name!r}] + sys.argv[1])"


def test_its_address_is_known_once_it_serves(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for logged in (
        "2026-01-01 INFO streams.worker serving address=http://127.0.0.1:41000",
        '{"message": "serving address=http://127.0.0.1:41000"}',
    ):
        program = f"print({logged!r})"
        monkeypatch.setattr(system, "COMMAND", (sys.executable, "-c", program))

        with MonitorProgram("worker", Settings(), folder=tmp_path) as process:
            assert process.wait_for_address() == "127.0.0.1:41000"


@pytest.mark.parametrize(
    ("command", "setting"), [("worker", "http_port"), ("assessor", "assessor_port")]
)
def test_it_takes_the_port_that_was_requested(
    command: str, setting: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Else any that is free: two demos beside each other do not both want the usual one."""
    program = PROGRAM.format(name=ENV_PREFIX + setting.upper())
    monkeypatch.setattr(system, "COMMAND", (sys.executable, "-c", program))

    for settings, port in ((Settings(), 0), (Settings.model_validate({setting: 80}), 80)):
        with MonitorProgram(command, settings, folder=tmp_path) as process:
            assert process.wait_for_address() == f"{port}{command}"


@pytest.mark.parametrize("command", ["worker", "assessor"])
def test_the_demo_finds_and_reads_it_whatever_the_terminal_s_variables(
    command: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It logs its address at the level info, and the demo asks without TLS and without a token."""
    names = ("LOG_LEVEL", "METRICS_TOKEN_FILE", "SERVER_CERTFILE", "SERVER_KEYFILE")
    for name, value in zip(names, ("error", "token", "server.pem", "server.key"), strict=True):
        monkeypatch.setenv(f"{ENV_PREFIX}{name}", value)
    program = (
        "import os; print('serving address=http://'"
        f" + ','.join(os.environ['{ENV_PREFIX}' + name] for name in {names!r}))"
    )
    monkeypatch.setattr(system, "COMMAND", (sys.executable, "-c", program))

    with MonitorProgram(command, load_settings(), folder=tmp_path) as process:
        assert process.wait_for_address() == "info,,,"


def test_one_that_ends_before_it_serves_is_not_awaited(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(system, "COMMAND", (sys.executable, "-c", "print('no catalogue')"))

    with (
        MonitorProgram("assessor", Settings(), folder=tmp_path) as process,
        pytest.raises(SmartRegionError, match=r"^assessor: .* status 0 \(no catalogue\)"),
    ):
        process.wait_for_address()
