"""How the demo's worker and assessor are told their settings, and where they serve."""

import sys

import pytest
from pydantic import SecretStr

from events.settings import ENV_PREFIX
from streams.demo import monitor
from streams.demo.errors import ProgramEndedError
from streams.demo.monitor import MonitorProgram, environment
from streams.settings import Settings, load_settings

#: Logs, as its address, the value of a variable, then its command.
TELLING = "import os, sys; print('serving address=http://' + os.environ[{name!r}] + sys.argv[1])"


def test_settings_survive_the_way_through_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The child reads what the parent decided: flags, numbers, texts, and a password in clear."""
    settings = Settings(
        broker="kafka.example:9092",
        clock="2016-01-01..2020-12-31@45+2026-01-01T00:00:00+00:00",
        idempotent_producer=False,
        single_record_tail=True,
        session_timeout=2.0,
        heartbeat_interval=0.5,
        security_protocol="SASL_SSL",
        sasl_username="demo",
        sasl_password=SecretStr("s3cret"),
    )

    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)

    assert load_settings() == settings


def test_what_is_not_set_stays_out_of_the_environment() -> None:
    """An absent certificate is not a file named None."""
    assert ENV_PREFIX + "SSL_CAFILE" not in environment(Settings())


def test_its_address_is_known_once_it_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the log's format, and whatever the port that was free."""
    for logged in (
        "2026-01-01 INFO streams.worker serving address=http://127.0.0.1:41000",
        '{"message": "serving address=http://127.0.0.1:41000"}',
    ):
        program = f"print({logged!r})"
        monkeypatch.setattr(monitor, "COMMAND", (sys.executable, "-c", program))

        with MonitorProgram("worker", Settings()) as process:
            assert process.await_address() == "127.0.0.1:41000"


@pytest.mark.parametrize(
    ("command", "setting"), [("worker", "http_port"), ("assessor", "assessor_port")]
)
def test_it_takes_the_port_that_was_asked_for(
    command: str, setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else any that is free: two demos beside each other do not both want the usual one."""
    program = TELLING.format(name=ENV_PREFIX + setting.upper())
    monkeypatch.setattr(monitor, "COMMAND", (sys.executable, "-c", program))

    for settings, port in ((Settings(), 0), (Settings.model_validate({setting: 80}), 80)):
        with MonitorProgram(command, settings) as process:
            assert process.await_address() == f"{port}{command}"


def test_one_that_ends_before_it_serves_is_not_awaited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its last words say why."""
    monkeypatch.setattr(monitor, "COMMAND", (sys.executable, "-c", "print('no catalogue')"))

    with (
        MonitorProgram("assessor", Settings()) as process,
        pytest.raises(ProgramEndedError, match=r"^assessor: .* status 0 \(no catalogue\)"),
    ):
        process.await_address()
