"""The check of the records that are to be passed over: each has to be on its topic already."""

from __future__ import annotations

from collections.abc import Collection

from kafka import TopicPartition
from kafka.admin import OffsetSpec

from boundary.errors import SmartRegionError
from broker.clients import administering
from broker.offsets import partition_offsets
from broker.settings import BrokerSettings
from broker.topic_admin import seen_topics
from events.dead_letters import RecordOrigin


def verify_written(settings: BrokerSettings, origins: Collection[RecordOrigin]) -> None:
    """Check that each record was written, whether it is still there or not.

    Raises SmartRegionError, and as `administering`.
    """
    with administering(settings.broker, what="topics", security=settings.security()) as admin:
        seen = seen_topics(admin, sorted({one.topic for one in origins}))
        there = {
            TopicPartition(one.topic, one.partition)
            for one in origins
            if one.topic in seen and one.partition < seen[one.topic].partitions
        }
        ends = partition_offsets(admin, there, OffsetSpec.LATEST)
    for origin in origins:
        end = ends.get(TopicPartition(origin.topic, origin.partition))
        if end is None or origin.offset >= end:
            what = (
                "the topic has no such partition" if end is None else f"the partition ends at {end}"
            )
            raise SmartRegionError(
                "origin: there is no record, value"
                f" {origin.topic}/{origin.partition}/{origin.offset} ({what}): write what the"
                " worker's log has; the decision would be for ever, and the next event there would"
                " be refused unread; nothing was decided"
            )
