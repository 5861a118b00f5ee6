"""Sends records and waits for their acknowledgement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol, Self

from kafka import KafkaProducer
from kafka.errors import KafkaError

from boundary.errors import SmartRegionError
from broker.clients import CONNECT_SECONDS, PLAINTEXT, BrokerSecurity, drop_queued, opened
from events.topics import DEAD_LETTER_MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from events.records import OutgoingRecord

__all__ = ["KafkaWriter", "NotAcknowledgedError", "NullWriter", "RecordWriter"]

DELIVERY_SECONDS: Final = 30.0


class NotAcknowledgedError(SmartRegionError):
    """The broker did not take what a command sent; the command ends there."""

    def __init__(self, topic: str, *, cause: str) -> None:
        self.topic = topic
        super().__init__(
            f"{topic}: the broker did not acknowledge a record ({cause}): run the command again;"
            " what was sent and is not noted yet is sent again, and counts once"
        )


class RecordWriter(Protocol):
    """Takes records, and returns when they are safe."""

    def send(self, records: Sequence[OutgoingRecord]) -> None:
        """Return once the broker has all. Raises NotAcknowledgedError."""


class NullWriter:
    """Sends nothing: for a dry run."""

    def send(self, records: Sequence[OutgoingRecord]) -> None:
        """Leave the records where they are."""


class KafkaWriter:
    """Sends to Kafka: acknowledged by all replicas, never twice by a retry of its own.

    The constructor raises BrokerUnreachableError. A context manager.
    """

    def __init__(self, bootstrap: str, *, security: BrokerSecurity = PLAINTEXT) -> None:
        self._producer: Any = opened(
            KafkaProducer,
            bootstrap,
            security=security,
            acks="all",
            enable_idempotence=True,
            request_timeout_ms=int(DELIVERY_SECONDS * 500),
            delivery_timeout_ms=int(DELIVERY_SECONDS * 1000),
            max_block_ms=int(CONNECT_SECONDS * 1000),
            max_request_size=DEAD_LETTER_MAX_BYTES,
            allow_auto_create_topics=False,
        )

    def send(self, records: Sequence[OutgoingRecord]) -> None:
        """Return once the broker has all. Raises NotAcknowledgedError."""
        topic = ""
        try:
            sent = []
            for topic, partition, key, value, headers in records:
                future = self._producer.send(
                    topic, key=key, value=value, partition=partition, headers=list(headers)
                )
                sent.append((topic, future))
            for name, future in sent:
                topic = name
                # A little longer than the client's own timeout, whose error has the better cause.
                future.get(timeout=DELIVERY_SECONDS + 1.0)
        except KafkaError as error:
            raise NotAcknowledgedError(topic, cause=str(error) or type(error).__name__) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            drop_queued(self._producer)  # Its outcome could not be recorded any more.
        self._producer.close(timeout=1.0)
