"""A bare aiokafka loop: parse, keep the last value, write a changelog. A program of its own."""

from __future__ import annotations

import asyncio
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from events.cloudevent import decode
from events.topics import topic_name
from tests.bench.application import Application, Stopwatch

MAX_POLL_RECORDS = 8_000
BATCH_BYTES = 1000 * 1024


async def run(application: Application) -> None:
    """Process an application's events, print how long it took, and stay until ended.

    It has no recovery, no dead letters and no figures, and survives no rebalance: it is what the
    parsing and the broker cost in Python.
    """
    consumer = AIOKafkaConsumer(
        topic_name(application.family),
        bootstrap_servers=application.bootstrap,
        group_id=application.app_id,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_poll_records=MAX_POLL_RECORDS,
    )
    producer = AIOKafkaProducer(
        bootstrap_servers=application.bootstrap, acks="all", max_batch_size=BATCH_BYTES
    )
    stopwatch = Stopwatch()
    latest: dict[str, bytes] = {}
    count = 0
    await consumer.start()
    await producer.start()
    while count < application.events:
        polled = await consumer.getmany(timeout_ms=100)
        writing = []
        for tp, records in polled.items():
            stopwatch.start()
            for record in records:
                event = decode(record.headers, record.value, family=application.family)
                latest[event.fact.entity_id] = record.value
            writing.append(write(producer, application.changelog, tp.partition, records))
            count += len(records)
        await asyncio.gather(*writing)
        if polled:
            await consumer.commit()
    stopwatch.stop()
    await asyncio.Event().wait()


async def write(producer: Any, topic: str, partition: int, records: Any) -> None:  # noqa: ANN401
    """Write each record's value to the changelog; return once the broker has them all."""
    sent = []
    batch = producer.create_batch()
    for record in records:
        if batch.append(key=record.key, value=record.value, timestamp=None) is None:
            sent.append(await producer.send_batch(batch, topic, partition=partition))
            batch = producer.create_batch()
            batch.append(key=record.key, value=record.value, timestamp=None)
    batch.close()
    sent.append(await producer.send_batch(batch, topic, partition=partition))
    await asyncio.gather(*sent)


if __name__ == "__main__":
    asyncio.run(run(Application.from_arguments()))
