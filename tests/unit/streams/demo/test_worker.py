"""How the demo's worker is told its settings, and what it tells."""

import sys

import pytest
from pydantic import SecretStr

from streams.demo import worker
from streams.demo.errors import WorkerEndedError
from streams.demo.worker import WorkerProcess, environment
from streams.settings import ENV_PREFIX, Settings, load_settings
from tests.support.waiting import wait_until

FAILING = "import sys; sys.stderr.write('starting\\nwrong settings\\n'); sys.exit(3)"


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
        monkeypatch.setattr(worker, "COMMAND", (sys.executable, "-c", program))

        with WorkerProcess(Settings()) as process:
            assert wait_until(lambda: process.url == "http://127.0.0.1:41000", seconds=10)


@pytest.mark.parametrize(("settings", "port"), [(Settings(), "0"), (Settings(http_port=80), "80")])
def test_it_takes_the_port_that_was_asked_for(
    settings: Settings, port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two demos beside each other do not both want the usual one."""
    program = "import os; print('serving address=http://port-' + os.environ[NAME])"
    named = program.replace("NAME", repr(f"{ENV_PREFIX}HTTP_PORT"))
    monkeypatch.setattr(worker, "COMMAND", (sys.executable, "-c", named))

    with WorkerProcess(settings) as process:
        assert wait_until(lambda: process.url == f"http://port-{port}", seconds=10)


def test_a_worker_that_ends_by_itself_is_told_with_its_last_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its log goes away with the demo, so the reason must not."""
    monkeypatch.setattr(worker, "COMMAND", (sys.executable, "-c", FAILING))

    with WorkerProcess(Settings()) as process:

        def ended() -> bool:
            try:
                process.check()
            except WorkerEndedError as error:
                return error.status == 3 and error.last_words == "wrong settings"
            return False

        assert wait_until(ended, seconds=10)
