"""Sends records to Kafka and waits for their acknowledgement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, Protocol, Self

from kafka import KafkaProducer
from kafka.errors import KafkaError

from boundary.errors import SmartRegionError
from broker.clients import CONNECT_SECONDS, close_producer, opened
from broker.security import PLAINTEXT, BrokerSecurity
from events.records import OutgoingRecord
from events.topics import DEAD_LETTER_MAX_BYTES

DELIVERY_SECONDS: Final = 30.0
MOST_QUEUED_BYTES: Final = 16 * 1024 * 1024
"""The limit of unacknowledged records. Without it, a slow network would have to send all records of
a large call within DELIVERY_SECONDS: the client's queue is unbounded, and drops late records."""


class RecordWriter(Protocol):
    """Something that writes records, and returns when they are acknowledged."""

    def send(self, records: Sequence[OutgoingRecord]) -> None:
        """Return once all records are acknowledged. Raises SmartRegionError."""


class NullWriter:
    """A writer for a dry run, which sends nothing."""

    def send(self, records: Sequence[OutgoingRecord]) -> None:
        """Return at once."""


class KafkaWriter:
    """A writer to Kafka: all in-sync replicas acknowledge, and retries make no duplicates.

    A context manager. The constructor raises the errors of `broker.clients.opened`.
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
        """Return once all records are acknowledged. Raises SmartRegionError."""
        queued: list[tuple[str, Any]] = []
        size = 0
        for topic, partition, key, value, headers in records:
            with _typed_errors(topic):
                future = self._producer.send(
                    topic, key=key, value=value, partition=partition, headers=list(headers)
                )
            queued.append((topic, future))
            size += len(key or b"") + len(value or b"")
            size += sum(len(name) + len(content or b"") for name, content in headers)
            if size >= MOST_QUEUED_BYTES:
                _await(queued)
                queued, size = [], 0
        _await(queued)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # If the block fails, the outcome of queued records could no longer be recorded.
        close_producer(self._producer, drop=kind is not None)


def _await(queued: Sequence[tuple[str, Any]]) -> None:
    """Wait until all records are acknowledged. Raises SmartRegionError naming the topic."""
    for topic, future in queued:
        with _typed_errors(topic):
            # A little longer than the client's own timeout, whose error names a better cause.
            future.get(timeout=DELIVERY_SECONDS + 1.0)


@contextmanager
def _typed_errors(topic: str) -> Iterator[None]:
    try:
        yield
    except KafkaError as error:
        cause = str(error) or type(error).__name__
        raise SmartRegionError(
            f"{topic}: the broker did not acknowledge a record ({cause}): run the command again;"
            " what was sent before may be sent again, and counts once"
        ) from error
