"""The engines, each run and timed in a process of its own."""

from __future__ import annotations

import math
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic, sleep
from typing import Final, Protocol

from catalogue.metrics import ENTITIES
from catalogue.metrics import EVENTS as EVENTS_TOTAL
from operations.programs.program import Program
from tests.bench.application import Application, Restoring, Times
from tests.bench.exposed import exposed_sum
from tests.bench.stage import Stage
from tests.support.waiting import wait_until
from tests.support.workers import Worker

TRIAL_SECONDS = 300.0
RESTORE_SECONDS = 180.0
ROOT = Path(__file__).parents[2]
FIRST_PAUSE, SHORTEST_PAUSE = 0.5, 0.02


class EngineFailedError(Exception):
    def __init__(self, name: str, *, log: str) -> None:
        super().__init__(f"{name} failed; the end of its log:\n{log[-4000:]}")


@dataclass(frozen=True, slots=True)
class Trial:
    events: int
    times: Times
    peak_mb: float
    written: int | None = None
    """Records on its changelog; None: not counted."""

    @property
    def rate(self) -> float:
        return self.events / self.times.seconds

    @property
    def processor_us(self) -> float:
        """Microseconds of processors that an event took in the engine's process."""
        return 1e6 * self.times.processor_seconds / self.events


class Engine(Protocol):
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
    """An engine to compare with: a program which times itself."""

    name: str
    command: tuple[str, ...]
    """The application's arguments follow."""
    events: int | None = None

    def run(self, stage: Stage, application: Application, folder: Path) -> Trial:
        with self._started(application, folder) as program:
            _await_output(program, lambda output: Times.found_in(output) is not None, TRIAL_SECONDS)
            took = Times.found_in(program.log)
            if took is None:
                raise EngineFailedError(self.name, log=program.log)
            stage.await_committed(application)
            return Trial(application.events, took, peak_memory_mb(program.process.pid))

    def restore(self, stage: Stage, application: Application, folder: Path) -> float:
        """Start the program again, without its disk; return seconds until it has all states.

        Infinite where that takes longer than RESTORE_SECONDS.
        """
        stage.dismiss(application)
        began = monotonic()
        with self._started(replace(application, events=0), folder) as program:
            if not _await_output(program, Restoring.has_ended, RESTORE_SECONDS):
                if program.alive:
                    return math.inf
                raise EngineFailedError(self.name, log=program.log)
            took = monotonic() - began
            _await_output(
                program, lambda output: Restoring.count(output) is not None, RESTORE_SECONDS
            )
            if Restoring.count(program.log) != stage.entities(application):
                raise EngineFailedError(self.name, log=program.log)
            return took

    @contextmanager
    def _started(self, application: Application, folder: Path) -> Iterator[Program]:
        """Yield the program, with a folder of its own for what it writes on the disk."""
        (folder / f"{application.app_id}.log").unlink(missing_ok=True)
        with (
            tempfile.TemporaryDirectory(dir=folder) as disk,
            Program(
                application.app_id,
                (*self.command, *application.arguments()),
                folder=folder,
                env={"PYTHONPATH": str(ROOT), "TMPDIR": disk},
            ) as program,
        ):
            yield program


def _await_output(program: Program, condition: Callable[[str], bool], seconds: float) -> bool:
    """Wait until a program's output meets a condition, or it has ended; return which."""
    wait_until(lambda: condition(program.log) or not program.alive, seconds=seconds)
    return condition(program.log)


@dataclass(frozen=True)
class Monitor:
    """Our own worker, doing its whole job; timed from outside, by what it exposes."""

    name: str = "Smart Région worker"
    events: int | None = None

    def run(self, stage: Stage, application: Application, folder: Path) -> Trial:
        with started(application, folder) as worker:
            worker.wait_ready()
            took = await_events(worker, application.events)
            stage.await_committed(application)
            return Trial(application.events, took, peak_memory_mb(worker.process.pid))

    def restore(self, stage: Stage, application: Application, folder: Path) -> float:
        """Start a worker again; return seconds until it is ready."""
        stage.dismiss(application)
        with started(application, folder) as worker:
            began = monotonic()
            worker.wait_ready()
            took = monotonic() - began
            if exposed_sum(worker.metrics(), ENTITIES.name) != stage.entities(application):
                raise EngineFailedError(self.name, log=worker.log)
            return took


IDIOMATIC: Final = Rival(
    "idiomatic Faust agent",
    (sys.executable, "-m", "tests.bench.idiomatic"),
    # At a few thousand events a second it is given a part of them; its rate does not change.
    events=40_000,
)
BARE: Final = Rival("bare aiokafka loop", (sys.executable, "-m", "tests.bench.bare"))


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
    raise EngineFailedError("the worker", log=worker.log)


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
