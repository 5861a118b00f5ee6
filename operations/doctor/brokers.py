"""The checks of Kafka: its brokers, its topics, and where they begin."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Final

from kafka import TopicPartition
from kafka.admin import OffsetSpec

from boundary.errors import SmartRegionError
from broker.clients import administering
from broker.errors import TopicMismatchError
from broker.offsets import partition_offsets
from broker.topic_admin import ABSENT, verify_topics
from events.fact import Family
from events.topics import declared_topics, topic_name
from operations.erasure.persons import PERSONS
from streams.settings import Settings

CONNECT_SECONDS: Final = 5.0
SHOWN = 3


class BrokersMissingError(SmartRegionError):
    """There are fewer brokers than the replication factor."""

    def __init__(self, *, brokers: int, replication: int) -> None:
        super().__init__(
            f"brokers: {brokers} where SMART_REGION_REPLICATION is {replication}: start the"
            " others, or set a lower factor"
        )


class TopicsAbsentError(SmartRegionError):
    """Declared topics are not on the broker."""

    def __init__(self, topic: str) -> None:
        super().__init__(
            f"{topic}: is not on the broker, or not for this user to see: create what is missing"
            " with `smart-region topics apply`"
        )


class RecordsDeletedError(SmartRegionError):
    """Events are no longer on their topics."""

    def __init__(self, starts: Mapping[str, int]) -> None:
        shown = ", ".join(f"{name} at {start}" for name, start in list(starts.items())[:SHOWN])
        more = f" and {len(starts) - SHOWN} more" if len(starts) > SHOWN else ""
        super().__init__(
            f"topics: do not begin at 0 any more: {shown}{more}: what was before is deleted, and no"
            " audit or rebuild counts it; see docs/runbooks/RecordsDeleted.md"
        )


def check_brokers(settings: Settings) -> str:
    """Return how many brokers there are.

    Raises BrokersMissingError, and as `broker.clients.administering`.
    """
    with _administering(settings, "brokers") as admin:
        brokers = len(admin.describe_cluster()["brokers"])
    if brokers < settings.replication:
        raise BrokersMissingError(brokers=brokers, replication=settings.replication)
    return f"{settings.broker} answers over {settings.security_protocol}, brokers: {brokers}"


def check_topics(settings: Settings) -> str:
    """Check that the topics are as declared, their settings as far as this user may see them.

    Raises TopicsAbsentError or TopicMismatchError on the first that is not, and as
    `broker.topic_admin.verify_topics`.
    """
    declared = declared_topics(
        partitions=settings.partitions, replication=settings.replication, app_id=settings.app_id
    )
    try:
        unseen = verify_topics(
            settings.broker, declared, security=settings.security(), connect_seconds=CONNECT_SECONDS
        )
    except TopicMismatchError as error:
        if error.actual == ABSENT and error.field == "partitions":
            raise TopicsAbsentError(error.topic) from error
        raise
    partitions = f"{settings.partitions} partitions for events"
    if unseen:
        return (
            f"{len(declared)} are there, {partitions}; retention and other settings are not"
            f" checked, of {len(unseen)}: this user may not see them (DescribeConfigs, which the"
            " role deployer has)"
        )
    return f"{len(declared)} as declared, {partitions}"


def check_log_starts(settings: Settings) -> str:
    """Check that the topics of events begin at offset 0.

    An erasure rewrites partitions of persons' events: there a later beginning may be right, and
    is only reported. Raises RecordsDeletedError, and as `broker.clients.administering`.
    """
    partitions = [
        TopicPartition(topic_name(family), partition)
        for family in Family
        for partition in range(settings.partitions)
    ]
    with _administering(settings, "topics") as admin:
        found = partition_offsets(admin, partitions, OffsetSpec.EARLIEST)
    later = {at: start for at, start in sorted(found.items()) if start > 0}
    lost = {at: start for at, start in later.items() if at.topic != topic_name(PERSONS)}
    if lost:
        raise RecordsDeletedError(
            {f"{at.topic}[{at.partition}]": start for at, start in lost.items()}
        )
    if later:
        return (
            f"partitions of {topic_name(PERSONS)} that do not begin at 0: {len(later)}; an erasure"
            " writes them anew, and otherwise what was before is lost"
        )
    return "every partition of events begins at 0"


def _administering(settings: Settings, what: str) -> AbstractContextManager[Any]:
    return administering(
        settings.broker, what=what, security=settings.security(), connect_seconds=CONNECT_SECONDS
    )
