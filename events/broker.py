"""How a Kafka broker is reached: security, and one readable error when it is not."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, Self, TypeVar

from kafka.errors import KafkaConfigurationError, KafkaError
from kafka.net.compat import KafkaNetClient
from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from events.errors import BrokerAddressError, BrokerUnreachableError, SecuritySettingError

__all__ = ["PLAINTEXT", "BrokerSecurity", "opened"]

Client = TypeVar("Client")

ENV_PREFIX = "SMART_REGION_"
CONNECT_SECONDS = 10.0
_ADDRESS = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}\Z")
_FAILED_ATTEMPT = re.compile(r"Bootstrap connection to \S+ failed: (.*?)(?: \(backoff .*\))?$")


class BrokerSecurity(BaseModel):
    """How the broker knows us, and we it; the default is a broker open to all (tests, demo)."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    sasl_username: str | None = None
    sasl_password: SecretStr | None = None
    ssl_cafile: str | None = None
    """PEM file with the authority that signed the broker's certificate."""
    ssl_certfile: str | None = None
    """PEM file with our own certificate, where the broker asks for one."""
    ssl_keyfile: str | None = None
    """PEM file with the key of our own certificate."""
    ssl_check_hostname: bool = True

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Read the variables SMART_REGION_SECURITY_PROTOCOL, …_SASL_USERNAME and so on.

        Raises SecuritySettingError on the first that is wrong or missing.
        """
        given = {
            name: environ[variable]
            for name in cls.model_fields
            if environ.get(variable := _variable(name))
        }
        try:
            security = cls.model_validate(given)
        except ValidationError as error:
            wrong = error.errors(include_url=False)[0]
            name = str(wrong["loc"][0])
            raise SecuritySettingError(
                _variable(name), given[name], remedy=f"it {wrong['msg'].removeprefix('Input ')}"
            ) from None
        if security.security_protocol.startswith("SASL"):
            for name in ("sasl_username", "sasl_password"):
                if name not in given:
                    remedy = f"set it, as {security.security_protocol} asks for it"
                    raise SecuritySettingError(_variable(name), None, remedy=remedy)
        return security

    def client_config(self) -> dict[str, Any]:
        """Say the same in kafka-python's words."""
        config: dict[str, Any] = {"security_protocol": self.security_protocol}
        if self.security_protocol.endswith("SSL"):
            config |= {
                "ssl_cafile": self.ssl_cafile,
                "ssl_certfile": self.ssl_certfile,
                "ssl_keyfile": self.ssl_keyfile,
                "ssl_check_hostname": self.ssl_check_hostname,
            }
        if self.security_protocol.startswith("SASL"):
            password = self.sasl_password
            config |= {
                "sasl_mechanism": self.sasl_mechanism,
                "sasl_plain_username": self.sasl_username,
                "sasl_plain_password": password and password.get_secret_value(),
            }
        return config


PLAINTEXT = BrokerSecurity()


def opened(
    make: Callable[..., Client],
    bootstrap: str,
    *,
    security: BrokerSecurity = PLAINTEXT,
    connect_seconds: float = CONNECT_SECONDS,
    **config: object,
) -> Client:
    """A kafka-python client made by `make`, connected to one of the `bootstrap` brokers.

    `bootstrap` is HOST:PORT, several separated by commas; BrokerAddressError where it is not.
    Raises BrokerUnreachableError with the last reason the client met (refused connection, wrong
    password, bad certificate…): the client itself only says that it gave up.
    """
    addresses = [address.strip() for address in bootstrap.split(",")]
    if not all(_ADDRESS.match(address) for address in addresses):
        raise BrokerAddressError(bootstrap)
    connections: list[KafkaNetClient] = []

    def connection(**config: object) -> KafkaNetClient:
        connections.append(KafkaNetClient(**config))
        return connections[-1]

    with _complaints() as complaints:
        try:
            return make(
                bootstrap_servers=addresses,
                bootstrap_timeout_ms=int(connect_seconds * 1000),
                kafka_client=connection,
                **security.client_config(),
                **config,
            )
        except (KafkaError, OSError) as error:
            for opened_before in connections:
                opened_before.close()  # A client that was not made cannot be closed itself.
            if isinstance(error, KafkaConfigurationError):
                raise  # Our own mistake, not the broker's.
            raise BrokerUnreachableError(
                bootstrap,
                waited_seconds=connect_seconds,
                cause=complaints[-1] if complaints else str(error),
                security_protocol=security.security_protocol,
            ) from error


@contextmanager
def _complaints() -> Iterator[list[str]]:
    """Collect why each of kafka-python's attempts failed, instead of logging them one by one."""
    heard: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            attempt = _FAILED_ATTEMPT.match(record.getMessage())
            if attempt:
                heard.append(attempt[1])

    logger = logging.getLogger("kafka")
    listener = Listener(logging.WARNING)
    propagated, logger.propagate = logger.propagate, False
    logger.addHandler(listener)
    try:
        yield heard
    finally:
        logger.removeHandler(listener)
        logger.propagate = propagated


def _variable(field: str) -> str:
    return ENV_PREFIX + field.upper()
