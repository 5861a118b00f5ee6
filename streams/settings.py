"""The settings: one model, read from `SMART_REGION_…` variables, wrong ones refused."""

from __future__ import annotations

import os
import re
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    Field,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from events.broker import BrokerSecurity
from streams.clock import Clock, parse_clock
from streams.errors import StreamsError

__all__ = ["ENV_PREFIX", "Settings", "SettingsError", "load_settings"]

ENV_PREFIX = "SMART_REGION_"
#: Variables with the same prefix that belong to tests and to other commands.
_FOREIGN = (f"{ENV_PREFIX}TEST_", f"{ENV_PREFIX}GRAFANA_")
#: Shown for a password, and for what may be one: the value of a misspelled variable.
_HIDDEN = "…"


class SettingsError(StreamsError):
    """A setting is wrong: the start stops here."""

    def __init__(self, problems: list[tuple[str, object, str]]) -> None:
        self.problems = problems
        lines = [f"{name}={value!r}: {remedy}" for name, value, remedy in problems]
        super().__init__("wrong settings: " + "; ".join(lines))


def _broker_list(text: str) -> str:
    for address in text.split(","):
        if not re.fullmatch(r"(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):\d{1,5}", address.strip()):
            message = f"write HOST:PORT, several separated by commas; {address!r} is not one"
            raise ValueError(message)
    return text


def _clock_text(text: str) -> str:
    parse_clock(text)
    return text


class Settings(BaseSettings):
    """What an operator may set. Times are in seconds."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        extra="forbid",
        frozen=True,
        env_ignore_empty=True,
        use_attribute_docstrings=True,
    )

    broker: Annotated[str, AfterValidator(_broker_list)] = "127.0.0.1:9092"
    """Kafka, HOST:PORT; several separated by commas."""
    app_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,80}$")] = "smart-region-monitor"
    """The consumer group, and the prefix of the changelogs: one for each monitor on a broker."""
    partitions: Annotated[int, Field(ge=1, le=1000)] = 8
    """Partitions of every event topic and changelog; a worker refuses topics that differ."""
    replication: PositiveInt = 1
    """Brokers that keep each record; 3 in production."""
    catalogue: str | None = None
    """Folder of catalogue files to use instead of the shipped ones."""
    clock: Annotated[str, AfterValidator(_clock_text)] = "system"
    """`system`, a day (`2019-06-30`), or a run of days per second (`2016-01-01..2020-12-31@20`)."""

    http_host: str = "127.0.0.1"
    """Where /metrics, /healthz and /readyz listen."""
    http_port: Annotated[int, Field(ge=0, le=65535)] = 6066
    """The worker's port for them; 0 picks a free one, which the log names."""
    assessor_port: Annotated[int, Field(ge=0, le=65535)] = 6067
    """The assessor's port for them."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """`debug` also opens the log of Faust and the Kafka client."""
    log_format: Literal["text", "json"] = "text"
    """One line an event, as text or as JSON."""

    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """How the broker is spoken to."""
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    """How the password is proven."""
    sasl_username: str | None = None
    """The user, where the protocol is a SASL one."""
    sasl_password: SecretStr | None = None
    """Its password; never shown."""
    ssl_cafile: str | None = None
    """PEM file with the authority that signed the broker's certificate."""
    ssl_certfile: str | None = None
    """PEM file with our own certificate, where the broker asks for one."""
    ssl_keyfile: str | None = None
    """PEM file with its key."""
    ssl_check_hostname: bool = True
    """Whether the broker's certificate must name its host."""

    session_timeout: PositiveFloat = 15.0
    """How long the broker waits for a silent worker before its partitions go to another."""
    heartbeat_interval: PositiveFloat = 3.0
    """How often the worker shows that it lives; at most a third of the session."""
    request_timeout: PositiveFloat = 40.0
    """How long one request to the broker may take; at least the session."""
    commit_interval: PositiveFloat = 1.0
    """How often offsets of finished batches are committed."""
    max_poll_records: PositiveInt = 8000
    """Most records in one batch: more is faster, less answers /metrics sooner."""
    ready_timeout: PositiveFloat = 300.0
    """A worker that is not ready by then ends, so that a supervisor can restart it."""
    stall_timeout: PositiveFloat = 120.0
    """A worker that finishes no waiting batch, or an assessor that gets no answer, ends then."""
    self_check_interval: PositiveFloat = 300.0
    """How often the figures are derived anew from the states, as a check."""

    idempotent_producer: bool = True
    """False for a broker without idempotent producers (the demo's)."""
    single_record_tail: bool = False
    """True for a broker that tells too low an end after a batch (the demo's)."""

    @field_validator("heartbeat_interval")
    @classmethod
    def _fits_thrice_in_the_session(cls, interval: float, info: ValidationInfo) -> float:
        session = info.data.get("session_timeout")
        if session is not None and interval * 3 > session:
            message = (
                f"must be at most a third of {_variable('session_timeout')} ({session}), "
                "or one lost heartbeat costs the partitions"
            )
            raise ValueError(message)
        return interval

    @field_validator("request_timeout")
    @classmethod
    def _outlasts_the_session(cls, timeout: float, info: ValidationInfo) -> float:
        session = info.data.get("session_timeout")
        if session is not None and timeout < session:
            message = f"must be at least {_variable('session_timeout')} ({session})"
            raise ValueError(message)
        return timeout

    @field_validator("sasl_username", "sasl_password")
    @classmethod
    def _is_there_where_asked_for(cls, value: object, info: ValidationInfo) -> object:
        protocol = info.data.get("security_protocol", "")
        if protocol.startswith("SASL") and not value:
            message = f"set it: {protocol} asks for it"
            raise ValueError(message)
        return value

    @property
    def catalogue_folder(self) -> Path | None:
        """The folder to load the catalogue from; None: the shipped one."""
        return Path(self.catalogue) if self.catalogue else None

    def security(self) -> BrokerSecurity:
        """Return how the broker is reached, as the kafka-python clients take it."""
        return BrokerSecurity.model_validate(
            {name: getattr(self, name) for name in BrokerSecurity.model_fields}
        )

    def make_clock(self) -> Clock:
        """Return the clock that the setting names; an accelerated one starts now."""
        return parse_clock(self.clock)


