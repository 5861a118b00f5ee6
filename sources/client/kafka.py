"""Publishing on Kafka."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Any, Self

from kafka import KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError
from pydantic import BaseModel, ConfigDict, Field

from broker.clients import CONNECT_SECONDS, close_producer, drop_queued, opened
from broker.errors import BrokerRefusedError, TopicsMissingError
from broker.security import PLAINTEXT, BrokerSecurity
from events.cloudevent import CloudEvent, EncodedRecord, encode_structured
from events.partitioning import partition_for
from events.topics import topic_name
from sources.client.protocol import DeliveryReport, FailedDelivery


class PublisherOptions(BaseModel):
    """Options of the producer; the defaults suit Apache Kafka."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    batch_bytes: Annotated[int, Field(ge=0)] = 64 * 1024
    """Most bytes of a partition's batch; 0: one record at a time."""
    linger_ms: Annotated[int, Field(ge=0)] = 20
    """How long a record may wait for its batch to fill."""
    idempotent: bool = True
    """Whether the broker removes the duplicates of retries; not every broker can."""
    connect_seconds: Annotated[float, Field(gt=0)] = CONNECT_SECONDS
    delivery_seconds: Annotated[float, Field(gt=0)] = 30.0
    """Timeout of an event's acknowledgement, all retries included."""
    in_flight: Annotated[int, Field(gt=0)] = 10_000
    """Most events without acknowledgement; `publish` blocks beyond."""


class KafkaPublisher:
    """A publisher on Kafka: acknowledged by all replicas, with Java's default partitioner.

    The constructor raises BrokerUnreachableError; `publish` raises TopicsMissingError or
    BrokerRefusedError if the event's topic is not available. The outcome of each event is in
    `flush`'s report. Leaving the context flushes, and raises DeliveryError if an event that no
    report contains was lost; after an exception it drops the queue. Thread-safe.
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        options: PublisherOptions | None = None,
        security: BrokerSecurity = PLAINTEXT,
    ) -> None:
        self._bootstrap = bootstrap
        self._options = options = options or PublisherOptions()
        # After this time a delivery has failed: the client's own timeout does not run while it
        # waits for its producer id.
        self._delivery_timeout = options.delivery_seconds + options.linger_ms / 1000 + 1.0
        self._partitions: dict[str, int] = {}
        self._lock = threading.Lock()
        # The client's buffer is unbounded, and drops records after the timeout: `publish` blocks.
        self._waiting: deque[tuple[CloudEvent | None, Any]] = deque()
        self._delivered = 0
        self._failed: list[FailedDelivery] = []
        self._raw_failures: list[str] = []
        self._ends: dict[tuple[str, int], int] = {}
        self._gave_up = False
        delivery_ms = int(options.delivery_seconds * 1000)
        self._producer: Any = opened(
            KafkaProducer,
            bootstrap,
            security=security,
            connect_seconds=options.connect_seconds,
            acks="all",
            enable_idempotence=options.idempotent,
            batch_size=options.batch_bytes,
            linger_ms=options.linger_ms,
            # Two attempts, at least, within the time of a delivery.
            request_timeout_ms=max(1, delivery_ms // 2),
            delivery_timeout_ms=delivery_ms + options.linger_ms,
            max_block_ms=int(options.connect_seconds * 1000),
            allow_auto_create_topics=False,
        )

    def publish(self, event: CloudEvent) -> None:
        """Queue an event; block while `in_flight` events have no acknowledgement."""
        self.publish_raw(topic_name(event.fact.FAMILY), encode_structured(event), event)

    def publish_raw(
        self, topic: str, record: EncodedRecord, event: CloudEvent | None = None
    ) -> None:
        """Queue a record, valid or not, as a producer without our contracts may send it.

        It is sent to its key's partition, and counted as an event is; `event` is what it holds.
        """
        key, value, headers = record
        partition = partition_for(key, self._partition_count(topic))
        with self._lock:
            if len(self._waiting) >= self._options.in_flight:
                self._settle(self._options.in_flight // 2)
            try:
                future = self._producer.send(
                    topic, key=key, value=value, headers=headers, partition=partition
                )
            except KafkaError as error:
                self._fail(event, error)
            else:
                self._waiting.append((event, future))

    @property
    def ends(self) -> Mapping[tuple[str, int], int]:
        """The offset after the last delivered record, by (topic, partition), since the start.

        It is read from acknowledgements: exact also where a broker reports wrong end offsets.
        """
        with self._lock:
            return dict(self._ends)

    def flush(self) -> DeliveryReport:
        """Wait until every queued event is delivered or failed, and return the outcomes."""
        with self._lock:
            with suppress(KafkaError):  # Each record's future has it too.
                self._producer.flush(timeout=self._delivery_timeout)
            self._settle(0)
            report = DeliveryReport(self._delivered, tuple(self._failed), tuple(self._raw_failures))
            self._delivered = 0
            self._failed = []
            self._raw_failures = []
        return report

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self.flush().check()
        finally:
            close_producer(self._producer, drop=kind is not None)

    def _partition_count(self, topic: str) -> int:
        count = self._partitions.get(topic)
        if count is None:
            try:
                count = len(self._producer.partitions_for(topic))
            except KafkaTimeoutError as error:
                raise TopicsMissingError(self._bootstrap, [topic]) from error
            except KafkaError as error:
                raise BrokerRefusedError("describe a topic", topic, cause=str(error)) from error
            self._partitions[topic] = count
        return count

    def _settle(self, most: int) -> None:
        """Await the outcomes of the first records until at most so many are waiting."""
        while len(self._waiting) > most:
            event, future = self._waiting.popleft()
            try:
                receipt = future.get(timeout=self._delivery_timeout)
            except KafkaError as error:
                if not future.is_done:
                    self._gave_up = True
                    drop_queued(self._producer)
                self._fail(event, error)
            else:
                partition = (receipt.topic, receipt.partition)
                self._delivered += 1
                self._ends[partition] = max(receipt.offset + 1, self._ends.get(partition, 0))

    def _fail(self, event: CloudEvent | None, error: KafkaError) -> None:
        cause = f"no answer for {self._delivery_timeout:g} s" if self._gave_up else str(error)
        if event is None:
            self._raw_failures.append(cause)
        else:
            self._failed.append(FailedDelivery(event, cause))
