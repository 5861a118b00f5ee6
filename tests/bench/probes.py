"""What is asked of running processes: their figures, their processor time, their memory."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from time import monotonic

from catalogue.metrics import ENTITIES
from catalogue.metrics import EVENTS as EVENTS_TOTAL
from tests.bench.harness import BenchError
from tests.support.waiting import wait_until
from tests.support.workers import Worker

SCRAPES = 30


def exposed_sum(text: str, name: str, **labels: str) -> float:
    """Add up a metric's samples, as cheaply as it goes: a worker is asked again and again."""
    wanted = [f'{label}="{value}"' for label, value in labels.items()]
    return sum(
        float(line.rpartition(" ")[2])
        for line in text.splitlines()
        if line.startswith(name) and all(part in line for part in wanted)
    )


def scrape_ms(worker: Worker) -> float:
    """Return the median time of a scrape, in milliseconds, from the same machine."""
    times = []
    for _ in range(SCRAPES):
        began = monotonic()
        worker.metrics()
        times.append(monotonic() - began)
    return 1000 * median(times)


def await_shared(workers: Sequence[Worker], partitions: int, *, seconds: float) -> None:
    """Wait until all are ready, each with partitions of its own, and none is missing."""

    def shared() -> bool:
        states = [worker.readiness() for worker in workers]
        if not all(one.get("ready") and one["partitions"] for one in states):
            return False
        owned = [partition for one in states for partition in one["partitions"]]
        return sorted(owned) == list(range(partitions))

    if not wait_until(shared, seconds=seconds):
        logs = [worker.log for worker in workers]
        raise BenchError("the workers did not share the partitions", *logs)


def counted(workers: Sequence[Worker]) -> int:
    return int(sum(exposed_sum(worker.metrics(), EVENTS_TOTAL.name) for worker in workers))


def entities_of(workers: Sequence[Worker]) -> int:
    return int(sum(exposed_sum(worker.metrics(), ENTITIES.name) for worker in workers))


def processor_seconds(pid: int) -> float:
    """Return the processor time that a process has used (Linux)."""
    _, _, after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")
    user, system = after_name.split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
