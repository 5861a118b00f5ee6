"""Everything that is looked at, in the order in which it has to be right."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from broker.compression import CodecUnreadableError, readable_codecs
from catalogue.loader import load_catalogue
from dashboards.publishing.check import look_at_boards
from events.producers.loader import load_producers
from events.producers.secrets import load_secrets
from gateway.acceptor import check_descriptors
from gateway.settings import GatewaySettings, load_gateway_settings
from operations.doctor.brokers import look_at_brokers, look_at_log_starts, look_at_topics
from operations.doctor.check import Check, NothingToLookAtError
from operations.doctor.clocks import look_at_clocks
from operations.doctor.prometheus import look_at_prometheus
from streams.settings import Settings, load_settings

__all__ = ["Doctor"]


@dataclass(frozen=True)
class Doctor:
    """What is examined: this process' environment, and the servers that are named."""

    broker: str | None = None
    """HOST:PORT, where the environment's is not meant."""
    prometheus: str | None = None
    grafana: str | None = None
    token_file: Path | None = None
    """Grafana's token; None: `SMART_REGION_GRAFANA_TOKEN`."""
    plain_http: bool = False
    """Whether it may be sent to http://."""

    @property
    def checks(self) -> tuple[Check, ...]:
        """All checks."""
        return (
            Check("settings", self._look_at_settings),
            Check("gateway", self._look_at_gateway),
            Check("catalogue", self._look_at_catalogue, needs=("settings",)),
            Check("producers", self._look_at_producers, needs=("gateway",)),
            Check("secrets", self._look_at_secrets, needs=("gateway", "producers")),
            Check("broker", lambda: look_at_brokers(self._settings), needs=("settings",)),
            Check("topics", lambda: look_at_topics(self._settings), needs=("settings", "broker")),
            Check("codecs", _look_at_codecs),
            Check(
                "records", lambda: look_at_log_starts(self._settings), needs=("settings", "topics")
            ),
            Check("clock", self._look_at_clocks),
            Check("prometheus", self._look_at_prometheus, needs=("settings", "catalogue")),
            Check("grafana", self._look_at_grafana, needs=("settings", "catalogue")),
        )

    @cached_property
    def _settings(self) -> Settings:
        return load_settings(broker=self.broker)

    @cached_property
    def _gateway(self) -> GatewaySettings:
        return load_gateway_settings(broker=self.broker)

    def _look_at_settings(self) -> str:
        settings = self._settings
        settings.security().client_config()  # Opens the files that it names.
        figures = "today" if settings.clock == "system" else settings.clock
        return f"can be used; figures are of {figures}"

    def _look_at_gateway(self) -> str:
        self._gateway.metrics_guard()
        encrypted = self._gateway.server_context() is not None
        check_descriptors(self._gateway.gateway_connections)
        return (
            f"settings can be used; speaks {'HTTPS' if encrypted else 'HTTP'},"
            f" to probes on port {self._gateway.gateway_probe_port}"
        )

    def _look_at_catalogue(self) -> str:
        catalogue = load_catalogue(self._settings.catalogue_folder)
        indicators = sum(len(programme.indicators) for programme in catalogue.programmes)
        return f"{len(catalogue.programmes)} programmes, {indicators} indicators"

    def _look_at_producers(self) -> str:
        producers = load_producers(self._gateway.producers)
        told = f"{len(list(producers))} declared"
        if producers.unowned:
            told += f"; no owner, so that the latest word counts: {', '.join(producers.unowned)}"
        return told

    def _look_at_secrets(self) -> str:
        file = self._gateway.gateway_secrets
        if file is None:
            raise NothingToLookAtError(
                told="SMART_REGION_GATEWAY_SECRETS is not set: nobody can send by the gateway"
            )
        secrets = load_secrets(file, load_producers(self._gateway.producers))
        return f"{file}: {len(secrets.root)} producers can send"

    def _look_at_clocks(self) -> str:
        named = [url for url in (self.prometheus, self.grafana) if url is not None]
        return look_at_clocks(named, now=lambda: datetime.now(UTC))

    def _look_at_prometheus(self) -> str:
        if self.prometheus is None:
            raise NothingToLookAtError(told="name it with --prometheus URL")
        today = datetime.now(UTC).date()
        catalogue = load_catalogue(self._settings.catalogue_folder)
        starts = (start.day for one in catalogue.indicators for start in one.starts)
        return look_at_prometheus(self.prometheus, since=min(starts, default=today), today=today)

    def _look_at_grafana(self) -> str:
        if self.grafana is None:
            raise NothingToLookAtError(told="name it with --grafana URL")
        catalogue = load_catalogue(self._settings.catalogue_folder)
        return look_at_boards(
            catalogue, self.grafana, token_file=self.token_file, plain_http=self.plain_http
        )


def _look_at_codecs() -> str:
    """Tell which codecs are read here. Raises CodecUnreadableError on the first that is not."""
    readable = readable_codecs()
    for codec, is_readable in readable.items():
        if not is_readable:
            raise CodecUnreadableError(codec)
    return f"reads records compressed with {', '.join(one.name.lower() for one in readable)}"
