"""Millions of events: what workers, assessor, audit, export and backfill take of time and memory.

Every process is one of its own, and its memory is the most that it ever held (VmHWM).
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import monotonic, sleep
from typing import Any, Final

from broker.topic_admin import apply_topics
from events.fact import Family
from events.topics import declared_topics, topic_name
from operations.programs.program import COMMAND, Program
from tests.bench.capacity_events import records_of, send_records
from tests.bench.engines import peak_memory_mb, processor_seconds
from tests.bench.probes import counted, entities_of, scrape_ms, share_partitions
from tests.bench.stage import log_bytes
from tests.support.kafka import KafkaBroker
from tests.support.waiting import wait_until
from tests.support.workers import Worker

PARTITIONS: Final = 16
WORKERS: Final = 2
ENTITIES_MEASURED: Final = 2_000_000
APP_ID: Final = "bench-capacity"
DAY: Final = "2020-12-31"
YEARS: Final = ("--from", "2016-01-01", "--to", DAY, "--step", "7d")
START_SECONDS: Final = 120.0
#: What is waited for at most, for each million of entities or events, besides the start.
MILLION_SECONDS: Final = 600.0
WATCH_SECONDS: Final = 0.05
WORK_MB: Final = 32_768


class CapacityFailedError(Exception):
    def __init__(self, problem: str, *, log: str = "") -> None:
        super().__init__(f"{problem}; the end of its log:\n{log[-4000:]}" if log else problem)


@dataclass(frozen=True, slots=True)
class Run:
    name: str
    seconds: float
    processor_seconds: float
    memory_mb: float
    disk_mb: float
    """The most that its temporary files took together."""


@dataclass(slots=True)
class Capacity:
    """All that was found. Times are in seconds, memory and sizes in MB (10^6 bytes)."""

    entities: int
    events: int = 0
    sent_seconds: float = 0.0
    topics_mb: float = 0.0
    counted_seconds: float = 0.0
    """From the start of the workers' processes until all events are counted."""
    rate: float = 0.0
    """Events per second of both, from when both have their partitions."""
    worker_processors: float = 0.0
    worker_mb: tuple[float, ...] = ()
    scrape_ms: float = 0.0
    restored_seconds: float = 0.0
    """From the start of a worker's process until both are ready again."""
    restored_mb: tuple[float, ...] = ()
    """The workers' memory after that."""
    assessor_seconds: float = 0.0
    assessor_mb: float = 0.0
    assessor_scrape_ms: float = 0.0
    broker_mb: float = 0.0
    runs: list[Run] = field(default_factory=list)
    compared: int = 0
    """Figures that the audit compared with the workers', none of which differed."""
    free_mb: float = 0.0
    """By how much the disk's free space was smaller than at the start, at the most."""
    load: tuple[float, float] = (0.0, 0.0)
    """The machine's load (of a minute) before and after."""


def measure_capacity(
    broker: KafkaBroker,
    folder: Path,
    *,
    report: Callable[[str], None],
    entities: int = ENTITIES_MEASURED,
) -> Capacity:
    """Process the events of so many entities; two and a half for each.

    Raises CapacityFailedError, also where a figure differs.
    """
    return _Measurement(broker, folder, report, entities).made()


