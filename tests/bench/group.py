"""Several workers of one group: whether they share the partitions, and what they count."""

from __future__ import annotations

from collections.abc import Sequence

from catalogue.metrics import ENTITIES
from catalogue.metrics import EVENTS as EVENTS_TOTAL
from tests.bench.exposed import exposed_sum
from tests.support.workers import Worker


def share_partitions(workers: Sequence[Worker], partitions: int) -> bool:
    """Return whether all are ready, each with partitions of its own, and none is missing."""
    states = [worker.readiness() for worker in workers]
    if not all(one.get("ready") and one["partitions"] for one in states):
        return False
    owned = [partition for one in states for partition in one["partitions"]]
    return sorted(owned) == list(range(partitions))


def counted(workers: Sequence[Worker]) -> int:
    """Return how many events they have counted together."""
    return int(sum(exposed_sum(worker.metrics(), EVENTS_TOTAL.name) for worker in workers))


def entities_of(workers: Sequence[Worker]) -> int:
    """Return how many entities they have together."""
    return int(sum(exposed_sum(worker.metrics(), ENTITIES.name) for worker in workers))
