"""Faults of topics that a restart does not fix, as the log and /metrics show them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from broker.clients import administering
from broker.offsets import GroupMembers, committed_offsets
from broker.reading import WAIT_SECONDS
from broker.topic_admin import ABSENT, SeenTopic, seen_topics
from events.topics import DEAD_LETTER_OUTCOMES, FAMILIES, declared_topics
from streams.decisions import KnownTopic
from streams.settings import Settings

#: With any other value, a broker deletes events or keeps the producers' timestamps.
_WATCHED_SETTINGS: Final = (
    "cleanup.policy",
    "message.timestamp.type",
    "retention.ms",
    "retention.bytes",
)


class FaultKind(StrEnum):
    """The kinds of faults."""

    EVENTS_LOST = "events_lost"
    RECORDS_DELETED = "records_deleted"
    LOG_DIVERGED = "log_diverged"
    TOPIC_MISSING = "topic_missing"
    TOPIC_RECREATED = "topic_recreated"
    PARTITIONS_ADDED = "partitions_added"
    PARTITION_UNOWNED = "partition_unowned"
    SETTINGS_CHANGED = "settings_changed"


class TopicFault(NamedTuple):
    """A fault of a topic, or of one of its partitions, with a description."""

    topic: str
    partition: int | None
    fault: FaultKind
    problem: str

    @property
    def withholds(self) -> bool:
        """Whether figures are withheld: a wrong setting alone has not lost records yet."""
        return self.fault is not FaultKind.SETTINGS_CHANGED

    def __str__(self) -> str:
        """Return the topic, the partition and the description."""
        where = self.topic if self.partition is None else f"{self.topic}[{self.partition}]"
        return f"{where} {self.problem}"


def summary_of(faults: Sequence[TopicFault]) -> str:
    """Return the first of some faults, and how many more there are."""
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return f"{faults[0]}{more}"


def records_deleted(topic: str, partition: int, first: int, after: int) -> TopicFault:
    """Return the fault of deleted records, from offset `first` to before `after`."""
    count = after - first
    where = f"offset {first}" if count == 1 else f"offsets {first} to {after - 1}"
    problem = f"has no record at {where} any more: {count} deleted"
    return TopicFault(topic, partition, FaultKind.RECORDS_DELETED, problem)


def topic_ids(settings: Settings) -> Mapping[str, str]:
    """Return the ids of the event topics, by name. Raises the errors of `seen_topics`."""
    with administering(settings.broker, what="topics", security=settings.security()) as admin:
        return ids_of(seen_topics(admin, FAMILIES))


def has_committed(settings: Settings) -> bool:
    """Return whether the workers' group has read anything. Raises as `committed_offsets`."""
    with administering(settings.broker, what="offsets", security=settings.security()) as admin:
        return bool(committed_offsets(admin, settings.app_id, wait_seconds=WAIT_SECONDS))


def is_compacted(settings: Mapping[str, str]) -> bool:
    """Return whether a broker deletes the records of a topic that others with their key follow."""
    return "compact" in settings.get("cleanup.policy", "")


def ids_of(seen: Mapping[str, SeenTopic]) -> Mapping[str, str]:
    """Return the ids of topics, by name."""
    return {name: one.identity for name, one in seen.items()}


def recreated(
    ids: Mapping[str, str], known: Mapping[str, KnownTopic], *, is_read: bool
) -> Sequence[TopicFault]:
    """Return the topics whose id is not the one that the workers have read.

    The ledger itself was created again if it knows no topic though the group has read some.
    """
    if not known and is_read:
        problem = (
            "was deleted and created again: operators' decisions are lost, and so are events of any"
            " topic that was created again with it"
        )
        return [TopicFault(DEAD_LETTER_OUTCOMES, None, FaultKind.TOPIC_RECREATED, problem)]
    problem = "was deleted and created again: what it had is lost"
    return [
        TopicFault(name, None, FaultKind.TOPIC_RECREATED, problem)
        for name, identity in ids.items()
        if name in known and known[name].id != identity
    ]


def faults_of_topics(seen: Mapping[str, SeenTopic], *, partitions: int) -> Iterable[TopicFault]:
    """Yield the event topics that are missing or have more partitions than workers process."""
    for name in FAMILIES:
        if name not in seen:
            problem = "is missing: it was deleted"
            yield TopicFault(name, None, FaultKind.TOPIC_MISSING, problem)
        elif seen[name].partitions > partitions:
            problem = (
                f"has {seen[name].partitions} partitions, not {partitions}: no worker processes"
                " those that were added"
            )
            yield TopicFault(name, None, FaultKind.PARTITIONS_ADDED, problem)


def faults_of_settings(settings: Mapping[str, Mapping[str, str]]) -> Iterable[TopicFault]:
    """Yield the event topics whose settings delete records or keep the producers' timestamps.

    `settings` has the settings in force, by topic; none for a topic that our user may not describe.
    """
    for spec in declared_topics():
        actual = settings.get(spec.name)
        if not actual or spec.name not in FAMILIES:
            continue
        wrong = [
            f"{name}={actual.get(name, ABSENT)}, not {spec.config[name]}"
            for name in _WATCHED_SETTINGS
            if actual.get(name) != spec.config[name]
        ]
        if wrong:
            problem = f"has {'; '.join(wrong)}: run `smart-region topics apply --alter-settings`"
            yield TopicFault(spec.name, None, FaultKind.SETTINGS_CHANGED, problem)


def unowned(
    seen: Mapping[str, SeenTopic], group: GroupMembers | None, *, partitions: int
) -> frozenset[TopicFault]:
    """Return the partitions of events that no member of a stable group is assigned."""
    if group is None or not group.is_stable:
        return frozenset()
    problem = "belongs to no member of the stable group"
    return frozenset(
        TopicFault(name, partition, FaultKind.PARTITION_UNOWNED, problem)
        for name in FAMILIES
        if name in seen
        for partition in range(partitions)
        if (name, partition) not in group.assigned
    )
