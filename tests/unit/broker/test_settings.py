"""The broker's settings, and what commands that reach a broker have in common."""

from __future__ import annotations

import logging

import pytest

from boundary.settings import SettingsError
from broker.options import quiet_client
from broker.settings import load_broker_settings, load_topic_settings


def test_variables_of_other_programs_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMART_REGION_HTTP_PORT", "none")
    monkeypatch.setenv("SMART_REGION_BROKER", "kafka:9092")

    assert load_broker_settings().broker == "kafka:9092"
    assert load_topic_settings(partitions=3).partitions == 3


def test_a_misspelt_variable_of_the_broker_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMART_REGION_SASL_PASWORD", "secret")

    with pytest.raises(SettingsError, match="did you mean SMART_REGION_SASL_PASSWORD"):
        load_broker_settings()


@pytest.mark.parametrize("name", ["BROKERS", "BROKER_URL", "BROKR"])
def test_another_name_for_the_brokers_address_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(f"SMART_REGION_{name}", "kafka:9092")

    with pytest.raises(SettingsError, match="did you mean SMART_REGION_BROKER"):
        load_broker_settings()


def test_the_client_is_quieted_once() -> None:
    """A page does so at each read, for as long as it runs."""
    quiet_client()
    before = list(logging.getLogger("kafka").handlers)

    quiet_client()

    assert logging.getLogger("kafka").handlers == before
