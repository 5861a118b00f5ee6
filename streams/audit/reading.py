"""Reading the event topics from their first record to their last."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import closing
from time import monotonic
from typing import Final

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from events.broker import PLAINTEXT, BrokerSecurity, opened
from events.errors import BrokerUnreachableError
from events.registry import Family
from events.topics import topic_name
from streams.audit.errors import TopicsMissingError, TopicsStalledError
from streams.audit.records import RawRecord

__all__ = ["read_topics"]

EVENT_TOPICS: Final = tuple(topic_name(family) for family in Family)

WAIT_SECONDS: Final = 20.0
POLL_MS: Final = 300
POLL_RECORDS: Final = 5_000
FETCH_WAIT_MS: Final = 100
GROWING_SECONDS: Final = 5.0
"""How long records that are still being produced are read on, once the end has been seen."""


def read_topics(
    bootstrap: str,
    *,
    topics: Sequence[str] = EVENT_TOPICS,
    security: BrokerSecurity = PLAINTEXT,
    wait_seconds: float = WAIT_SECONDS,
) -> Iterator[RawRecord]:
    """Yield every record of the topics, of each partition from its beginning to its end.

    The end is the high watermark that the broker's answers to fetches carry, and then an empty
    poll: some brokers tell an end that is too low when they are only asked for it. Topics that
    grow all the while are left after some seconds. `wait_seconds` bounds each wait for the broker.

    Raises `BrokerUnreachableError`, `TopicsMissingError` or `TopicsStalledError`.
    """
    consumer = opened(
        KafkaConsumer,
        bootstrap,
        security=security,
        connect_seconds=wait_seconds,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        allow_auto_create_topics=False,
        fetch_max_wait_ms=FETCH_WAIT_MS,
        max_poll_records=POLL_RECORDS,
        # Without a session each answer carries the watermark of every partition.
        enable_incremental_fetch_sessions=False,
        metrics_enabled=False,
        # Counted in plain Python, checksums take longer than all the rest of an audit.
        check_crcs=False,
    )
    with closing(consumer):
        try:
            partitions = _partitions(consumer, bootstrap, topics)
            consumer.assign(partitions)
            consumer.seek_to_beginning(*partitions)
            yield from _to_the_end(consumer, bootstrap, wait_seconds)
        except KafkaError as error:
            raise BrokerUnreachableError(
                bootstrap, waited_seconds=wait_seconds, cause=str(error) or type(error).__name__
            ) from error


def _partitions(
    consumer: KafkaConsumer, bootstrap: str, topics: Sequence[str]
) -> list[TopicPartition]:
    known = {topic: consumer.partitions_for_topic(topic) for topic in topics}
    missing = [topic for topic, partitions in known.items() if not partitions]
    if missing:
        raise TopicsMissingError(bootstrap, missing)
    return [
        TopicPartition(topic, partition)
        for topic, partitions in known.items()
        for partition in sorted(partitions)
    ]


def _to_the_end(
    consumer: KafkaConsumer, bootstrap: str, wait_seconds: float
) -> Iterator[RawRecord]:
    progressed = monotonic()
    end_unseen = set(consumer.assignment())
    leave_at = math.inf
    while True:
        batches = consumer.poll(timeout_ms=POLL_MS)
        for batch in batches.values():
            for record in batch:
                yield RawRecord(
                    record.topic,
                    record.partition,
                    record.offset,
                    record.key,
                    record.value,
                    record.headers,
                )
        now = monotonic()
        if batches:
            progressed = now
            end_unseen -= {
                partition
                for partition, batch in batches.items()
                if batch[-1].offset + 1 >= consumer.highwater(partition)
            }
        else:
            behind = _behind(consumer)
            if not behind:
                return
            if now - progressed > wait_seconds:
                left = {f"{topic}[{place}]": count for (topic, place), count in behind.items()}
                raise TopicsStalledError(bootstrap, left, waited_seconds=wait_seconds)
            end_unseen &= behind.keys()
        if not end_unseen:
            leave_at = min(leave_at, now + GROWING_SECONDS)
        if now >= leave_at:
            return


def _behind(consumer: KafkaConsumer) -> dict[TopicPartition, int | None]:
    """How many records are left on each partition that is not read to its end; None: unknown."""
    behind: dict[TopicPartition, int | None] = {}
    for partition in consumer.assignment():
        end = consumer.highwater(partition)
        position = None if end is None else consumer.position(partition, timeout_ms=POLL_MS)
        if position is None:
            behind[partition] = None
        elif position < end:
            behind[partition] = end - position
    return behind
