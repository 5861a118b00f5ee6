"""The worker's settings: read from the environment, wrong ones refused in words."""

from __future__ import annotations

import os

import pytest

from boundary.settings import ENV_PREFIX, SettingsError
from streams.settings import Settings, load_settings

PASSWORD = "correct horse battery staple"  # noqa: S105 - of nothing


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take our variables out of the environment: the developer may have set some."""
    for name in os.environ:
        if name.startswith(ENV_PREFIX):
            monkeypatch.delenv(name)


def refused(monkeypatch: pytest.MonkeyPatch, **variables: str) -> SettingsError:
    for name, value in variables.items():
        monkeypatch.setenv(ENV_PREFIX + name, value)
    with pytest.raises(SettingsError) as error:
        load_settings()
    return error.value


def test_a_variable_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMART_REGION_BROKER", "a.example:9092,[::1]:9093")

    assert load_settings().broker == "a.example:9092,[::1]:9093"


def test_an_option_wins_over_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMART_REGION_PARTITIONS", "4")

    assert load_settings(partitions=2).partitions == 2


def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """As compose files write what is left out."""
    monkeypatch.setenv("SMART_REGION_PARTITIONS", "")

    assert load_settings().partitions == 8


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("BROKER", "localhost", "HOST:PORT"),
        ("BROKER", "kafka://localhost:9092", "HOST:PORT"),
        ("APP_ID", "with space", "pattern"),
        ("PARTITIONS", "many", "valid integer"),
        ("PARTITIONS", "0", "greater than or equal to 1"),
        ("CLOCK", "tomorrow", "write 'system', a day"),
        ("HTTP_PORT", "70000", "less than or equal to 65535"),
        ("LOG_LEVEL", "loud", "'debug', 'info', 'warning' or 'error'"),
        ("SECURITY_PROTOCOL", "TLS", "'PLAINTEXT', 'SSL', 'SASL_PLAINTEXT' or 'SASL_SSL'"),
        ("SESSION_TIMEOUT", "-1", "greater than 0"),
        ("HEARTBEAT_INTERVAL", "5.1", "at most a third of SMART_REGION_SESSION_TIMEOUT (15.0)"),
        ("REQUEST_TIMEOUT", "14", "at least SMART_REGION_SESSION_TIMEOUT (15.0)"),
        ("SSL_CHECK_HOSTNAME", "perhaps", "valid boolean"),
        ("TIME_TOLERANCE", "1e300", "less than or equal to 315537897600"),
        ("TIME_TOLERANCE", "nan", "less than or equal to 315537897600"),
        ("STALL_TIMEOUT", "inf", "less than or equal to 2000000"),
        ("WORK_MB", "9" * 30, "less than or equal to 1000000000"),
        ("REPLICATION", "40000", "less than or equal to 32767"),
    ],
)
def test_a_wrong_value_is_named_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, remedy: str
) -> None:
    error = refused(monkeypatch, **{name: value})

    assert str(error).startswith(f"wrong settings: SMART_REGION_{name}='{value}': ")
    assert remedy in str(error)
    assert "\n" not in str(error)


def test_several_wrong_values_are_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    error = refused(
        monkeypatch, PARTITIONS="many", HTTP_PORT="x", HEARTBEAT_INTERVAL="9", PARTITION="3"
    )

    assert [name.removeprefix(ENV_PREFIX) for name, _, _ in error.problems] == [
        "PARTITION",
        "PARTITIONS",
        "HTTP_PORT",
        "HEARTBEAT_INTERVAL",
    ]


def test_a_default_that_no_longer_fits_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    error = refused(monkeypatch, SESSION_TIMEOUT="6")

    assert "SMART_REGION_HEARTBEAT_INTERVAL=3.0: must be at most a third" in str(error)


@pytest.mark.parametrize(
    ("given", "missing"),
    [({}, {"USERNAME", "PASSWORD"}), ({"SASL_USERNAME": "worker"}, {"PASSWORD"})],
)
def test_a_login_without_its_parts_is_refused(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], missing: set[str]
) -> None:
    error = refused(monkeypatch, SECURITY_PROTOCOL="SASL_SSL", **given)

    assert {name.removeprefix("SMART_REGION_SASL_") for name, _, _ in error.problems} == missing
    assert "SASL_SSL requires it" in str(error)


@pytest.mark.parametrize("name", ["IDEMPOTENT_PRODUCER", "SINGLE_RECORD_TAIL"])
def test_a_setting_that_is_gone_is_refused_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    error = refused(monkeypatch, **{name: "true"})

    assert f"SMART_REGION_{name}='…': no such setting any more: unset it" in str(error)


def test_a_variable_like_no_setting_is_answered_with_all_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert ", ".join(sorted(Settings.model_fields)) in str(refused(monkeypatch, ZZZZZZZZZ="1"))


@pytest.mark.parametrize("name", ["GATEWAY_PORT", "GRAFANA_TOKEN"])
def test_a_variable_of_something_else_is_skipped(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(f"SMART_REGION_{name}", "1")

    assert load_settings() == Settings()


class TestPassword:
    def test_is_not_in_the_settings_text(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SMART_REGION_SASL_PASSWORD", PASSWORD)
        settings = load_settings()

        assert PASSWORD not in f"{settings} {settings!r} {settings.model_dump_json()}"
        assert settings.security().client_config().get("sasl_plain_password") is None

    def test_is_not_in_an_error_about_something_else(self, monkeypatch: pytest.MonkeyPatch) -> None:
        error = refused(monkeypatch, SASL_PASSWORD=PASSWORD, PARTITIONS="many")

        assert PASSWORD not in f"{error} {error!r} {error.__context__!r} {error.__cause__!r}"

    @pytest.mark.parametrize("name", ["BROKER", "WORKERS"])
    def test_is_not_shown_in_an_address(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        """Some people write a user and a password before a host."""
        error = refused(monkeypatch, **{name: f"http://someone:{PASSWORD}@worker-1:6066"})

        assert PASSWORD not in f"{error} {error.problems}"
        assert "'http://…@worker-1:6066'" in str(error)

    def test_is_not_shown_under_a_misspelled_name(self, monkeypatch: pytest.MonkeyPatch) -> None:
        error = refused(monkeypatch, SASL_PASWORD=PASSWORD)

        assert PASSWORD not in f"{error} {error.problems}"
        assert "did you mean SMART_REGION_SASL_PASSWORD?" in str(error)
