"""The topics, declared once: names, keys, partitions, retention, compaction, replication."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from events.fact import Family, entity_key
from events.registry import facts_of

PREFIX: Final = "smartregion"
DEAD_LETTERS: Final = f"{PREFIX}.dead-letters"
DEAD_LETTER_OUTCOMES: Final = f"{PREFIX}.dead-letter-outcomes"
DEFAULT_APP_ID: Final = "smart-region-monitor"
DEFAULT_PARTITIONS: Final = 8

_DAY_MS: Final = 24 * 60 * 60 * 1000
_DEAD_LETTERS_RETENTION_MS: Final = 90 * _DAY_MS
# A dead letter is the refused record with additional headers: if the record has the size of the
# broker's default limit (1 MiB), its dead letter exceeds it.
DEAD_LETTER_MAX_BYTES: Final = 2 * 1024 * 1024
# Kafka's default: a broker's configuration may be lower.
_MESSAGE_MAX_BYTES: Final = 1024 * 1024 + 12
# Without these settings, a topic uses the broker's configuration, which may delete by size,
# recompress, or keep the producers' timestamps.
_OF_EVERY_TOPIC: Final[Mapping[str, str]] = {
    "retention.bytes": "-1",
    "max.message.bytes": str(_MESSAGE_MAX_BYTES),
    "compression.type": "producer",
    # The timestamp of a record bounds the time of its event: see `events.record_rules`.
    "message.timestamp.type": "LogAppendTime",
}
_REPLICAS_TO_AFFORD_A_LOSS: Final = 3


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """The declaration of a topic."""

    name: str
    key: str
    """A description of the record's key."""
    partitions: int
    replication: int
    retention_ms: int | None = None
    """How long records are kept, in milliseconds; None for ever."""
    compacted: bool = False
    """True if at least the last record of each key is kept, whatever its age."""
    settings: tuple[tuple[str, str], ...] = ()
    """Other settings of the topic, in Kafka's names and format."""

    @property
    def config(self) -> Mapping[str, str]:
        """All settings of the topic that differ, or could differ, from the broker's defaults.

        They are compared with the settings in force, including the broker's defaults.
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
    def tolerated(self) -> frozenset[str]:
        """Settings for which a worker accepts other values: older topics were declared without.

        Each start and the doctor warn about them.
        """
        return frozenset(_OF_EVERY_TOPIC) - dict(self.settings).keys()


def topic_name(family: Family) -> str:
    """Return the topic of a family's events: `smartregion.schools`."""
    return f"{PREFIX}.{family.value}"


FAMILIES: Final = MappingProxyType({topic_name(family): family for family in Family})
"""The families, by the topics of their events."""


def declared_topics(
    *, partitions: int = DEFAULT_PARTITIONS, replication: int = 1
) -> tuple[TopicSpec, ...]:
    """Return every topic of the monitor: events, dead letters and their outcomes.

    Events are kept for ever: the figures are computed from them.
    """
    events = tuple(
        TopicSpec(topic_name(family), _key_of(family), partitions, replication) for family in Family
    )
    dead_letters = TopicSpec(
        DEAD_LETTERS,
        "that of the refused record",
        1,  # Few records, which people read in order.
        replication,
        retention_ms=_DEAD_LETTERS_RETENTION_MS,
        settings=(("max.message.bytes", str(DEAD_LETTER_MAX_BYTES)),),
    )
    outcomes = TopicSpec(
        DEAD_LETTER_OUTCOMES, "partition/offset of the dead letter", 1, replication, compacted=True
    )
    return (*events, dead_letters, outcomes)


def _key_of(family: Family) -> str:
    return entity_key(*facts_of(family)[0].key_fields())
