"""Waits for the workers: the years are written once they have read what was there."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from time import monotonic, sleep
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from boundary.errors import SmartRegionError
from broker.clients import opened
from broker.errors import BrokerUnreachableError
from broker.group_offsets import GroupOffsets
from events.registry import Family
from events.topics import topic_name
from streams.settings import Settings

__all__ = ["WorkersBehindError", "wait_for_workers"]

#: How long the broker may take to be there, and how often it is asked.
CONNECT_SECONDS = 10.0
PAUSE_SECONDS = 1.0


class WorkersBehindError(SmartRegionError):
    """The workers have not read in time what was there."""

    def __init__(self, app_id: str, *, waited_seconds: float) -> None:
        super().__init__(
            f"wait: the workers of {app_id!r} have not read all events within "
            f"{waited_seconds:.0f} s: see whether they run, or give them longer"
        )


def wait_for_workers(settings: Settings, *, seconds: float) -> None:
    """Return when the workers have read every event that is there now.

    Raises WorkersBehindError where they have not in time, BrokerUnreachableError or
    BrokerRefusedError where the broker cannot or will not tell.
    """
    ends = _ends(settings)
    until = monotonic() + seconds
    with GroupOffsets(settings.app_id, settings.broker, security=settings.security()) as group:
        while not group.has_reached(ends):
            if monotonic() > until:
                raise WorkersBehindError(settings.app_id, waited_seconds=seconds)
            sleep(PAUSE_SECONDS)


def _ends(settings: Settings) -> Mapping[tuple[str, int], int]:
    consumer: Any = opened(
        KafkaConsumer,
        settings.broker,
        security=settings.security(),
        connect_seconds=CONNECT_SECONDS,
        group_id=None,
        # What is behind an open transaction is nobody's to read yet.
        isolation_level="read_committed",
        allow_auto_create_topics=False,
    )
    with closing(consumer):
        try:
            places = [
                TopicPartition(topic_name(family), partition)
                for family in Family
                for partition in consumer.partitions_for_topic(topic_name(family)) or ()
            ]
            ends = consumer.end_offsets(places)
        except KafkaError as error:
            raise BrokerUnreachableError(
                settings.broker, waited_seconds=CONNECT_SECONDS, cause=str(error)
            ) from error
    return {(place.topic, place.partition): end for place, end in ends.items()}
