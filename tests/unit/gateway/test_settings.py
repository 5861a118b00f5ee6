"""The gateway's settings: defaults that work, and mistakes that are reported."""

import os

import pytest

from boundary.settings import SettingsError
from gateway.settings import GatewaySettings, load_gateway_settings


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("SMART_REGION_"):
            monkeypatch.delenv(name)


def test_the_worker_s_variables_are_none_of_the_gateway_s_business(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SMART_REGION_CLOCK", "2020-12-31")

    assert isinstance(load_gateway_settings(), GatewaySettings)


@pytest.mark.parametrize("seconds", ["inf", "nan", "1e9"])
def test_a_time_has_an_end(monkeypatch: pytest.MonkeyPatch, seconds: str) -> None:
    monkeypatch.setenv("SMART_REGION_GATEWAY_BODY_TIMEOUT", seconds)

    with pytest.raises(SettingsError, match="BODY_TIMEOUT"):
        load_gateway_settings()


def test_a_stop_outlasts_a_delivery() -> None:
    with pytest.raises(SettingsError, match="DELIVERY_TIMEOUT"):
        load_gateway_settings(gateway_stop_timeout=5)