class _Measurement:
    def __init__(
        self, broker: KafkaBroker, folder: Path, report: Callable[[str], None], entities: int
    ) -> None:
        self._broker = broker
        self._folder = folder
        self._report = report
        self._found = Capacity(entities - entities % 2)
        self._limit = START_SECONDS + MILLION_SECONDS * 2.5 * entities / 1e6
        self._free = _free_mb(folder)
        self._work = folder / "work"
        self._work.mkdir()

    def made(self) -> Capacity:
        found, load = self._found, os.getloadavg()[0]
        self._send()
        with ExitStack() as stack:
            workers = [stack.enter_context(self._started(f"worker-{n}")) for n in range(WORKERS)]
            self._count(workers)
            self._assess(workers)
            self._restart(workers)
            self._run_commands(workers)
            found.broker_mb = peak_memory_mb(self._broker.process.pid)
        found.load = (load, os.getloadavg()[0])
        return found

    def _send(self) -> None:
        found, bootstrap = self._found, self._broker.bootstrap
        apply_topics(bootstrap, declared_topics(partitions=PARTITIONS))
        began = monotonic()
        found.events = send_records(bootstrap, records_of(found.entities), partitions=PARTITIONS)
        found.sent_seconds = monotonic() - began
        found.topics_mb = sum(log_bytes(self._broker, topic_name(one)) for one in Family) / 1e6
        self._report(f"{found.events} events are on the topics after {found.sent_seconds:.0f} s")

    def _count(self, workers: Sequence[Worker]) -> None:
        found, began = self._found, monotonic()
        self._settle(workers)
        settled, before = monotonic(), counted(workers)
        if not wait_until(lambda: self._has_all(workers), seconds=self._limit, every=0.2):
            raise CapacityFailedError(f"{counted(workers)} of {found.events} events were counted")
        found.rate = (found.events - before) / (monotonic() - settled)
        found.counted_seconds = monotonic() - began
        found.worker_processors = sum(processor_seconds(one.process.pid) for one in workers)
        found.worker_mb = tuple(peak_memory_mb(one.process.pid) for one in workers)
        found.scrape_ms = median(scrape_ms(one) for one in workers)
        self._note_disk()
        self._report(f"counted: {found.rate:.0f} events/s, {found.counted_seconds:.0f} s")

    def _has_all(self, workers: Sequence[Worker]) -> bool:
        try:
            # What was on its way when the second worker came is counted twice: entities are not.
            has_entities = entities_of(workers) == self._found.entities
            return has_entities and counted(workers) >= self._found.events
        except OSError:  # A busy one answers later.
            return False

    def _assess(self, workers: Sequence[Worker]) -> None:
        found = self._found
        with self._started("assessor", WORKERS=_addresses(workers)) as assessor:
            began = monotonic()
            if not wait_until(lambda: assessor.ready, seconds=self._limit, every=0.02):
                raise CapacityFailedError("the assessor is not ready", log=assessor.log)
            found.assessor_seconds = monotonic() - began
            found.assessor_scrape_ms = scrape_ms(assessor)
            found.assessor_mb = peak_memory_mb(assessor.process.pid)
        self._report(f"the assessor is ready after {found.assessor_seconds:.1f} s")

    def _restart(self, workers: Sequence[Worker]) -> None:
        """Restart the last worker: it reads the events of its partitions again."""
        found = self._found
        workers[-1].stop()
        began = monotonic()
        workers[-1].start()
        self._settle(workers)
        found.restored_seconds = monotonic() - began
        found.restored_mb = tuple(peak_memory_mb(one.process.pid) for one in workers)
        self._report(f"a restarted worker is ready after {found.restored_seconds:.1f} s")

    def _run_commands(self, workers: Sequence[Worker]) -> None:
        found = self._found
        against = [part for worker in workers for part in ("--against", worker.url)]
        audited = json.loads(self._run("audit", "audit", "--json", *against))
        compared, account = audited["comparison"], audited["account"]
        if compared["differences"] or account["accepted"] != found.events:
            raise CapacityFailedError(f"the audit: {account}, {compared['differences'][:5]}")
        found.compared = compared["compared"]
        day = ("--as-of", DAY)
        folded = self._run("export", "export", *day)
        known = self._run("export as known on a day", "export", *day, "--known-on", DAY)
        if _rows(folded) != _rows(known):
            raise CapacityFailedError("the exports differ")
        years = self._work / "years.om"
        self._run("backfill", "backfill", *YEARS, "--out", str(years))

    def _run(self, name: str, *arguments: str) -> str:
        """Run a command and return its output; raises CapacityFailedError where it fails."""
        work = self._work
        variables = self._variables(WORK_FOLDER=str(work), WORK_MB=str(WORK_MB))
        began = monotonic()
        program = Program(
            str(len(self._found.runs)),
            (*COMMAND, *arguments),
            folder=self._folder,
            env={**variables, "TMPDIR": str(work)},
        )
        memory = processors = disk = 0.0
        with program:
            pid = program.process.pid
            while program.alive:
                # A process that has just ended has no memory any more.
                if (now := peak_memory_mb(pid)) == now:
                    memory, processors = now, processor_seconds(pid)
                disk = max(disk, _open_file_bytes(pid, work) / 1e6)
                self._note_disk()
                sleep(WATCH_SECONDS)
        run = Run(name, monotonic() - began, processors, memory, disk)
        if program.status != 0:
            raise CapacityFailedError(f"{name}: status {program.status}", log=program.log)
        self._found.runs.append(run)
        self._report(f"{name}: {run.seconds:.0f} s, {run.memory_mb:.0f} MB, {disk:.0f} MB on disk")
        return program.log

    @contextmanager
    def _started(self, name: str, **settings: str) -> Iterator[Worker]:
        worker = Worker(
            self._broker.bootstrap,
            self._folder,
            name=name,
            command=name.partition("-")[0],
            settings=self._variables(SESSION_TIMEOUT="15", HEARTBEAT_INTERVAL="3", **settings),
        )
        worker.start()
        try:
            yield worker
        finally:
            worker.kill()

    def _variables(self, **settings: str) -> Mapping[str, str]:
        common = {
            "BROKER": self._broker.bootstrap,
            "APP_ID": APP_ID,
            "PARTITIONS": str(PARTITIONS),
            "CLOCK": DAY,
        }
        return {f"SMART_REGION_{name}": value for name, value in {**common, **settings}.items()}

    def _settle(self, workers: Sequence[Worker]) -> None:
        if not wait_until(
            lambda: share_partitions(workers, PARTITIONS), seconds=self._limit, every=0.1
        ):
            log = "\n".join(worker.log[-2000:] for worker in workers)
            raise CapacityFailedError("the workers did not share the partitions", log=log)

    def _note_disk(self) -> None:
        self._found.free_mb = max(self._found.free_mb, self._free - _free_mb(self._folder))


def _addresses(workers: Sequence[Worker]) -> str:
    return ",".join(worker.url for worker in workers)


def _rows(exported: str) -> list[dict[str, Any]]:
    """Return the rows of an export, but the day on which they were known."""
    rows = csv.DictReader(exported.splitlines())
    return [{name: value for name, value in row.items() if name != "known_on"} for row in rows]


def _free_mb(folder: Path) -> float:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize / 1e6


def _open_file_bytes(pid: int, folder: Path) -> int:
    """Return the size of the files in a folder that a process has open, with and without a name."""
    size = 0
    # It may end, or close a file, at any time.
    with suppress(OSError):
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                if folder in link.readlink().parents:
                    size += link.stat().st_size
    return size
