"""How a Kafka broker is reached, with one readable error when it is not."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from kafka.errors import KafkaConfigurationError, KafkaError
from kafka.net.compat import KafkaNetClient

from broker.addresses import addresses_of
from broker.errors import BrokerAddressError, BrokerUnreachableError
from broker.preflight import preflight
from broker.security import PLAINTEXT, BrokerSecurity

__all__ = ["CONNECT_SECONDS", "PLAINTEXT", "BrokerSecurity", "drop_queued", "opened"]

Client = TypeVar("Client")

CONNECT_SECONDS = 10.0
_FAILED_ATTEMPT = re.compile(r"Bootstrap connection to \S+ failed: (.*?)(?: \(backoff .*\))?$")


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
    Raises BrokerEntryError at once where the brokers do not let us in or are not to be trusted;
    else BrokerUnreachableError with the last reason the client met (a refused connection…): the
    client itself only says that it gave up. Not for a thread with a running event loop.
    """
    try:
        addresses = addresses_of(bootstrap)
    except ValueError as error:
        raise BrokerAddressError(bootstrap) from error
    if security.is_secured:
        asyncio.run(preflight(addresses, security))
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


def drop_queued(producer: Any) -> None:  # noqa: ANN401 - kafka-python has no types
    """Fail all records that a KafkaProducer has queued.

    Its close() waits for them first, without end where no broker answers.
    """
    producer._sender.force_close()  # noqa: SLF001 - the client has no public way


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
