"""What may be wrong with a topic that no restart mends: named alike in the log and on /metrics."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

__all__ = ["FaultKind", "TopicFault"]


class FaultKind(StrEnum):
    """The kinds of it."""

    CHANGELOG_LOST = "changelog_lost"
    EVENTS_LOST = "events_lost"
    TOPIC_MISSING = "topic_missing"
    TOPIC_RECREATED = "topic_recreated"
    PARTITIONS_ADDED = "partitions_added"
    PARTITION_UNOWNED = "partition_unowned"


class TopicFault(NamedTuple):
    """One topic, or one of its partitions, and what is wrong with it in words."""

    topic: str
    partition: int | None
    fault: FaultKind
    problem: str

    def __str__(self) -> str:
        """Name it, and say what is wrong."""
        where = self.topic if self.partition is None else f"{self.topic}[{self.partition}]"
        return f"{where} {self.problem}"
