"""The checks of Kafka: its brokers, its topics, and the events on them."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from kafka import TopicPartition

from boundary.errors import SmartRegionError
from broker.clients import administering
from broker.errors import BrokerRefusedError, TopicMismatchError
from broker.topic_admin import ABSENT, verify_topics
from events.fact import Family
from events.topics import declared_topics, topic_name
from operations.erasure.persons import PERSONS
from operations.losses.missing import PartitionLog, read_logs, with_gaps
from streams.decisions import AcceptedLosses, read_decisions
from streams.settings import Settings
from streams.topic_faults import has_committed, recreated, summary_of, topic_ids

CONNECT_SECONDS: Final = 5.0
SHOWN = 3
MOST_READ: Final = 200_000
"""Up to so many offsets the events are read, some seconds, for those deleted in the middle."""


def check_brokers(settings: Settings) -> str:
    """Return how many brokers there are.

    Raises SmartRegionError, and as `broker.clients.administering`.
    """
    with administering(
        settings.broker,
        what="brokers",
        security=settings.security(),
        connect_seconds=CONNECT_SECONDS,
    ) as admin:
        brokers = len(admin.describe_cluster()["brokers"])
    if brokers < settings.replication:
        raise SmartRegionError(
            f"brokers: {brokers} where SMART_REGION_REPLICATION is {settings.replication}: start"
            " the others, or set a lower factor"
        )
    return f"{settings.broker} answers over {settings.security_protocol}, brokers: {brokers}"


def check_topics(settings: Settings) -> str:
    """Check that the topics are as declared, their settings as far as this user may see them.

    Raises SmartRegionError or TopicMismatchError on the first that is not, and as
    `broker.topic_admin.verify_topics`.
    """
    declared = declared_topics(partitions=settings.partitions, replication=settings.replication)
    try:
        unseen = verify_topics(
            settings.broker, declared, security=settings.security(), connect_seconds=CONNECT_SECONDS
        )
    except TopicMismatchError as error:
        if error.actual == ABSENT and error.field == "partitions":
            raise SmartRegionError(
                f"{error.topic}: is not on the broker, or not for this user to see: create what is"
                " missing with `smart-region topics apply`"
            ) from error
        raise
    partitions = f"{settings.partitions} partitions for events"
    if unseen:
        return (
            f"{len(declared)} are there, {partitions}; retention and other settings are not"
            f" checked, of {len(unseen)}: this user may not see them (DescribeConfigs, which the"
            " role deployer has)"
        )
    return f"{len(declared)} as declared, {partitions}"


def check_records(settings: Settings) -> str:
    """Check that the topics of events hold all records from offset 0 on, and the one merged last.

    What an operator accepted is only reported, and so is the beginning of a partition of persons'
    events, which an erasure rewrites. Larger topics than MOST_READ are not read: there workers and
    audit report what was deleted in the middle. Raises SmartRegionError, and as `read_logs` and
    `with_gaps`.
    """
    partitions = [
        TopicPartition(topic_name(family), partition)
        for family in Family
        for partition in range(settings.partitions)
    ]
    notes = []
    try:
        ids = topic_ids(settings)
        decisions = read_decisions(settings.broker, security=settings.security())
        logs = read_logs(
            settings, partitions, noted=decisions.noted_of(ids), connect_seconds=CONNECT_SECONDS
        )
        accepted = decisions.losses
        recreated_topics = recreated(ids, decisions.topics, is_read=has_committed(settings))
        if sum(log.end - log.start for log in logs) <= MOST_READ:
            logs = with_gaps(settings, logs)
        else:
            notes.append("not read for deleted records in the middle, as `smart-region audit` does")
    except BrokerRefusedError:
        logs = read_logs(
            settings, partitions, with_committed=False, connect_seconds=CONNECT_SECONDS
        )
        accepted, recreated_topics = {}, ()
        notes.append("not compared with what the workers have read: this user may not see it")
    if recreated_topics:
        summary = summary_of(recreated_topics)
        raise SmartRegionError(f"topics: {summary}: see docs/runbooks/TopicFaulty.md")
    later = sum(log.start > 0 for log in logs if log.topic == topic_name(PERSONS))
    logs = [replace(log, start=0) if log.topic == topic_name(PERSONS) else log for log in logs]
    if losses := [found for log in logs if (found := _loss_of(log, accepted))]:
        shown = ". ".join(losses[:SHOWN])
        more = f". And {len(losses) - SHOWN} more partitions" if len(losses) > SHOWN else ""
        raise SmartRegionError(
            f"topics: events are missing. {shown}{more}: no audit counts them; see"
            " docs/runbooks/RecordsDeleted.md"
        )
    lacking = sum(any(log.missing()) for log in logs)
    if lacking:
        notes.append(f"partitions whose loss is accepted: {lacking}")
    if later:
        notes.append(
            f"partitions of {topic_name(PERSONS)} that do not begin at 0: {later}; an erasure"
            " writes them anew, and otherwise what was before is lost"
        )
    if not lacking and not later:
        notes.insert(0, "every partition of events begins at 0")
    return "; ".join(notes)


def _loss_of(log: PartitionLog, accepted: AcceptedLosses) -> str | None:
    """Return what is missing of a partition and not accepted."""
    left = log.without(accepted.get((log.topic, log.partition), ()))
    clauses = "; ".join(left.missing())
    return f"{log.topic}[{log.partition}] ends at offset {log.end}: {clauses}" if clauses else None
