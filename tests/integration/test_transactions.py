"""Producers that write in transactions, which leave marks of their own in the topics."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka import AIOKafkaProducer

from events.cloudevent import encode_structured
from events.fact import Family
from events.partitioning import partition_for
from events.topics import topic_name
from tests.support.histories import event, uai
from tests.support.kafka import KafkaBroker
from tests.support.waiting import wait_until
from tests.support.workers import Crew

pytestmark = pytest.mark.timeout(120)

PARTITIONS = 8


def test_the_end_of_a_transaction_is_not_waited_for(broker: KafkaBroker, crew: Crew) -> None:
    """The mark after the last record is no record: nothing lags, and no worker seems stalled."""
    record = encode_structured(event("school.connected", uai("0750001"), "2018-03-01"))
    home = partition_for(record.key, PARTITIONS)
    topic = topic_name(Family.SCHOOLS)
    worker = crew.worker()
    worker.start()
    worker.wait_ready()

    async def produce() -> None:
        producer = AIOKafkaProducer(
            bootstrap_servers=broker.bootstrap, transactional_id="a-producer"
        )
        async with producer, producer.transaction():
            await producer.send(
                topic, record.value, key=record.key, partition=home, headers=record.headers
            )

    asyncio.run(produce())

    assert wait_until(lambda: worker.shows('outcome="accepted"'), seconds=30), worker.log()
    lag = f'smartregion_consumer_lag_records{{partition="{home}",topic="{topic}"}} 0.0'
    assert wait_until(lambda: worker.shows(lag), seconds=30), worker.metrics()
