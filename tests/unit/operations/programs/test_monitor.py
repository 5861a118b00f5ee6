"""The environment of the project's own commands."""

import pytest
from pydantic import SecretStr

from boundary.settings import ENV_PREFIX
from gateway.settings import GatewaySettings, load_gateway_settings
from operations.programs.program import environment
from streams.settings import Settings, load_settings


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

    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)

    assert load_settings() == settings


@pytest.mark.parametrize("proxies", [(), ("10.0.0.0/8",), ("10.0.0.0/8", "::1/128")])
def test_the_gateways_survive_it_too(
    proxies: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list is written as it is read: none of it, or with commas."""
    settings = GatewaySettings.model_validate({"gateway_trusted_proxies": proxies})

    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)

    assert load_gateway_settings() == settings


def test_what_has_no_value_is_not_found_in_the_parent_s_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An absent certificate is not a file named None, nor the one of another server."""
    monkeypatch.setenv(f"{ENV_PREFIX}SSL_CAFILE", "other.pem")
    settings = load_settings().model_copy(update={"ssl_cafile": None})

    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)

    assert load_settings().ssl_cafile is None
