"""All checks, in the order in which they have to pass; a failed one does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from time import monotonic
from typing import Final, NamedTuple

from boundary.addresses import UnusableAddressError, shown_address
from boundary.errors import SmartRegionError
from boundary.http_client import NoAnswerError, http_get
from boundary.settings import variable
from catalogue.loader import load_catalogue
from dashboards.publishing import look_at_boards
from events.producers.model import load_producers
from events.producers.secrets import load_secrets
from gateway.settings import GatewaySettings, load_gateway_settings
from operations.doctor.brokers import check_brokers, check_records, check_topics
from operations.doctor.prometheus import check_prometheus
from streams.queries.opening import HistoriesIncompleteError, missing_of, open_histories
from streams.settings import Settings, load_settings

HISTORIES_SECONDS: Final = 10.0
CLOCK_SECONDS: Final = 5.0
MOST_APART: Final = 30.0
"""In seconds: a tenth of how far the gateway lets an event be ahead of its own clock."""


class NothingToCheckError(SmartRegionError):
    """A check has no subject here, such as an address that was not given."""


class CheckStatus(StrEnum):
    """The outcome of a check."""

    OK = "ok"
    WRONG = "wrong"
    SKIPPED = "-"
    """There is nothing to check, or another check has to pass first."""


class Check(NamedTuple):
    """One thing to check."""

    name: str
    run: Callable[[], str]
    """Returns a description of what is there; raises a SmartRegionError if that is wrong."""
    needs: tuple[str, ...] = ()
    """Names of the checks that have to pass before this one can run."""


class Finding(NamedTuple):
    """The result of a check, in one line."""

    check: str
    verdict: CheckStatus
    message: str


def run_checks(checks: Iterable[Check]) -> Iterator[Finding]:
    """Run the checks in order; yield each finding as soon as it is known."""
    unknown: set[str] = set()
    for check in checks:
        verdict = CheckStatus.SKIPPED
        try:
            if first := next((name for name in check.needs if name in unknown), None):
                message = f"put right first: {first}"
            else:
                message = check.run()
                verdict = CheckStatus.OK
        except NothingToCheckError as error:
            message = str(error)
        except SmartRegionError as error:
            verdict, message = CheckStatus.WRONG, " ".join(str(error).split())
        if verdict is not CheckStatus.OK:
            unknown.add(check.name)
        yield Finding(check.name, verdict, message)


def check_workers(settings: Settings) -> str:
    """Check that the workers that the settings name serve all histories, and share one time.

    Each worker counts up to the day of its own clock. Raises NothingToCheckError if the settings
    name no worker, HistoriesIncompleteError with what each worker answers, SmartRegionError if two
    clocks differ, and as `collector_plan`.
    """
    if not settings.workers:
        raise NothingToCheckError(
            f"{variable('workers')} is not set: assessor and page ask the worker of this machine"
        )
    with open_histories(settings, load_catalogue(settings.catalogue)) as collector:
        began = monotonic()
        while (missing := missing_of(collector)) is not None:
            if monotonic() - began > HISTORIES_SECONDS:
                raise HistoriesIncompleteError(missing)
            collector.poll()
        now = settings.make_clock().now()
        clocks = collector.clocks()
    if clocks:  # Workers of earlier releases do not send their time.
        assert_agreement({url: (theirs - now).total_seconds() for url, theirs in clocks.items()})
    return f"serve the histories of all partitions: {settings.partitions}"


def check_clocks(urls: Iterable[str], *, now: Callable[[], datetime]) -> str:
    """Compare our clock with those of HTTP servers, by the Date header of their responses.

    Raises as `assert_agreement`, and NothingToCheckError if no response has a date.
    """
    ahead = {
        url: (theirs - now()).total_seconds()
        for url in urls
        if (theirs := _clock_at(url)) is not None
    }
    if not ahead:
        raise NothingToCheckError("no server's clock to compare with: --prometheus, --grafana")
    assert_agreement(ahead)
    return f"agrees with {', '.join(ahead)}"


def assert_agreement(ahead: Mapping[str, float]) -> None:
    """Check that other clocks agree with each other and with ours.

    `ahead` has by address, at least one, the seconds by which a clock is ahead of ours. Raises
    SmartRegionError with two clocks that differ by more than MOST_APART.
    """
    ours = 0.0, "this machine"
    slowest, *_ = ordered = sorted((seconds, shown_address(url)) for url, seconds in ahead.items())
    for slow, fast in ((slowest, ordered[-1]), (slowest, ours), (ours, ordered[-1])):
        if (seconds := fast[0] - slow[0]) > MOST_APART:
            raise SmartRegionError(
                f"{slow[1]}: the clock is {seconds:.0f} s behind the clock of {fast[1]}, more than"
                f" {MOST_APART:.0f}: let both follow a time server, and set the same"
                " SMART_REGION_CLOCK; figures count up to the clock's day, and the gateway refuses"
                " events from the future"
            )


def _clock_at(url: str) -> datetime | None:
    """Return the time of an HTTP server, to the second; None if it is not known."""
    try:
        return http_get(url, seconds=CLOCK_SECONDS, most_bytes=0).date("Date")
    except (UnusableAddressError, NoAnswerError):
        return None  # Reported by the check of that server.


@dataclass(frozen=True)
class Doctor:
    """What is checked: this process' environment, and the servers that are named."""

    broker: str | None = None
    """HOST:PORT, instead of the environment's."""
    prometheus: str | None = None
    grafana: str | None = None
    token_file: Path | None = None
    """Grafana's token; None: `SMART_REGION_GRAFANA_TOKEN`."""
    plain_http: bool = False
    """True where it may be sent to http://."""

    @property
    def checks(self) -> tuple[Check, ...]:
        """All checks."""
        return (
            Check("settings", self._check_settings),
            Check("gateway", self._check_gateway),
            Check("catalogue", self._check_catalogue, needs=("settings",)),
            Check("producers", self._check_producers, needs=("gateway",)),
            Check("secrets", self._check_secrets, needs=("gateway", "producers")),
            Check("broker", lambda: check_brokers(self._settings), needs=("settings",)),
            Check("topics", lambda: check_topics(self._settings), needs=("settings", "broker")),
            Check("records", lambda: check_records(self._settings), needs=("settings", "topics")),
            Check(
                "workers", lambda: check_workers(self._settings), needs=("settings", "catalogue")
            ),
            Check("clock", self._check_clocks),
            Check("prometheus", self._check_prometheus, needs=("settings", "catalogue")),
            Check("grafana", self._check_grafana, needs=("settings", "catalogue")),
        )

    @cached_property
    def _settings(self) -> Settings:
        return load_settings(broker=self.broker)

    @cached_property
    def _gateway(self) -> GatewaySettings:
        return load_gateway_settings(broker=self.broker)

    def _check_settings(self) -> str:
        settings = self._settings
        settings.security().client_config()  # Opens the files that it names.
        figures = "today" if settings.clock == "system" else settings.clock
        return f"can be used; figures are of {figures}"

    def _check_gateway(self) -> str:
        self._gateway.metrics_guard()
        encrypted = self._gateway.server_context() is not None
        return (
            f"settings can be used; serves {'HTTPS' if encrypted else 'HTTP'},"
            f" probes on port {self._gateway.gateway_probe_port}"
        )

    def _check_catalogue(self) -> str:
        catalogue = load_catalogue(self._settings.catalogue)
        indicators = sum(len(programme.indicators) for programme in catalogue.programmes)
        return f"{len(catalogue.programmes)} programmes, {indicators} indicators"

    def _check_producers(self) -> str:
        producers = load_producers(self._gateway.producers)
        message = f"{len(list(producers))} declared"
        if producers.unowned:
            unowned = ", ".join(producers.unowned)
            message += f"; without an owner, so that the latest event counts: {unowned}"
        return message

    def _check_secrets(self) -> str:
        file = self._gateway.gateway_secrets
        if file is None:
            raise NothingToCheckError(
                "SMART_REGION_GATEWAY_SECRETS is not set: no producer can send to the gateway"
            )
        secrets = load_secrets(file, load_producers(self._gateway.producers))
        return f"{file}: {len(secrets.root)} producers can send"

    def _check_clocks(self) -> str:
        named = [url for url in (self.prometheus, self.grafana) if url is not None]
        return check_clocks(named, now=lambda: datetime.now(UTC))

    def _check_prometheus(self) -> str:
        if self.prometheus is None:
            raise NothingToCheckError("name it with --prometheus URL")
        today = datetime.now(UTC).date()
        catalogue = load_catalogue(self._settings.catalogue)
        starts = (start.day for one in catalogue.indicators for start in one.all_baselines)
        return check_prometheus(self.prometheus, since=min(starts, default=today), today=today)

    def _check_grafana(self) -> str:
        if self.grafana is None:
            raise NothingToCheckError("name it with --grafana URL")
        catalogue = load_catalogue(self._settings.catalogue)
        return look_at_boards(
            catalogue, self.grafana, token_file=self.token_file, plain_http=self.plain_http
        )
