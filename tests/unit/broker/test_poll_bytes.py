"""Polls of both clients, which end where they have brought enough into memory."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from aiokafka.structs import TopicPartition as AiokafkaPartition
from kafka import TopicPartition
from kafka.consumer import group
from kafka.consumer.fetcher import Fetcher
from kafka.consumer.subscription_state import SubscriptionState
from kafka.record import MemoryRecords
from kafka.structs import OffsetAndMetadata

from broker.poll_bytes import (
    MAX_POLL_BYTES,
    bound_polls_of_aiokafka,
    bound_polls_of_kafka_python,
    one_poll,
)
from tests.support.raw_batches import fetched_records

MEBIBYTE = 2**20
PARTITIONS = 3


@pytest.fixture(autouse=True)
def _clients_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetcher, "FetchResult", fetcher.FetchResult)
    monkeypatch.setattr(group, "Fetcher", Fetcher)


def batch(sizes: list[int]) -> bytes:
    builder = _DefaultRecordBatchBuilderPy(2, 1, 0, -1, -1, -1, 2**31)
    for offset, size in enumerate(sizes):
        builder.append(offset, 1, b"key", bytes(size), [("name", b"said")])
    return bytes(builder.build())


class Assignment:
    active = True

    def __init__(self) -> None:
        self.states = {
            AiokafkaPartition("t", number): SimpleNamespace(paused=False, position=0)
            for number in range(PARTITIONS)
        }
        for state in self.states.values():
            state.consumed_to = lambda position, state=state: setattr(state, "position", position)

    def state_value(self, tp: AiokafkaPartition) -> Any:  # noqa: ANN401
        return self.states[tp]


def fetched_by_aiokafka(content: bytes) -> list[Any]:
    bound_polls_of_aiokafka()
    assignment = Assignment()
    return [
        fetcher.FetchResult(
            tp,
            assignment=assignment,
            partition_records=fetched_records(content, partition=tp.partition),
            backoff=0,
        )
        for tp in assignment.states
    ]


def polls_of_aiokafka(content: bytes, *, most: int = 1000) -> list[list[tuple[int, int]]]:
    results = fetched_by_aiokafka(content)
    polls: list[list[tuple[int, int]]] = []
    while not polls or polls[-1]:
        polls.append([])
        with one_poll():
            for each in results:
                if each.has_more() and (room := most - len(polls[-1])):
                    polls[-1] += [(one.partition, one.offset) for one in each.getall(room)]
    return polls[:-1]


def polls_of_kafka_python(content: bytes, *, most: int = 1000) -> list[list[tuple[int, int]]]:
    bound_polls_of_kafka_python()
    subscriptions = SubscriptionState()
    tps = [TopicPartition("t", number) for number in range(PARTITIONS)]
    subscriptions.assign_from_user(tps)
    for tp in tps:
        subscriptions.assignment[tp].seek(OffsetAndMetadata(0, "", -1))
    client = group.Fetcher(MagicMock(), subscriptions)
    waiting = [client.PartitionRecords(0, tp, MemoryRecords(content)) for tp in tps]
    client._completed_fetches.extend(
        SimpleNamespace(topic_partition=tp, fetched_offset=0) for tp in tps
    )
    client._parse_fetched_data = lambda _: waiting.pop(0)
    polls: list[list[tuple[int, int]]] = []
    while not polls or polls[-1]:
        records, _ = client.fetched_records(most)
        polls.append([(one.partition, one.offset) for each in records.values() for one in each])
    return polls[:-1]


@pytest.mark.parametrize("polls_of", [polls_of_aiokafka, polls_of_kafka_python])
class TestPolls:
    def test_a_poll_ends_with_the_record_that_is_enough(self, polls_of: Any) -> None:  # noqa: ANN401
        sizes = [5 * MEBIBYTE, 5 * MEBIBYTE, 1]
        polls = polls_of(batch(sizes))

        assert polls == [
            [(0, 0), (0, 1)],
            [(0, 2), (1, 0), (1, 1)],
            [(1, 2), (2, 0), (2, 1)],
            [(2, 2)],
        ]

    def test_usual_records_come_as_many_as_were_asked_for(self, polls_of: Any) -> None:  # noqa: ANN401
        polls = polls_of(batch([500] * 40), most=100)

        assert [len(poll) for poll in polls] == [100, 20]


def test_a_consumer_that_nobody_bounds_gives_all_at_once() -> None:
    """The replacement alone changes nothing for other consumers of the process."""
    first, *_ = fetched_by_aiokafka(batch([MAX_POLL_BYTES, 1, 1]))

    assert [one.offset for one in first.getall(10)] == [0, 1, 2]
