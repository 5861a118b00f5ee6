"""The settings of worker and assessor, read from `SMART_REGION_…` variables."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    Field,
    PositiveInt,
    ValidationInfo,
    field_validator,
)

from boundary.serving import MetricsGuard, ServingSettings, read_token
from boundary.settings import (
    ENV_PREFIX,
    SETTINGS_CONFIG,
    Megabytes,
    Seconds,
    read_settings,
)
from broker.settings import BrokerSettings, TopicSettings
from catalogue.loader import load_catalogue, load_recording
from events.producers.model import ProducersSettings, load_producers
from events.record_rules import TIME_TOLERANCE, RecordRules, ToleranceSeconds
from events.territory import TerritorySettings
from streams.clock import Clock, parse_clock
from streams.queries.addresses import parse_workers

#: Variables with the same prefix that belong to other commands.
_FOREIGN: Final = (f"{ENV_PREFIX}GRAFANA_", f"{ENV_PREFIX}GATEWAY_", f"{ENV_PREFIX}PAGE_")
#: Settings of earlier releases, with the remedy.
_REMOVED: Final = dict.fromkeys(
    ("idempotent_producer", "single_record_tail"),
    "no such setting any more: unset it; it was for the demo's embedded broker alone",
)


def _clock_text(text: str) -> str:
    parse_clock(text)
    return text


def _workers_text(text: str) -> str:
    parse_workers(text)
    return text


class Settings(
    ServingSettings, ProducersSettings, TerritorySettings, TopicSettings, BrokerSettings
):
    """The settings of worker and assessor, and of commands that read events or states.

    Times are in seconds.
    """

    model_config = SETTINGS_CONFIG

    catalogue: Path | None = None
    """Folder of catalogue files to use instead of the shipped ones."""
    clock: Annotated[str, AfterValidator(_clock_text)] = "system"
    """`system`, a day (`2019-06-30`), or a period and its days per second
    (`2016-01-01..2020-12-31@20`)."""

    http_host: str = "127.0.0.1"
    """Address of /metrics, /healthz, /readyz and a worker's /histories."""
    http_port: Annotated[int, Field(ge=0, le=65535)] = 6066
    """The worker's port for these; 0 picks a free one, which the log names."""
    assessor_port: Annotated[int, Field(ge=0, le=65535)] = 6067
    """The assessor's port for these."""

    workers: Annotated[str, AfterValidator(_workers_text)] | None = None
    """The workers whose histories assessor and page read, separated by commas: `http://HOST:PORT`,
    or `dns+http://NAME:PORT` for every address of a name; both also with https. Without it they
    query the worker on this machine's loopback address and SMART_REGION_HTTP_PORT."""
    workers_cafile: Path | None = None
    """PEM file with the authority of the workers' certificates; default: this machine's."""
    workers_plain_http: bool = False
    """Set to true only on a private network: allows the token to be sent unencrypted."""
    histories_token_file: Path | None = None
    """File with the token that a worker's /histories requires, and that assessor, page and audit
    send; default: the token of /metrics. Histories have exact numbers of persons, so give this one
    to fewer readers. Without either token a worker answers only on loopback."""
    history_hold: Seconds = 60.0
    """How long assessor and page use a partition's last histories if no worker answers for it."""

    session_timeout: Seconds = 15.0
    """How long the broker waits for a silent worker before it reassigns its partitions."""
    heartbeat_interval: Seconds = 3.0
    """How often the worker sends a heartbeat; at most a third of the session timeout."""
    request_timeout: Seconds = 40.0
    """How long one request to the broker may take; at least the session timeout."""
    commit_interval: Seconds = 1.0
    """How often offsets of finished batches are committed."""
    max_poll_records: PositiveInt = 8000
    """The most records in one batch. More is faster; fewer answer /metrics sooner."""
    ready_timeout: Seconds = 300.0
    """A worker that is not ready after this time exits, so that a supervisor can restart it."""
    stall_timeout: Seconds = 120.0
    """A worker that finds no topics or finishes no waiting batch, or a page that the broker does
    not answer, exits after this time."""
    self_check_interval: Seconds = 300.0
    """How often a worker computes its figures again from its states, as a check; less often if that
    would take more than a hundredth of the time."""

    work_folder: Path | None = None
    """Where `audit` and the page keep what does not fit into memory; by default `audit` uses the
    system's temporary folder, and the page uses none."""
    work_mb: Megabytes = 4096
    """The most megabytes that `audit` uses there; a million records take about 600."""

    snapshots: Path | None = None
    """Existing folder for snapshots of entity states, with which a worker starts faster. Without it
    each start reads all events. Workers may share it, and you may delete what is in it. It has
    nothing about persons."""

    time_tolerance: ToleranceSeconds = TIME_TOLERANCE.total_seconds()
    """How far an event's `time` may be ahead of the broker's time of its record; an event further
    ahead is refused. Give all programs the same value, or an audit finds differences."""

    @field_validator("heartbeat_interval")
    @classmethod
    def _fits_thrice_in_the_session(cls, interval: float, info: ValidationInfo) -> float:
        session = info.data.get("session_timeout")
        if session is not None and interval * 3 > session:
            message = (
                f"must be at most a third of {ENV_PREFIX}SESSION_TIMEOUT ({session}), "
                "or one lost heartbeat costs the partitions"
            )
            raise ValueError(message)
        return interval

    @field_validator("request_timeout")
    @classmethod
    def _outlasts_the_session(cls, timeout: float, info: ValidationInfo) -> float:
        session = info.data.get("session_timeout")
        if session is not None and timeout < session:
            message = f"must be at least {ENV_PREFIX}SESSION_TIMEOUT ({session})"
            raise ValueError(message)
        return timeout

    @property
    def tolerance(self) -> timedelta:
        """How far an event's time may be ahead of its record's."""
        return timedelta(seconds=self.time_tolerance)

    def record_rules(self) -> RecordRules:
        """Return the rules that accept records. Raises InvalidDeclarationError."""
        recording = load_recording(self.catalogue)
        return RecordRules(
            self.tolerance,
            load_producers(self.producers).ownership,
            recording.live_since,
            recording.lateness,
            load_catalogue(self.catalogue).known_milestones,
        )

    def histories_guard(self) -> MetricsGuard:
        """Return the guard of /histories. Raises the errors of `metrics_token`."""
        if self.histories_token_file is None:
            return self.metrics_guard()
        read_token(self.histories_token_file, "histories_token_file")
        return MetricsGuard(self.histories_token_file)

    def make_clock(self) -> Clock:
        """Return the clock described by the setting; an accelerated one starts now."""
        return parse_clock(self.clock)


def load_settings(**overrides: Any) -> Settings:
    """Read the settings from the environment; `overrides` (a command's options) win, None does not.

    Raises SettingsError: see `boundary.settings.read_settings`.
    """
    return read_settings(Settings, foreign=_FOREIGN, removed=_REMOVED, **overrides)
