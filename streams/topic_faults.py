"""Faults of topics that a restart does not repair, as the log and /metrics show them."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple


class FaultKind(StrEnum):
    """The kinds of faults."""

    CHANGELOG_LOST = "changelog_lost"
    EVENTS_LOST = "events_lost"
    TOPIC_MISSING = "topic_missing"
    TOPIC_RECREATED = "topic_recreated"
    PARTITIONS_ADDED = "partitions_added"
    PARTITION_UNOWNED = "partition_unowned"


class TopicFault(NamedTuple):
    """A fault of a topic, or of one of its partitions, with a description."""

    topic: str
    partition: int | None
    fault: FaultKind
    problem: str

    def __str__(self) -> str:
        """Return the topic, the partition and the description."""
        where = self.topic if self.partition is None else f"{self.topic}[{self.partition}]"
        return f"{where} {self.problem}"


def summary_of(faults: Sequence[TopicFault]) -> str:
    """Return the first of some faults, and how many more there are."""
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return f"{faults[0]}{more}"
