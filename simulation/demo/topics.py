"""The demo's topics: created where there are none; those with records are refused."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import Any, Final

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from boundary.errors import SmartRegionError
from broker.clients import opened
from broker.errors import BrokerUnreachableError
from broker.topic_admin import apply_topics
from events.registry import Family
from events.topics import DEAD_LETTERS, declared_topics, topic_name
from streams.settings import Settings

__all__ = ["TopicsInUseError", "prepare_topics"]

WRITTEN_TOPICS: Final = (*(topic_name(family) for family in Family), DEAD_LETTERS)
WAIT_SECONDS: Final = 10.0


class TopicsInUseError(SmartRegionError):
    """The broker holds events already: simulated ones must not be mixed with them."""

    def __init__(self, bootstrap: str, topics: Sequence[str]) -> None:
        super().__init__(
            f"broker: {bootstrap} already holds records on {', '.join(topics)}: the demo would mix"
            " simulated events with them; name a broker without them, delete these topics if an"
            " earlier demo left them, or leave --broker out"
        )


def prepare_topics(settings: Settings) -> None:
    """Create the topics that are missing on a broker that has no record of ours.

    Raises TopicsInUseError where it has, TopicMismatchError where an empty topic is not as it
    must be, BrokerUnreachableError or BrokerRefusedError where the broker cannot or will not.
    """
    in_use = _topics_in_use(settings)
    if in_use:
        raise TopicsInUseError(settings.broker, in_use)
    declared = declared_topics(
        partitions=settings.partitions, replication=settings.replication, app_id=settings.app_id
    )
    apply_topics(settings.broker, declared, security=settings.security())


def _topics_in_use(settings: Settings) -> list[str]:
    consumer: Any = opened(
        KafkaConsumer,
        settings.broker,
        security=settings.security(),
        connect_seconds=WAIT_SECONDS,
        group_id=None,
        # Records of an open transaction count, too.
        isolation_level="read_uncommitted",
        allow_auto_create_topics=False,
    )
    with closing(consumer):
        try:
            partitions = [
                TopicPartition(topic, partition)
                for topic in sorted(consumer.topics() & set(WRITTEN_TOPICS))
                for partition in consumer.partitions_for_topic(topic) or ()
            ]
            first = consumer.beginning_offsets(partitions)
            last = consumer.end_offsets(partitions)
        except KafkaError as error:
            raise BrokerUnreachableError(
                settings.broker, waited_seconds=WAIT_SECONDS, cause=str(error)
            ) from error
    # Some brokers answer an end that is too low, but never that of an empty topic for a full one.
    return sorted(
        {partition.topic for partition in partitions if last[partition] > first[partition]}
    )
