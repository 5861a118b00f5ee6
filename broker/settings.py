"""The settings of every program and command that accesses Kafka."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings

from boundary.addresses import is_host_and_port, shown_address
from boundary.settings import ENV_PREFIX, SETTINGS_CONFIG, read_settings
from broker.security import BrokerSecurity
from events.topics import DEFAULT_APP_ID, DEFAULT_PARTITIONS

BROKER_PREFIXES: Final = tuple(
    f"{ENV_PREFIX}{name}" for name in ("BROK", "SECURITY_", "SASL_", "SSL_")
)
"""The prefixes of variables that belong only to the broker's settings, also `…_BROKERS`."""


def addresses_of(bootstrap: str) -> list[str]:
    """Return the addresses in a comma-separated list. Raises ValueError for the first bad one."""
    addresses = [address.strip() for address in bootstrap.split(",")]
    for address in addresses:
        if not is_host_and_port(address):
            message = (
                "write HOST:PORT, several separated by commas;"
                f" {shown_address(address)!r} is not one"
            )
            raise ValueError(message)
    return addresses


def _bootstrap(text: str) -> str:
    addresses_of(text)
    return text


class _BrokerAddress(BaseSettings):
    """The address of Kafka; a separate base, so that the address is the first setting."""

    model_config = SETTINGS_CONFIG

    broker: Annotated[str, AfterValidator(_bootstrap)] = "127.0.0.1:9092"
    """Address of Kafka, HOST:PORT; separate several by commas."""


class BrokerSettings(BrokerSecurity, _BrokerAddress):
    """Access to Kafka, read from the environment: the base of all programs' settings."""

    model_config = SETTINGS_CONFIG

    def security(self) -> BrokerSecurity:
        """Return only the security settings, as the clients take them."""
        return BrokerSecurity.model_validate(
            {name: getattr(self, name) for name in BrokerSecurity.model_fields}
        )


class TopicSettings(BaseSettings):
    """How the topics are declared."""

    model_config = SETTINGS_CONFIG

    app_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,80}$")] = DEFAULT_APP_ID
    """The consumer group: one for each monitor on a broker."""
    partitions: Annotated[int, Field(ge=1, le=1000)] = DEFAULT_PARTITIONS
    """Partitions of every event topic; a worker refuses topics that differ."""
    replication: Annotated[int, Field(ge=1, le=32_767)] = 1
    """Brokers that keep each record; 3 in production."""


def load_broker_settings(bootstrap: str | None = None) -> BrokerSettings:
    """Return the broker's settings; `bootstrap` (a command's option) wins over its variable.

    Variables of other settings are not read. Raises SettingsError.
    """
    return read_settings(BrokerSettings, own=BROKER_PREFIXES, broker=bootstrap)


def load_topic_settings(**overrides: Any) -> TopicSettings:
    """Return the topics' settings; `overrides` (a command's options) win, None does not.

    Variables of other settings are not read. Raises SettingsError.
    """
    return read_settings(TopicSettings, own=(), **overrides)
