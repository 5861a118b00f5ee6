"""The gateway's settings, read from `SMART_REGION_…` variables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field, PositiveInt, ValidationInfo, field_validator

from boundary.serving import ServingSettings
from boundary.settings import ENV_PREFIX, SETTINGS_CONFIG, Seconds, read_settings
from broker.settings import BROKER_PREFIXES, BrokerSettings
from events.producers.model import ProducersSettings
from events.record_rules import TIME_TOLERANCE, ToleranceSeconds
from events.territory import TerritorySettings

GATEWAY_PREFIX: Final = f"{ENV_PREFIX}GATEWAY_"


class GatewaySettings(ServingSettings, ProducersSettings, TerritorySettings, BrokerSettings):
    """The gateway's settings. Times are in seconds."""

    model_config = SETTINGS_CONFIG

    gateway_host: str = "127.0.0.1"
    """Address of the gateway. Clients reach it through HAProxy, which bounds their connections."""
    gateway_port: Annotated[int, Field(ge=0, le=65535)] = 6070
    """The gateway's port; 0 picks a free one, which the log names."""
    gateway_probe_host: str = "127.0.0.1"
    """Address of /healthz, /readyz and /metrics, for probes and Prometheus alone."""
    gateway_probe_port: Annotated[int, Field(ge=0, le=65535)] = 6071
    """The port for probes; 0 picks a free one, which the log names."""
    gateway_secrets: Path | None = None
    """YAML file with the producers' secrets, which only its owner and group may read. Changes take
    effect within seconds. Without it no producer can send."""
    gateway_haproxy: Path | None = None
    """Folder that the gateway shares with the HAProxy before it, for the hashes of the producers'
    tokens (`tokens.map`) and HAProxy's admin socket (`admin.sock`). The address of a request is
    then that of its `X-Forwarded-For`."""
    gateway_body_timeout: Seconds = 30.0
    """How long a request's body may take to arrive."""
    gateway_idle_timeout: PositiveInt = 60
    """How long a connection may wait for its next request."""
    gateway_delivery_timeout: Seconds = 10.0
    """How long the broker may take to acknowledge before the request is answered 503."""
    gateway_stop_timeout: PositiveInt = 20
    """How long a stop waits for requests in progress; at least the delivery timeout."""
    catalogue: Path | None = None
    """The workers' folder of catalogue files, with the milestones that may be explained."""
    time_tolerance: ToleranceSeconds = TIME_TOLERANCE.total_seconds()
    """The workers' tolerance. An event's `time` may be this far ahead of the gateway's clock, but
    at most five minutes."""

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
