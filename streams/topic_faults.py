"""Faults of topics that a restart does not fix, as the log and /metrics show them."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple


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


def records_deleted(topic: str, partition: int, first: int, after: int) -> TopicFault:
    """Return the fault of deleted records, from offset `first` to before `after`."""
    count = after - first
    where = f"offset {first}" if count == 1 else f"offsets {first} to {after - 1}"
    problem = f"has no record at {where} any more: {count} deleted"
    return TopicFault(topic, partition, FaultKind.RECORDS_DELETED, problem)


def summary_of(faults: Sequence[TopicFault]) -> str:
    """Return the first of some faults, and how many more there are."""
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return f"{faults[0]}{more}"
