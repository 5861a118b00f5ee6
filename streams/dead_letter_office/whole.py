"""The whole of a letter that keeps a part of its record: read again from where the record lay."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError, OffsetOutOfRangeError

from events.broker import PLAINTEXT, BrokerSecurity, opened
from events.dead_letters import parts_of
from events.errors import BrokerUnreachableError, ContractError, RefusalReason
from streams.poll_bytes import bound_polls_of_kafka_python
from streams.record_batches import read_any_batch_with_kafka_python

if TYPE_CHECKING:
    from events.dead_letters import DeadLetter
    from events.records import Record

__all__ = ["WholeRecords"]

WAIT_SECONDS: Final = 20.0
POLL_MS: Final = 300


class WholeRecords:
    """Fetches the records of shortened letters from their topics."""

    def __init__(self, bootstrap: str, *, security: BrokerSecurity = PLAINTEXT) -> None:
        self._bootstrap = bootstrap
        self._security = security

    def __call__(self, letter: DeadLetter) -> DeadLetter:
        """Return a letter with its whole record; one that is whole already, as it is.

        Raises ContractError where the record is not at its place any more, and
        BrokerUnreachableError.
        """
        if not letter.shortened:
            return letter
        record = self._record_of(letter)
        if record is not None:
            parts = parts_of(record.key, record.value, record.headers)
            if all(parts[name] == part for name, part in letter.shortened.items()):
                return replace(
                    letter,
                    key=record.key,
                    value=record.value,
                    headers=tuple(record.headers),
                    shortened={},
                )
        name, part = next(iter(letter.shortened.items()))
        known = letter.reason in set(RefusalReason)  # A later version may have others.
        raise ContractError(
            RefusalReason(letter.reason) if known else RefusalReason.UNREADABLE,
            name,
            f"{part.bytes} bytes",
            "have its producer send it again, or discard it",
            problem=f"is kept in part, and the record is no longer at {letter.origin}",
        )

    def _record_of(self, letter: DeadLetter) -> Record | None:
        place = TopicPartition(letter.origin.topic, letter.origin.partition)
        offset = letter.origin.offset
        read_any_batch_with_kafka_python()
        bound_polls_of_kafka_python()
        consumer: Any = opened(
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
        with closing(consumer):
            try:
                if place.partition not in (consumer.partitions_for_topic(place.topic) or ()):
                    return None
                consumer.assign([place])
                consumer.seek(place, offset)
                deadline = monotonic() + WAIT_SECONDS
                while monotonic() < deadline:
                    for record in consumer.poll(timeout_ms=POLL_MS, max_records=1).get(place, ()):
                        found: Record | None = record if record.offset == offset else None
                        return found
            except OffsetOutOfRangeError:
                return None
            except KafkaError as error:
                raise BrokerUnreachableError(
                    self._bootstrap, waited_seconds=WAIT_SECONDS, cause=str(error)
                ) from error
        return None
