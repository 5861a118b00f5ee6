"""The engines, each run and timed in a process of its own, in turns on one broker."""

from __future__ import annotations

import math
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from statistics import median
from time import monotonic, sleep
from types import MappingProxyType
from typing import ClassVar, Final, TypeAlias

from broker.reading import read_topics
from operations.programs.program import Program
from tests.bench.application import Application, Restoring, Times
from tests.bench.harness import Bench, BenchError, rounded, table
from tests.bench.probes import counted, entities_of, processor_seconds
from tests.bench.stage import Stage
from tests.bench.workloads import WORKLOADS, Workload
from tests.support.processes import peak_memory_mb
from tests.support.waiting import wait_until
from tests.support.workers import Worker

TRIAL_SECONDS = 300.0
RESTORE_SECONDS = 180.0
ROOT = Path(__file__).parents[2]
FIRST_PAUSE, SHORTEST_PAUSE = 0.5, 0.02


@dataclass(frozen=True, slots=True)
class Trial:
    events: int
    times: Times
    peak_mb: float
    written: int | None = None
    """Records on its changelog; None: it has none."""

    @property
    def rate(self) -> float:
        return self.events / self.times.seconds

    @property
    def processor_us(self) -> float:
        """Microseconds of processors that an event took in the engine's process."""
        return 1e6 * self.times.processor_seconds / self.events


@dataclass(frozen=True)
class Rival:
    """An engine to compare with: a program which times itself."""

    name: str
    """What the table calls it."""
    command: tuple[str, ...]
    """The application's arguments follow."""
    restores: bool = True
    """False: it only writes its changelog."""
    changelog: Callable[[Application], str] = attrgetter("changelog")
    needs: Path | None = None
    """A folder that `tests/packages.sh` fills."""

    @property
    def installed(self) -> bool:
        return self.needs is None or (self.needs / "done").exists()

    def run(self, bench: Bench, stage: Stage, application: Application, entities: int) -> Trial:
        """Work through the application's events; return once their offsets are committed.

        Raises BenchError where its changelog does not have each entity.
        """
        with self._started(bench.folder, application) as program:
            _await_output(program, lambda output: Times.found_in(output) is not None, TRIAL_SECONDS)
            took = Times.found_in(program.log)
            if took is None:
                raise BenchError(f"{self.name} failed", program.log)
            stage.await_committed(application)
            peak_mb = peak_memory_mb(program.process.pid)
        written, keys = 0, set()
        for record in read_topics(application.bootstrap, topics=[self.changelog(application)]):
            written += 1
            keys.add(record.key)
        if len(keys) != entities:
            problem = f"{self.name}: {len(keys)} keys on the changelog of {entities} entities"
            raise BenchError(problem)
        return Trial(application.events, took, peak_mb, written)

    def restore(self, bench: Bench, stage: Stage, application: Application, entities: int) -> float:
        """Start the program again, without its disk; return seconds until it has all states.

        Infinite where that takes longer than RESTORE_SECONDS.
        """
        stage.dismiss(application)
        began = monotonic()
        with self._started(bench.folder, application, events=0) as program:
            if not _await_output(program, Restoring.has_ended, RESTORE_SECONDS):
                if program.alive:
                    return math.inf
                raise BenchError(f"{self.name} failed", program.log)
            took = monotonic() - began
            _await_output(
                program, lambda output: Restoring.count(output) is not None, RESTORE_SECONDS
            )
            if Restoring.count(program.log) != entities:
                raise BenchError(f"{self.name} restored too little", program.log)
            return took

    @contextmanager
    def _started(
        self, folder: Path, application: Application, events: int | None = None
    ) -> Iterator[Program]:
        """Yield the program, with a folder of its own for what it writes on the disk."""
        (folder / f"{application.app_id}.log").unlink(missing_ok=True)
        with (
            tempfile.TemporaryDirectory(dir=folder) as disk,
            Program(
                application.app_id,
                (*self.command, *application.arguments(events)),
                folder=folder,
                env={"PYTHONPATH": str(ROOT), "TMPDIR": disk},
            ) as program,
        ):
            yield program


def _await_output(program: Program, condition: Callable[[str], bool], seconds: float) -> bool:
    """Wait until a program's output meets a condition, or it has ended; return which."""
    wait_until(lambda: condition(program.log) or not program.alive, seconds=seconds)
    return condition(program.log)


