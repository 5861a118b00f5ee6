"""What else an operator wants to know of a worker: freshness, the cost of a scrape."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from time import monotonic

from catalogue.metrics import ENTITIES, INDICATOR_VALUE
from catalogue.metrics import EVENTS as EVENTS_TOTAL
from events.identifiers import Department
from sources.client import KafkaPublisher, PublisherOptions
from tests.bench.application import Application
from tests.bench.exposed import exposed_sum
from tests.bench.workloads import grant
from tests.support.sources import source_of
from tests.support.workers import Worker

SCRAPES = 30
PROBES = 60


def scrape_ms(worker: Worker) -> float:
    """Return the median time of a scrape, in milliseconds, asked from the same machine."""
    times = []
    for _ in range(SCRAPES):
        began = monotonic()
        worker.metrics()
        times.append(monotonic() - began)
    return 1000 * median(times)


def freshness(worker: Worker, application: Application) -> list[float]:
    """Return seconds from the broker's acknowledgement of an event to its figure on /metrics.

    One grant at a time (workers show nothing of enrolments); then /metrics is read without a pause
    until the figure has risen.
    """
    waits = []
    with KafkaPublisher(application.bootstrap, options=PublisherOptions(linger_ms=0)) as publisher:
        for number in range(PROBES):
            before = _committed_in_paris(worker)
            publisher.publish(
                grant(number, Department.PARIS, source=f"{source_of('grant.committed')}:probe")
            )
            publisher.flush()
            acknowledged = monotonic()
            while _committed_in_paris(worker) <= before:
                pass
            waits.append(monotonic() - acknowledged)
    return waits


def _committed_in_paris(worker: Worker) -> float:
    return exposed_sum(
        worker.metrics(),
        INDICATOR_VALUE.name,
        indicator="grants_committed_euros",
        department=Department.PARIS.value,
    )


def share_partitions(workers: Sequence[Worker], partitions: int) -> bool:
    """Return whether all are ready, each with partitions of its own, and none is missing."""
    states = [worker.readiness() for worker in workers]
    if not all(one.get("ready") and one["partitions"] for one in states):
        return False
    owned = [partition for one in states for partition in one["partitions"]]
    return sorted(owned) == list(range(partitions))


def counted(workers: Sequence[Worker]) -> int:
    return int(sum(exposed_sum(worker.metrics(), EVENTS_TOTAL.name) for worker in workers))


def entities_of(workers: Sequence[Worker]) -> int:
    return int(sum(exposed_sum(worker.metrics(), ENTITIES.name) for worker in workers))
