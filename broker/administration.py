"""The administration client of a broker, with typed errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from broker.clients import CONNECT_SECONDS, PLAINTEXT, BrokerSecurity, opened
from broker.errors import BrokerRefusedError, BrokerUnreachableError

__all__ = ["administering"]


@contextmanager
def administering(
    bootstrap: str,
    *,
    what: str,
    security: BrokerSecurity = PLAINTEXT,
    connect_seconds: float = CONNECT_SECONDS,
) -> Iterator[Any]:
    """Yield kafka-python's admin client; `what` names what is administered, for the errors.

    What the client raises inside the context becomes BrokerRefusedError or BrokerUnreachableError.
    Raises as `opened`.
    """
    client = opened(
        KafkaAdminClient,
        bootstrap,
        security=security,
        connect_seconds=connect_seconds,
        request_timeout_ms=int(connect_seconds * 1000),
    )
    with closing(client) as admin:
        try:
            yield admin
        except KafkaError as error:
            if error.retriable:
                raise BrokerUnreachableError(
                    bootstrap,
                    waited_seconds=connect_seconds,
                    cause=str(error),
                    security_protocol=security.security_protocol,
                ) from error
            raise BrokerRefusedError(
                f"administer {what} at", bootstrap, cause=str(error) or type(error).__name__
            ) from error
