"""The gateway's settings, read from `SMART_REGION_…` variables."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field, PositiveInt, ValidationInfo, field_validator
from pydantic_settings import NoDecode

from boundary.serving import ServingSettings
from boundary.settings import ENV_PREFIX, SETTINGS_CONFIG, Seconds, read_settings
from broker.settings import BROKER_PREFIXES, BrokerSettings
from events.producers.loader import ProducersSettings
from events.record_rules import TIME_TOLERANCE, ToleranceSeconds
from gateway.client_address import Network

GATEWAY_PREFIX: Final = f"{ENV_PREFIX}GATEWAY_"


class GatewaySettings(ServingSettings, ProducersSettings, BrokerSettings):
    """The gateway's settings. Times are in seconds."""

    model_config = SETTINGS_CONFIG

    gateway_host: str = "127.0.0.1"
    """Where the gateway listens. Without a certificate of its own a proxy before it speaks TLS."""
    gateway_port: Annotated[int, Field(ge=0, le=65535)] = 6070
    """Its port; 0 picks a free one, which the log names."""
    gateway_probe_host: str = "127.0.0.1"
    """Where /healthz, /readyz and /metrics are served to probes and Prometheus, on a listener that
    connections of producers cannot exhaust."""
    gateway_probe_port: Annotated[int, Field(ge=0, le=65535)] = 6071
    """Its port; 0 picks a free one, which the log names."""
    gateway_secrets: Path | None = None
    """YAML file with the producers' secrets, which only its owner and group may read; without it
    no producer can send."""
    gateway_header_timeout: Seconds = 10.0
    """How long a request's headers may take to arrive, from their first byte or the connection; a
    TLS handshake before them has as long."""
    gateway_body_timeout: Seconds = 30.0
    """How long a request's body may take to arrive."""
    gateway_idle_timeout: PositiveInt = 60
    """How long a connection may wait for its next request."""
    gateway_delivery_timeout: Seconds = 10.0
    """How long the broker may take to acknowledge; then the request is answered 503."""
    gateway_stop_timeout: PositiveInt = 20
    """How long a stop waits for requests that have begun; at least the delivery's."""
    gateway_trusted_proxies: Annotated[tuple[Network, ...], NoDecode] = ()
    """Addresses or networks of the proxies before it, separated by commas (`10.0.0.0/8`): the last
    address in `X-Forwarded-For` that is none of them is taken for the sender's."""
    gateway_connections: PositiveInt = 1000
    """Most connections at once. The next one evicts an unauthenticated connection, else a
    producer's without a request in progress; where there is none, it is answered 503. One
    producer may have requests in progress on a fourth of them."""
    gateway_connections_per_address: PositiveInt = 100
    """Most of them from one IPv4 address, or one /64 of IPv6, that is no trusted proxy's. Behind a
    proxy all producers have its address: trust it, or set this to `GATEWAY_CONNECTIONS`."""

    catalogue: Path | None = None
    """The workers' folder of catalogue files: it declares the milestones to be explained."""
    time_tolerance: ToleranceSeconds = TIME_TOLERANCE.total_seconds()
    """The workers': an event's `time` may be so far ahead of the gateway's clock, and at most five
    minutes."""

    @field_validator("gateway_trusted_proxies", mode="before")
    @classmethod
    def _are_networks(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        networks: list[Network] = []
        for text in value.split(","):
            try:
                networks.append(ip_network(text.strip()))
            except ValueError:
                message = f"write addresses or networks, as 10.0.0.0/8; {text.strip()!r} is none"
                raise ValueError(message) from None
        return tuple(networks)

    @field_validator("gateway_stop_timeout")
    @classmethod
    def _outlasts_a_delivery(cls, seconds: int, info: ValidationInfo) -> int:
        delivery = info.data.get("gateway_delivery_timeout")
        if delivery is not None and seconds < delivery:
            message = f"must be at least {GATEWAY_PREFIX}DELIVERY_TIMEOUT ({delivery:g})"
            raise ValueError(message)
        return seconds


def load_gateway_settings(**overrides: Any) -> GatewaySettings:
    """Read the settings from the environment; `overrides` (a command's options) win, None does not.

    Raises SettingsError: see `boundary.settings.read_settings`. Variables of other programs are not
    read; one that begins as the gateway's or the broker's do must be a setting.
    """
    return read_settings(GatewaySettings, own=(GATEWAY_PREFIX, *BROKER_PREFIXES), **overrides)
