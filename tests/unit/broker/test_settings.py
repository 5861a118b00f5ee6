"""The broker's settings, alone."""

import pytest

from boundary.settings import SettingsError
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


def test_the_option_wins_over_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMART_REGION_BROKER", "kafka:9092")

    assert load_broker_settings("other:1").broker == "other:1"
