"""The topics, declared once: names, keys, partitions, retention, compaction, replication."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from events.fact import Family
from events.registry import facts_of

__all__ = [
    "DEAD_LETTERS",
    "DEAD_LETTER_MAX_BYTES",
    "DEAD_LETTER_OUTCOMES",
    "DEFAULT_APP_ID",
    "DEFAULT_PARTITIONS",
    "ENTITY_MAX_BYTES",
    "TopicSpec",
    "changelog_name",
    "changelog_topics",
    "declared_topics",
    "topic_name",
]

PREFIX: Final = "smartregion"
DEAD_LETTERS: Final = f"{PREFIX}.dead-letters"
DEAD_LETTER_OUTCOMES: Final = f"{PREFIX}.dead-letter-outcomes"
DEFAULT_APP_ID: Final = "smart-region-monitor"
DEFAULT_PARTITIONS: Final = 8

_DAY_MS: Final = 24 * 60 * 60 * 1000
_DEAD_LETTERS_RETENTION_MS: Final = 90 * _DAY_MS
# A worker that was asleep may still write an old state after a newer one: a reader that merges
# both is right, so compaction must leave both for longer than anybody sleeps.
_CHANGELOG_COMPACTION_LAG_MS: Final = _DAY_MS
# What was erased of a person goes with the compaction: it may not wait until much has changed.
_CHANGELOG_COMPACTION_WITHIN_MS: Final = 7 * _DAY_MS
# A refused record is kept byte for byte, with the reason added in headers: it outgrows the
# broker's default limit (1 MiB) exactly when the refused record had that size.
DEAD_LETTER_MAX_BYTES: Final = 2 * 1024 * 1024
# A state holds every day of its entity, and only grows: a dataset updated daily for ten years has
# some hundred KiB, ten times that with the longest ids.
_STATE_MAX_BYTES: Final = 8 * 1024 * 1024
ENTITY_MAX_BYTES: Final = _STATE_MAX_BYTES // 2
"""Of one entity's state: what grows beyond it is refused, long before its topic would."""
# Kafka's own default: a broker may have been told less.
_MESSAGE_MAX_BYTES: Final = 1024 * 1024 + 12
# A broker may have been told otherwise of all its topics, and a topic of which nothing is said
# follows it: deleted by size, packed anew, or dated by whoever writes.
_OF_EVERY_TOPIC: Final[Mapping[str, str]] = {
    "retention.bytes": "-1",
    "max.message.bytes": str(_MESSAGE_MAX_BYTES),
    "compression.type": "producer",
    # The time of an event is bounded by that of its record: see `events.record_time`.
    "message.timestamp.type": "LogAppendTime",
}
_REPLICAS_TO_AFFORD_A_LOSS: Final = 3
_KEYS_OF_TWO_PARTS: Final[Mapping[Family, str]] = {
    Family.WORKSTATIONS: "site_id/period_start",
    Family.OBSERVATIONS: "indicator/territory",
}


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """What a topic must be on the broker."""

    name: str
    key: str
    """What a record's key is; for people."""
    partitions: int
    replication: int
    retention_ms: int | None = None
    """How long records are kept, in milliseconds; None: for ever."""
    compacted: bool = False
    """True: of each key at least the last record is kept, whatever its age."""
    settings: tuple[tuple[str, str], ...] = ()
    """Further settings of the topic, as Kafka names and writes them."""

    @property
    def config(self) -> Mapping[str, str]:
        """All settings of the topic that differ, or could differ, from the broker's defaults.

        Compared with what is in force, a broker's own defaults included.
        """
        kept = "-1" if self.retention_ms is None else str(self.retention_ms)
        declared = {
            **_OF_EVERY_TOPIC,
            "cleanup.policy": "compact" if self.compacted else "delete",
            "retention.ms": kept,
            **dict(self.settings),
        }
        if self.replication >= _REPLICAS_TO_AFFORD_A_LOSS:
            # An acknowledged record survives the loss of a broker, and one may be down.
            declared["min.insync.replicas"] = "2"
        return declared

    @property
    def borne(self) -> frozenset[str]:
        """Settings that a worker bears otherwise: topics of 0.1 were declared without them.

        What is at stake is told at each start, and by the doctor.
        """
        return frozenset(_OF_EVERY_TOPIC) - dict(self.settings).keys()


def topic_name(family: Family) -> str:
    """The topic of a family's events: `smartregion.schools`."""
    return f"{PREFIX}.{family.value}"


def changelog_name(app_id: str, family: Family) -> str:
    """The topic that keeps the entity states of a family for a worker's application."""
    return f"{app_id}-{family.value}-changelog"


def declared_topics(
    *,
    partitions: int = DEFAULT_PARTITIONS,
    replication: int = 1,
    app_id: str = DEFAULT_APP_ID,
) -> tuple[TopicSpec, ...]:
    """Every topic of the monitor: events, dead letters and what became of them, changelogs.

    Events are kept for ever: figures are computed again from them. Events and changelogs have
    the same `partitions`, since a family's state lives where its events are.
    """
    events = tuple(
        TopicSpec(topic_name(family), _key_of(family), partitions, replication) for family in Family
    )
    dead_letters = TopicSpec(
        DEAD_LETTERS,
        "that of the refused record",
        1,  # Few records, read by people in the order in which they came.
        replication,
        retention_ms=_DEAD_LETTERS_RETENTION_MS,
        settings=(("max.message.bytes", str(DEAD_LETTER_MAX_BYTES)),),
    )
    outcomes = TopicSpec(
        DEAD_LETTER_OUTCOMES,
        "partition/offset of the dead letter",
        1,
        replication,
        compacted=True,
    )
    changelogs = changelog_topics(partitions=partitions, replication=replication, app_id=app_id)
    return (*events, dead_letters, outcomes, *changelogs)


def changelog_topics(
    *,
    partitions: int = DEFAULT_PARTITIONS,
    replication: int = 1,
    app_id: str = DEFAULT_APP_ID,
) -> tuple[TopicSpec, ...]:
    """The topics that keep the entity states of an application, one for each family."""
    return tuple(
        TopicSpec(
            changelog_name(app_id, family),
            _key_of(family),
            partitions,
            replication,
            compacted=True,
            settings=(
                ("min.compaction.lag.ms", str(_CHANGELOG_COMPACTION_LAG_MS)),
                ("max.compaction.lag.ms", str(_CHANGELOG_COMPACTION_WITHIN_MS)),
                ("max.message.bytes", str(_STATE_MAX_BYTES)),
            ),
        )
        for family in Family
    )


def _key_of(family: Family) -> str:
    return _KEYS_OF_TWO_PARTS.get(family) or facts_of(family)[0].KEY