class Monitor:
    """Our own worker, doing its whole job; timed from outside, by what it exposes."""

    name: ClassVar[str] = "Smart Région worker"
    restores: ClassVar[bool] = True
    installed: ClassVar[bool] = True

    def run(self, bench: Bench, stage: Stage, application: Application, entities: int) -> Trial:
        """Work through the application's events; return once their offsets are committed."""
        with bench.started(application.app_id, app_id=application.app_id) as worker:
            worker.wait_ready()
            took = await_events(worker, application.events)
            stage.await_committed(application)
            if entities_of([worker]) != entities:
                raise BenchError("the worker does not have each entity", worker.log)
            return Trial(application.events, took, peak_memory_mb(worker.process.pid))

    def restore(self, bench: Bench, stage: Stage, application: Application, entities: int) -> float:
        """Start a worker again; return seconds until it is ready."""
        stage.dismiss(application)
        began = monotonic()
        with bench.started(application.app_id, app_id=application.app_id) as worker:
            worker.wait_ready()
            took = monotonic() - began
            if entities_of([worker]) != entities:
                raise BenchError("the worker does not have each entity", worker.log)
            return took


Engine: TypeAlias = Rival | Monitor
IDIOMATIC: Final = Rival("idiomatic Faust agent", (sys.executable, "-m", "tests.bench.idiomatic"))
BARE: Final = Rival(
    "bare aiokafka loop", (sys.executable, "-m", "tests.bench.bare"), restores=False
)
MONITOR: Final = Monitor()
ENGINES: Final[tuple[Engine, ...]] = (IDIOMATIC, BARE, MONITOR)
"""The first is the one that the others are compared with."""

#: Engine → workload → its trials.
Trials: TypeAlias = Mapping[str, Mapping[str, Sequence[Trial]]]
#: Writes what an engine, by its name, and its trials show.
Cell: TypeAlias = Callable[[str, Sequence[Trial]], str]


def await_events(worker: Worker, events: int) -> Times:
    """Return how long a ready worker takes until it says that it has processed so many."""
    began, processors = monotonic(), processor_seconds(worker.process.pid)
    while (passed := monotonic() - began) < TRIAL_SECONDS and worker.alive:
        count = counted([worker])
        passed = monotonic() - began
        if count >= events:
            return Times(passed, processor_seconds(worker.process.pid) - processors)
        # It answers between two batches, and asking costs it time: seldom at first, then often.
        left = passed * (events - count) / count if count else FIRST_PAUSE
        sleep(max(left / 2, SHORTEST_PAUSE))
    raise BenchError("the worker failed", worker.log)


def measure_trials(bench: Bench, stage: Stage, engines: Sequence[Engine]) -> Trials:
    """Run the engines in turns, so that what else the machine does meets them all.

    The last workload stays on the stage.
    """
    trials: dict[str, dict[str, list[Trial]]] = {one.name: defaultdict(list) for one in engines}
    for workload in WORKLOADS:
        bench.report(f"preloading {workload.meaning}")
        stage.preload(workload)
        for number in range(1, bench.rounds + 1):
            for engine in engines:
                with stage.application(workload) as application:
                    trial = engine.run(bench, stage, application, workload.entities)
                trials[engine.name][workload.name].append(trial)
                bench.report(
                    f"round {number} of {bench.rounds}: {workload.name}, {engine.name}: "
                    f"{trial.events} events in {trial.times.seconds:.1f} s, {trial.rate:.0f}/s, "
                    f"{trial.processor_us:.0f} µs of processors each"
                )
    return trials


def throughput(
    trials: Trials, workload: Workload, more: Mapping[str, Cell] = MappingProxyType({})
) -> str:
    """Return the table of a workload; `more` are further columns."""
    yardstick = median(trial.rate for trial in next(iter(trials.values()))[workload.name])
    rows = []
    for engine, by_workload in trials.items():
        of_engine = by_workload[workload.name]
        rates = [trial.rate for trial in of_engine]
        rows.append(
            [
                engine,
                rounded(median(rates)),
                f"{rounded(min(rates))} to {rounded(max(rates))}",
                f"**{median(rates) / yardstick:.1f}**",
                f"{median(trial.processor_us for trial in of_engine):.0f}",
                f"{max(trial.peak_mb for trial in of_engine):.0f}",
                *(cell(engine, of_engine) for cell in more.values()),
            ]
        )
    columns = ["events/s", "range", "ratio", "processor µs/event", "peak memory MB", *more]
    return table([workload.name, *columns], rows)
