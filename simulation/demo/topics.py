"""The demo's topics: created where there are none; those with records are refused."""

from __future__ import annotations

from typing import Final

from kafka import TopicPartition
from kafka.admin import OffsetSpec

from boundary.errors import SmartRegionError
from broker.clients import administering
from broker.offsets import partition_offsets
from broker.topic_admin import apply_topics, seen_topics
from events.fact import Family
from events.topics import DEAD_LETTERS, declared_topics, topic_name
from streams.settings import Settings

WRITTEN_TOPICS: Final = (*(topic_name(family) for family in Family), DEAD_LETTERS)


def prepare_topics(settings: Settings) -> None:
    """Create the topics that are missing on a broker that has no record of ours.

    Raises SmartRegionError where it has, TopicMismatchError where an empty topic is not as it
    must be, BrokerUnreachableError or BrokerRefusedError where the broker cannot or will not.
    """
    in_use = _topics_in_use(settings)
    if in_use:
        raise SmartRegionError(
            f"broker: {settings.broker} already holds records on {', '.join(in_use)}: the demo"
            " would mix simulated events with them; name a broker without them, delete these"
            " topics if an earlier demo left them, or leave --broker out"
        )
    declared = declared_topics(partitions=settings.partitions, replication=settings.replication)
    apply_topics(settings.broker, declared, security=settings.security())


def _topics_in_use(settings: Settings) -> list[str]:
    with administering(settings.broker, what="topics", security=settings.security()) as admin:
        partitions = [
            TopicPartition(topic, number)
            for topic, seen in seen_topics(admin, WRITTEN_TOPICS).items()
            for number in range(seen.partitions)
        ]
        first = partition_offsets(admin, partitions, OffsetSpec.EARLIEST)
        # Records of an open transaction count, too.
        last = partition_offsets(admin, partitions, OffsetSpec.LATEST)
    # Some brokers answer an end that is too low, but never that of an empty topic for a full one.
    return sorted(
        {partition.topic for partition in partitions if last[partition] > first[partition]}
    )
