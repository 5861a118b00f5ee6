"""The full records of letters that do not keep them, read from their topics."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from time import monotonic
from typing import Any, Final, Self

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import AuthorizationError, KafkaError, OffsetOutOfRangeError

from broker.clients import opened
from broker.errors import BrokerRefusedError, BrokerUnreachableError, TopicsStalledError
from broker.poll_bytes import bound_polls_of_kafka_python
from broker.record_batches import read_any_batch_with_kafka_python
from broker.security import PLAINTEXT, BrokerSecurity
from events.dead_letters import GATEWAY, DeadLetter, Runs, without_replay
from events.errors import ContractError, RefusalReason
from events.offset_runs import OffsetRuns
from events.records import Record

WAIT_SECONDS: Final = 20.0
POLL_MS: Final = 300
POLL_RECORDS: Final = 500


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

    def records_of(
        self, letter: DeadLetter, runs: Runs
    ) -> Iterator[tuple[int, DeadLetter | ContractError]]:
        """Yield the records of a letter in some runs of offsets, as letters that keep theirs.

        Instead of a record that is no longer at its offset there is an error. A part of them is in
        memory at a time; read nothing else before the last one. Raises BrokerRefusedError,
        BrokerUnreachableError and TopicsStalledError where the broker does not say.
        """
        if letter.summary is None and not letter.shortened:
            yield letter.origin.offset, letter
            return
        if letter.records is None:  # It came to the gateway.
            yield letter.origin.offset, _gone(letter)
            return
        least, greatest = letter.records.timestamps
        records = self._records_at(letter.origin.topic, letter.origin.partition, runs)
        record = next(records, None)
        for offset in (offset for first, last in runs for offset in range(first, last + 1)):
            alone = replace(letter, origin=letter.origin._replace(offset=offset), summary=None)
            if record is None or record.offset != offset:
                yield offset, _gone(alone)
                continue
            headers, _, _ = without_replay(tuple(record.headers))
            whole = replace(
                alone, key=record.key, value=record.value, headers=headers, shortened={}
            )
            # A topic that was created anew has later timestamps.
            yield offset, whole if least <= record.timestamp <= greatest else _gone(alone)
            record = next(records, None)

    def _records_at(self, topic: str, number: int, runs: Runs) -> Iterator[Record]:
        """Yield the records in some runs of offsets, in order; those that are gone are left out."""
        partition = TopicPartition(topic, number)
        consumer = self._connect()
        with self._typed_errors():
            if number in (consumer.partitions_for_topic(topic) or ()):
                wanted = OffsetRuns.of(runs)
                # What lies between them is of the same batch, and quicker read than sought.
                for record in self._read(consumer, partition, runs[0][0], runs[-1][1]):
                    if record.offset in wanted:
                        yield record

    @contextmanager
    def _typed_errors(self) -> Iterator[None]:
        try:
            yield
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
        first: int,
        last: int,
    ) -> Iterator[Record]:
        """Yield the records from one offset to another; those that are gone are left out.

        An empty poll does not show it: an unreachable broker, or a partition without a leader, has
        no records either.
        """
        consumer.assign([partition])
        consumer.seek(partition, first)
        deadline = monotonic() + self._wait_seconds
        while first <= last:
            most = min(last - first + 1, POLL_RECORDS)
            try:
                found = consumer.poll(timeout_ms=POLL_MS, max_records=most).get(partition, ())
            except OffsetOutOfRangeError:
                start = consumer.beginning_offsets([partition])[partition]
                if not first < start <= last:
                    return  # They were deleted, or the topic was.
                first = start
                consumer.seek(partition, first)
                continue
            for record in found:
                if record.offset > last:
                    return
                yield record
                first = record.offset + 1
            if found:
                deadline = monotonic() + self._wait_seconds
            elif (consumer.position(partition, timeout_ms=POLL_MS) or 0) > last:
                return  # Nothing is returned of an aborted transaction, or of a marker.
            elif monotonic() > deadline:
                break
        end = consumer.highwater(partition)
        if first > last or (end is not None and end <= first):
            return
        name = f"{partition.topic}[{partition.partition}]"
        left = None if end is None else end - first
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


def _gone(letter: DeadLetter) -> ContractError:
    """Return the error of a letter that does not keep its record, which is no longer there."""
    known = letter.reason in set(RefusalReason)  # A later version may have others.
    came_to_gateway = letter.origin == GATEWAY
    where = "lies nowhere else" if came_to_gateway else f"is no longer at {letter.origin}"
    sizes = [(name, f"{size} bytes") for name, size in letter.shortened.items()]
    field, value = sizes[0] if sizes else ("value", None)
    return ContractError(
        RefusalReason(letter.reason) if known else RefusalReason.UNREADABLE,
        field,
        value,
        "have its producer send it again, or discard it",
        problem=f"is not kept in the letter, and the record {where}",
    )
