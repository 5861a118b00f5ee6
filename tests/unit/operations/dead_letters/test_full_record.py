"""The full record of a letter, read from a scripted consumer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from kafka import TopicPartition
from kafka.errors import OffsetOutOfRangeError, TopicAuthorizationFailedError

from broker.errors import BrokerRefusedError, TopicsStalledError
from events.dead_letters import DeadLetter, RefusedRecords, sizes_of
from events.errors import ContractError
from operations.dead_letters.full_record import FullRecords
from tests.support.letters import letter_of
from tests.support.records import FakeRecord

WHOLE = letter_of()
SHORTENED = letter_of(
    key=None, value=b"", headers=(), shortened=sizes_of(WHOLE.key, WHOLE.value, WHOLE.headers)
)
ORIGIN = SHORTENED.origin


def record_at(offset: int) -> FakeRecord:
    parts = WHOLE.key, WHOLE.value, WHOLE.headers
    return FakeRecord(ORIGIN.topic, ORIGIN.partition, offset, *parts, timestamp=55)


class ScriptedConsumer:
    """A consumer of one partition, whose polls return what a test says."""

    def __init__(
        self,
        poll: Callable[[], Sequence[FakeRecord]] = lambda: (),
        *,
        position: int | None = ORIGIN.offset,
        highwater: int | None = None,
    ) -> None:
        self._poll = poll
        self._position = position
        self._highwater = highwater

    def partitions_for_topic(self, topic: str) -> set[int]:
        return {ORIGIN.partition} if topic == ORIGIN.topic else set()

    def assign(self, partitions: Sequence[TopicPartition]) -> None:
        """Take the one partition."""

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Take an offset."""

    def poll(self, **_: Any) -> Mapping[TopicPartition, Sequence[FakeRecord]]:
        found = self._poll()
        return {TopicPartition(ORIGIN.topic, ORIGIN.partition): found} if found else {}

    def beginning_offsets(
        self, partitions: Sequence[TopicPartition]
    ) -> Mapping[TopicPartition, int]:
        return dict.fromkeys(partitions, ORIGIN.offset + 1)

    def position(self, _: TopicPartition, **__: Any) -> int | None:
        return self._position

    def highwater(self, _: TopicPartition) -> int | None:
        return self._highwater

    def close(self) -> None:
        """Close nothing."""


def reading(consumer: ScriptedConsumer) -> FullRecords:
    records = FullRecords("localhost:1", wait_seconds=0)
    records._consumer = consumer
    return records


def record_of(letter: DeadLetter, consumer: ScriptedConsumer) -> DeadLetter | ContractError:
    [(offset, found)] = reading(consumer).records_of(letter, letter.runs)
    assert offset == letter.origin.offset
    return found


def test_the_record_at_the_origin_is_returned() -> None:
    consumer = ScriptedConsumer(lambda: [record_at(ORIGIN.offset)])

    assert record_of(SHORTENED, consumer) == record_of(WHOLE, ScriptedConsumer()) == WHOLE


@pytest.mark.parametrize("highwater", [None, ORIGIN.offset + 1])
def test_a_broker_that_returns_nothing_does_not_say_that_a_record_is_gone(
    highwater: int | None,
) -> None:
    """It may be away, or the partition without a leader: nobody is told to discard the letter."""
    with pytest.raises(TopicsStalledError, match="returned no record"):
        record_of(SHORTENED, ScriptedConsumer(highwater=highwater))


def test_what_may_not_be_read_is_not_gone() -> None:
    def poll() -> Sequence[FakeRecord]:
        raise TopicAuthorizationFailedError(ORIGIN.topic)

    with pytest.raises(BrokerRefusedError, match="rights"):
        record_of(SHORTENED, ScriptedConsumer(poll))


def deleted() -> Sequence[FakeRecord]:
    raise OffsetOutOfRangeError


@pytest.mark.parametrize(
    "consumer",
    [
        ScriptedConsumer(deleted),
        ScriptedConsumer(highwater=ORIGIN.offset),
        ScriptedConsumer(position=ORIGIN.offset + 1),
        ScriptedConsumer(lambda: [record_at(ORIGIN.offset + 1)]),
        ScriptedConsumer(lambda: [replace(record_at(ORIGIN.offset), timestamp=2**42)]),
    ],
    ids=["deleted", "beyond the end", "aborted", "another one comes first", "of another topic"],
)
def test_a_record_that_is_gone_is_a_refusal(consumer: ScriptedConsumer) -> None:
    found = record_of(SHORTENED, consumer)

    assert isinstance(found, ContractError)
    assert "is no longer at" in str(found)


def test_the_records_of_a_summary_are_read_in_one_go() -> None:
    first, second, third, fourth = range(ORIGIN.offset, ORIGIN.offset + 4)
    summary = RefusedRecords(
        ORIGIN.topic, ORIGIN.partition, ((first, second), (fourth, fourth)), (50, 60)
    )
    polled = [
        replace(record_at(first), timestamp=55),
        replace(record_at(third), timestamp=55),
        replace(record_at(fourth), timestamp=61),
    ]
    consumer = ScriptedConsumer(lambda: polled)
    letter = replace(SHORTENED, shortened={}, summary=summary)

    found = dict(reading(consumer).records_of(letter, summary.runs))

    assert found.keys() == {first, second, fourth}
    assert found[first] == replace(WHOLE, shortened={})
    assert isinstance(found[second], ContractError)
    assert isinstance(found[fourth], ContractError)


def test_the_records_of_a_summary_after_deleted_ones_are_read() -> None:
    """The first ones are gone, as after an erasure."""
    first, last = ORIGIN.offset, ORIGIN.offset + 1
    polls: Iterator[Callable[[], Sequence[FakeRecord]]] = iter(
        [deleted, lambda: [replace(record_at(last), timestamp=55)]]
    )
    summary = RefusedRecords(ORIGIN.topic, ORIGIN.partition, ((first, last),), (50, 60))

    def poll() -> Sequence[FakeRecord]:
        return next(polls)()

    letter = replace(SHORTENED, shortened={}, summary=summary)

    found = dict(reading(ScriptedConsumer(poll)).records_of(letter, summary.runs))

    assert isinstance(found[first], ContractError)
    assert isinstance(found[last], DeadLetter)
