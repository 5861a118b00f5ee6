"""Settings from `SMART_REGION_…` variables: how a program reads its own, wrong ones refused."""

from __future__ import annotations

import os
import re
from difflib import get_close_matches
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from boundary.addresses import shown_address
from boundary.errors import SmartRegionError
from broker.security import ENV_PREFIX, BrokerSecurity, InsecureBroker

__all__ = ["ENV_PREFIX", "BrokerSettings", "SettingsError", "read_settings"]

#: Shown for a secret, and for what may be one: the value of a misspelled variable.
_HIDDEN = "…"

Model = TypeVar("Model", bound=BaseSettings)


class SettingsError(SmartRegionError):
    """A setting is wrong: the start stops here."""

    def __init__(self, problems: list[tuple[str, object, str]]) -> None:
        self.problems = problems
        lines = [f"{name}={value!r}: {remedy}" for name, value, remedy in problems]
        super().__init__("wrong settings: " + "; ".join(lines))


def _broker_list(text: str) -> str:
    for address in text.split(","):
        if not re.fullmatch(r"(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):\d{1,5}", address.strip()):
            named = shown_address(address)
            message = f"write HOST:PORT, several separated by commas; {named!r} is not one"
            raise ValueError(message)
    return text


class BrokerSettings(BaseSettings):
    """Where Kafka is and how it knows us: what every program of ours is told."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        extra="forbid",
        frozen=True,
        env_ignore_empty=True,
        use_attribute_docstrings=True,
    )

    broker: Annotated[str, AfterValidator(_broker_list)] = "127.0.0.1:9092"
    """Kafka, HOST:PORT; several separated by commas."""
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """How the broker is spoken to."""
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    """How the password is proven."""
    sasl_username: str | None = None
    """The user, where the protocol is a SASL one."""
    sasl_password_file: str | None = None
    """File with its password alone, closed to other users; goes before `SASL_PASSWORD`."""
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
    insecure_broker: InsecureBroker = False
    """True where the network is yours alone: allows `PLAIN` over `SASL_PLAINTEXT`, which shows the
    password, and a certificate that does not name its host."""

    @field_validator("sasl_username", "sasl_password")
    @classmethod
    def _is_there_where_asked_for(cls, value: object, info: ValidationInfo) -> object:
        protocol = info.data.get("security_protocol", "")
        if not protocol.startswith("SASL") or value:
            return value
        if info.field_name == "sasl_password" and info.data.get("sasl_password_file"):
            return value
        message = f"set it: {protocol} asks for it"
        raise ValueError(message)

    def security(self) -> BrokerSecurity:
        """Return how the broker is reached, as the kafka-python clients take it."""
        return BrokerSecurity.model_validate(
            {name: getattr(self, name) for name in BrokerSecurity.model_fields}
        )


def read_settings(
    model: type[Model], *, ours: str = ENV_PREFIX, foreign: tuple[str, ...] = (), **overrides: Any
) -> Model:
    """Read a program's settings from the environment; `overrides` win (options), None does not.

    Raises SettingsError naming every wrong variable, its value and the remedy. A variable that
    begins with `ours`, and with none of the prefixes `foreign`, and is no setting is refused too:
    it is nearly always a misspelling.
    """
    problems: list[tuple[str, object, str]] = [
        (name, _HIDDEN, _no_such(name, model))
        for name in sorted(os.environ)
        if name.startswith(ours)
        and not name.startswith(foreign)
        and name.removeprefix(ENV_PREFIX).lower() not in model.model_fields
    ]
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        settings = model(**given)
    except ValidationError as error:
        problems += [_problem(detail) for detail in error.errors(include_url=False)]
    if problems:
        raise SettingsError(problems)
    return settings


def _variable(field: str) -> str:
    return ENV_PREFIX + field.upper()


def _no_such(name: str, model: type[BaseSettings]) -> str:
    known = sorted(model.model_fields)
    near = get_close_matches(name.removeprefix(ENV_PREFIX).lower(), known, n=1)
    told = f"did you mean {_variable(near[0])}?" if near else f"there are {', '.join(known)}"
    return f"no such setting; {told}"


def _problem(detail: ErrorDetails) -> tuple[str, object, str]:
    field = str(detail["loc"][0])
    value = _HIDDEN if "password" in field else detail["input"]
    if field == "broker":
        value = shown_address(str(value))  # Some write a user and a password before a host.
    return _variable(field), value, detail["msg"].removeprefix("Value error, ")
