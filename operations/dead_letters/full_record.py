"""The full record of a letter that does not keep it, read from its topic."""

from __future__ import annotations

from dataclasses import replace
from time import monotonic
from typing import Any, Final, Self

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import AuthorizationError, KafkaError, OffsetOutOfRangeError

from broker.clients import PLAINTEXT, BrokerSecurity, opened
from broker.errors import BrokerRefusedError, BrokerUnreachableError, TopicsStalledError
from broker.poll_bytes import bound_polls_of_kafka_python
from broker.record_batches import read_any_batch_with_kafka_python
from events.dead_letters import GATEWAY, DeadLetter, parts_of, without_replay
from events.errors import ContractError, RefusalReason
from events.records import Record

__all__ = ["FullRecords"]

WAIT_SECONDS: Final = 20.0
POLL_MS: Final = 300


class FullRecords:
    """Reads the records of letters that do not keep them; a context manager.

    The one connection is opened with the first read.
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        security: BrokerSecurity = PLAINTEXT,
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        self._bootstrap = bootstrap
        self._security = security
        self._wait_seconds = wait_seconds
        self._consumer: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._consumer is not None:
            self._consumer.close()

    def __call__(self, letter: DeadLetter) -> DeadLetter:
        """Return a letter with its full record; one that keeps its record, unchanged.

        Raises ContractError where the record is no longer at its offset; BrokerRefusedError,
        BrokerUnreachableError and TopicsStalledError where the broker does not say.
        """
        if not letter.shortened:
            return letter
        came_to_gateway = letter.origin == GATEWAY
        record = None if came_to_gateway else self._record_of(letter)
        if record is not None:
            parts = parts_of(record.key, record.value, record.headers)
            if all(parts[name] == part for name, part in letter.shortened.items()):
                headers, _, _ = without_replay(tuple(record.headers))
                return replace(
                    letter, key=record.key, value=record.value, headers=headers, shortened={}
                )
        name, part = next(iter(letter.shortened.items()))
        known = letter.reason in set(RefusalReason)  # A later version may have others.
        where = "lies nowhere else" if came_to_gateway else f"is no longer at {letter.origin}"
        raise ContractError(
            RefusalReason(letter.reason) if known else RefusalReason.UNREADABLE,
            name,
            f"{part.bytes} bytes",
            "have its producer send it again, or discard it",
            problem=f"is not kept in the letter, and the record {where}",
        )

    def _record_of(self, letter: DeadLetter) -> Record | None:
        partition = TopicPartition(letter.origin.topic, letter.origin.partition)
        consumer = self._connect()
        try:
            if partition.partition not in (consumer.partitions_for_topic(partition.topic) or ()):
                return None
            return self._read(consumer, partition, letter.origin.offset)
        except OffsetOutOfRangeError:
            return None
        except AuthorizationError as error:
            cause = str(error) or type(error).__name__
            raise BrokerRefusedError("return records at", self._bootstrap, cause=cause) from error
        except KafkaError as error:
            raise BrokerUnreachableError(
                self._bootstrap,
                waited_seconds=self._wait_seconds,
                cause=str(error) or type(error).__name__,
                security_protocol=self._security.security_protocol,
            ) from error

    def _read(
        self,
        consumer: Any,  # noqa: ANN401 - untyped client
        partition: TopicPartition,
        offset: int,
    ) -> Record | None:
        """Return the record at an offset; None where there is none.

        An empty poll does not show it: a broker that is away, or a partition without a leader, has
        no records either.
        """
        consumer.assign([partition])
        consumer.seek(partition, offset)
        deadline = monotonic() + self._wait_seconds
        while True:
            for record in consumer.poll(timeout_ms=POLL_MS, max_records=1).get(partition, ()):
                found: Record | None = record if record.offset == offset else None
                return found
            if (consumer.position(partition, timeout_ms=POLL_MS) or 0) > offset:
                return None  # Nothing is returned of an aborted transaction, or of a marker.
            if monotonic() > deadline:
                break
        end = consumer.highwater(partition)
        if end is not None and end <= offset:
            return None
        name = f"{partition.topic}[{partition.partition}]"
        left = None if end is None else end - offset
        raise TopicsStalledError(self._bootstrap, {name: left}, waited_seconds=self._wait_seconds)

    def _connect(self) -> Any:  # noqa: ANN401 - untyped client
        if self._consumer is None:
            read_any_batch_with_kafka_python()
            bound_polls_of_kafka_python()
            self._consumer = opened(
                KafkaConsumer,
                self._bootstrap,
                security=self._security,
                group_id=None,
                enable_auto_commit=False,
                auto_offset_reset="none",
                allow_auto_create_topics=False,
                isolation_level="read_committed",
                metrics_enabled=False,
            )
        return self._consumer
