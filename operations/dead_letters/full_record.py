"""The whole of a letter that does not keep its record: read again from where the record lies."""

from __future__ import annotations

from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Self

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError, OffsetOutOfRangeError

from broker.clients import PLAINTEXT, BrokerSecurity, opened
from broker.errors import BrokerUnreachableError
from broker.poll_bytes import bound_polls_of_kafka_python
from broker.record_batches import read_any_batch_with_kafka_python
from events.dead_letters import GATEWAY, parts_of, without_replay
from events.errors import ContractError, RefusalReason

if TYPE_CHECKING:
    from events.dead_letters import DeadLetter
    from events.records import Record

__all__ = ["FullRecords"]

WAIT_SECONDS: Final = 20.0
POLL_MS: Final = 300


class FullRecords:
    """Fetches the records of letters that do not keep them; a context manager.

    One connection is opened for all, when the first is asked for.
    """

    def __init__(self, bootstrap: str, *, security: BrokerSecurity = PLAINTEXT) -> None:
        self._bootstrap = bootstrap
        self._security = security
        self._consumer: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._consumer is not None:
            self._consumer.close()

    def __call__(self, letter: DeadLetter) -> DeadLetter:
        """Return a letter with its whole record; one that is whole already, as it is.

        Raises ContractError where the record is not at its place any more, and
        BrokerUnreachableError.
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
        lies = "lies nowhere else" if came_to_gateway else f"is no longer at {letter.origin}"
        raise ContractError(
            RefusalReason(letter.reason) if known else RefusalReason.UNREADABLE,
            name,
            f"{part.bytes} bytes",
            "have its producer send it again, or discard it",
            problem=f"is not kept in the letter, and the record {lies}",
        )

    def _record_of(self, letter: DeadLetter) -> Record | None:
        place = TopicPartition(letter.origin.topic, letter.origin.partition)
        offset = letter.origin.offset
        consumer = self._connected()
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

    def _connected(self) -> Any:  # noqa: ANN401 - untyped client
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
