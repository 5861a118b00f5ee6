"""The three engines, each run and timed in a process of its own."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Protocol

from catalogue.metrics import EVENTS as EVENTS_TOTAL
from operations.programs.program import end_child, start_child
from tests.bench.application import Application, Times
from tests.bench.exposed import exposed_sum
from tests.bench.stage import Stage
from tests.support.waiting import wait_until
from tests.support.workers import Worker

__all__ = [
    "Engine",
    "EngineFailedError",
    "Monitor",
    "Rival",
    "Trial",
    "await_events",
    "peak_memory_mb",
    "processor_seconds",
    "started",
]

TRIAL_SECONDS = 300.0
FIRST_PAUSE, SHORTEST_PAUSE = 0.5, 0.02


class EngineFailedError(Exception):
    """An engine ended, or did not get on."""

    def __init__(self, name: str, *, log: str) -> None:
        super().__init__(f"{name} failed; the end of its log:\n{log[-4000:]}")


@dataclass(frozen=True, slots=True)
class Trial:
    """One run of one engine over one workload."""

    events: int
    times: Times
    peak_mb: float

    @property
    def rate(self) -> float:
        """Events per second."""
        return self.events / self.times.seconds

    @property
    def processor_us(self) -> float:
        """Microseconds of processors that an event took in the engine's process."""
        return 1e6 * self.times.processor_seconds / self.events


class Engine(Protocol):
    """A way to get through events."""

    @property
    def name(self) -> str:
        """What the table calls it."""

    @property
    def events(self) -> int | None:
        """How many of a workload's events it is given; None: all."""

    def run(self, stage: Stage, application: Application, folder: Path) -> Trial:
        """Work through the application's events; returns once their offsets are committed."""


@dataclass(frozen=True)
class Rival:
    """An engine to compare with: a program of this package, which times itself."""

    name: str
    module: str
    events: int | None = None

    def run(self, stage: Stage, application: Application, folder: Path) -> Trial:
        """Run the program until its offsets are committed."""
        output = folder / f"{application.app_id}.log"
        output.touch()

        def times() -> Times | None:
            return Times.found_in(output.read_text())

        process = start_child(
            [sys.executable, "-m", self.module, *application.arguments()], output=output
        )
        try:
            wait_until(
                lambda: times() is not None or process.poll() is not None, seconds=TRIAL_SECONDS
            )
            took = times()
            if took is None:
                raise EngineFailedError(self.name, log=output.read_text())
            stage.await_committed(application)
            return Trial(application.events, took, peak_memory_mb(process.pid))
        finally:
            end_child(process, stop_seconds=0)


@dataclass(frozen=True)
class Monitor:
    """Our own worker, doing its whole job; timed from outside, by what it exposes."""

    name: str = "Smart Région worker"
    events: int | None = None

    def run(self, stage: Stage, application: Application, folder: Path) -> Trial:
        """Run a worker from the moment it is ready until its offsets are committed."""
        with started(application, folder) as worker:
            worker.wait_ready()
            took = await_events(worker, application.events)
            stage.await_committed(application)
            return Trial(application.events, took, peak_memory_mb(worker.process.pid))


@contextmanager
def started(application: Application, folder: Path) -> Iterator[Worker]:
    """Yield a worker that is starting, with the settings that an operator would leave alone."""
    worker = Worker(
        application.bootstrap,
        folder,
        name=application.app_id,
        settings={
            "SMART_REGION_APP_ID": application.app_id,
            "SMART_REGION_SESSION_TIMEOUT": "15",
            "SMART_REGION_HEARTBEAT_INTERVAL": "3",
        },
    )
    worker.start()
    try:
        yield worker
    finally:
        worker.stop()


def await_events(worker: Worker, events: int) -> Times:
    """Return how long a ready worker takes until it says that it has processed so many."""
    began, processors = monotonic(), processor_seconds(worker.process.pid)
    while (passed := monotonic() - began) < TRIAL_SECONDS and worker.alive:
        count = exposed_sum(worker.metrics(), EVENTS_TOTAL.name)
        passed = monotonic() - began
        if count >= events:
            return Times(passed, processor_seconds(worker.process.pid) - processors)
        # It answers between two batches, and asking costs it time: seldom at first, then often.
        left = passed * (events - count) / count if count else FIRST_PAUSE
        sleep(max(left / 2, SHORTEST_PAUSE))
    raise EngineFailedError("the worker", log=worker.log())


def processor_seconds(pid: int) -> float:
    """Return the processor time that a process has used (Linux)."""
    _, _, after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")
    user, system = after_name.split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def peak_memory_mb(pid: int) -> float:
    """Return the most memory that a living process ever held, in MB (10^6 bytes; Linux)."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    return int(found[1]) * 1024 / 1e6 if found else float("nan")