def load_settings(**overrides: Any) -> Settings:
    """Read the settings from the environment; `overrides` (a command's options) win, None does not.

    Raises SettingsError naming every wrong variable, its value and the remedy; a variable with
    our prefix that is no setting is refused too, for it is nearly always a misspelling.
    """
    problems: list[tuple[str, object, str]] = [
        (name, _HIDDEN, _no_such(name))
        for name in sorted(os.environ)
        if name.startswith(ENV_PREFIX)
        and not name.startswith(_FOREIGN)
        and name.removeprefix(ENV_PREFIX).lower() not in Settings.model_fields
    ]
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        settings = Settings(**given)
    except ValidationError as error:
        problems += [_problem(detail) for detail in error.errors(include_url=False)]
    if problems:
        raise SettingsError(problems)
    return settings


def _variable(field: str) -> str:
    return ENV_PREFIX + field.upper()


def _no_such(name: str) -> str:
    known = sorted(Settings.model_fields)
    near = get_close_matches(name.removeprefix(ENV_PREFIX).lower(), known, n=1)
    told = f"did you mean {_variable(near[0])}?" if near else f"there are {', '.join(known)}"
    return f"no such setting; {told}"


def _problem(detail: ErrorDetails) -> tuple[str, object, str]:
    field = str(detail["loc"][0])
    value = _HIDDEN if "password" in field else detail["input"]
    return _variable(field), value, detail["msg"].removeprefix("Value error, ")
