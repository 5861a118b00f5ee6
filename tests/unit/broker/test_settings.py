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


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        *dict.fromkeys(("BROKERS", "BROKER_URL", "BROKR"), "BROKER").items(),
        ("SASL_PASWORD", "SASL_PASSWORD"),
    ],
)
def test_a_misspelt_variable_of_the_broker_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, meant: str
) -> None:
    monkeypatch.setenv(f"SMART_REGION_{name}", "kafka:9092")

    with pytest.raises(SettingsError, match=rf"did you mean SMART_REGION_{meant}\?"):
        load_broker_settings()


def test_the_client_is_quieted_once() -> None:
    """A page does so at each read, for as long as it runs."""
    quiet_client()
    before = list(logging.getLogger("kafka").handlers)

    quiet_client()

    assert logging.getLogger("kafka").handlers == before
