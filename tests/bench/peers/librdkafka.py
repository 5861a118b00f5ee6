"""A bare librdkafka loop: parse, keep the last value, write a changelog. A program of its own."""

from __future__ import annotations

import signal
from typing import Any

from confluent_kafka import Consumer, KafkaException, Producer

from events.cloudevent import decode
from events.topics import topic_name
from tests.bench.application import Application, Stopwatch

MAX_POLL_RECORDS = 8_000


def run(application: Application) -> None:
    """Process an application's events, print how long it took, and stay until ended.

    It does what the bare aiokafka loop does, batch by batch: each event is checked against the
    contract and written to the changelog, and the offsets are committed once the broker has all.
    """
    bootstrap = {"bootstrap.servers": application.bootstrap}
    consumer = Consumer(
        bootstrap
        | {
            "group.id": application.app_id,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    producer = Producer(bootstrap | {"acks": "all", "delivery.report.only.error": True})
    changelog = application.changelog
    stopwatch = Stopwatch()
    latest: dict[str, bytes] = {}
    count = 0
    consumer.subscribe([topic_name(application.family)])
    while count < application.events:
        polled = consumer.consume(MAX_POLL_RECORDS, timeout=0.1)
        for message in polled:
            if message.error():
                raise KafkaException(message.error())
            stopwatch.start()
            value = message.value()
            event = decode(message.headers(), value, family=application.family)
            latest[event.fact.entity_id] = value
            producer.produce(
                changelog,
                value,
                message.key(),
                partition=message.partition(),
                on_delivery=refuse,
            )
        count += len(polled)
        if polled:
            producer.flush()
            consumer.commit(asynchronous=False)
    stopwatch.stop()
    signal.pause()


def refuse(error: Any, _: Any) -> None:  # noqa: ANN401 - confluent-kafka's error and message
    raise KafkaException(error)


if __name__ == "__main__":
    run(Application.from_arguments())
