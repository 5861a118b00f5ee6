"""The search for an event that a worker accepts, which proves that states must exist."""

from __future__ import annotations

from contextlib import closing
from time import monotonic
from typing import Final

from kafka import KafkaConsumer, TopicPartition

from broker.clients import opened
from broker.errors import BrokerUnreachableError
from broker.record_batches import read_any_batch_with_kafka_python
from events.registry import Family
from events.topics import topic_name
from streams.core import process
from streams.settings import Settings

__all__ = ["has_accepted_events"]

POLL_MS: Final = 300


def has_accepted_events(settings: Settings, family: Family, partition: int, *, before: int) -> bool:
    """Return True where a partition has an accepted event before an offset.

    The search ends with the first one. Raises BrokerUnreachableError where no record is received
    for the request timeout.
    """
    read_any_batch_with_kafka_python()
    rules = settings.record_rules()
    consumer = opened(
        KafkaConsumer,
        settings.broker,
        security=settings.security(),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        metrics_enabled=False,
    )
    tp = TopicPartition(topic_name(family), partition)
    with closing(consumer):
        consumer.assign([tp])
        consumer.seek_to_beginning(tp)
        received_at = monotonic()
        while True:
            position = consumer.position(tp, timeout_ms=POLL_MS)
            if position is not None and position >= before:
                return False
            records = consumer.poll(timeout_ms=POLL_MS).get(tp, [])
            result = process(
                [record for record in records if record.offset < before],
                {},
                family=family,
                partition=partition,
                partitions=settings.partitions,
                rules=rules,
            )
            if result.changed:
                return True
            if records:
                received_at = monotonic()
            elif monotonic() - received_at > settings.request_timeout:
                raise BrokerUnreachableError(
                    settings.broker, waited_seconds=settings.request_timeout, cause="no answer"
                )
