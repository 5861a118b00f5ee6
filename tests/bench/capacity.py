"""Millions of events: what workers, assessor, audit, export and backfill take of time and memory.

Every process is one of its own, and its memory is the most that it ever held (VmHWM).
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from statistics import median
from time import monotonic, sleep
from typing import Any, Final

from operations.programs.program import COMMAND, Program
from tests.bench.harness import Bench, BenchError, page_of, rounded, table
from tests.bench.probes import await_shared, counted, entities_of, processor_seconds, scrape_ms
from tests.bench.stage import Stage
from tests.bench.workloads import many_events
from tests.support.children import environment_variables
from tests.support.processes import peak_memory_mb
from tests.support.waiting import wait_until
from tests.support.workers import Worker

PARTITIONS: Final = 16
WORKERS: Final = 2
DAY: Final = "2020-12-31"
YEARS: Final = ("--from", "2016-01-01", "--to", DAY, "--step", "7d")
SETTINGS: Final = {"app_id": "bench-capacity", "partitions": str(PARTITIONS), "clock": DAY}
START_SECONDS: Final = 120.0
#: What is waited for at most, for each million of entities or events, besides the start.
MILLION_SECONDS: Final = 600.0
WATCH_SECONDS: Final = 0.05
WORK_MB: Final = "32768"


def measure_capacity(bench: Bench) -> str:
    """Process the events of so many entities; two and a half for each.

    Raises BenchError, also where a figure differs.
    """
    return _Measurement(bench).made()


class _Measurement:
    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._entities = bench.entities - bench.entities % 2
        self._events = 0
        self._limit = START_SECONDS + MILLION_SECONDS * 2.5 * self._entities / 1e6
        self._free_mb = _free_mb(bench.folder)
        self._used_mb = 0.0
        """By how much the disk's free space was smaller than at the start, at the most."""
        self._work = bench.folder / "work"
        self._work.mkdir()
        self._rows: list[list[str]] = []
        self._runs: list[list[str]] = []

    def made(self) -> str:
        bench = self._bench
        stage = Stage(bench.broker, partitions=PARTITIONS)
        self._send(stage)
        with ExitStack() as stack:
            workers = [
                stack.enter_context(bench.started(f"worker-{number}", **SETTINGS))
                for number in range(WORKERS)
            ]
            self._count(workers)
            self._restart(workers)
            addresses = ",".join(worker.url for worker in workers)
            self._assess(addresses)
            compared = self._run_commands(workers)
            broker_mb = peak_memory_mb(bench.broker.process.pid)
        topics_mb = stage.log_bytes() / 1e6
        self._note("the broker's peak memory, MB (heap of at most 1024)", f"{broker_mb:.0f}")
        self._note(f"the events' topics, MB ({PARTITIONS} partitions)", rounded(topics_mb))
        self._note("an event on its topic, bytes", f"{1e6 * topics_mb / self._events:.0f}")
        self._note("the disk used at most, MB", rounded(self._used_mb))
        self._note("figures compared by the audit", f"{compared}, none differs")
        commands = ["command", "s", "processor s", "peak memory, MB"]
        return page_of(
            bench.conditions("faust-streaming", "aiokafka", "pydantic"),
            table(["what", "measured"], self._rows),
            table([*commands, "its files on disk at most, MB"], self._runs),
        )

    def _note(self, what: str, measured: str) -> None:
        self._rows.append([what, measured])
        self._bench.report(f"{what}: {measured}")

    def _send(self, stage: Stage) -> None:
        began = monotonic()
        self._events = stage.send(many_events(self._entities))
        sent = rounded(self._events / (monotonic() - began))
        self._note("events, entities", f"{rounded(self._events)}, {rounded(self._entities)}")
        self._note("events sent by one process, events/s", sent)

    def _count(self, workers: Sequence[Worker]) -> None:
        began = monotonic()
        await_shared(workers, PARTITIONS, seconds=self._limit)
        shared, before = monotonic(), counted(workers)
        if not wait_until(lambda: self._has_all(workers), seconds=self._limit, every=0.2):
            raise BenchError(f"{counted(workers)} of {self._events} events were counted")
        ended = monotonic()
        processors = sum(processor_seconds(one.process.pid) for one in workers)
        rate = (self._events - before) / (ended - shared)
        self._note(f"{WORKERS} workers, events/s together", rounded(rate))
        self._note("from their start until all events are counted, s", f"{ended - began:.0f}")
        of_million = 1e6 * processors / self._events
        self._note("their processor s per million events", f"{of_million:.0f}")
        self._note("peak memory of each, MB", _memory(workers))
        scrapes = median(scrape_ms(one) for one in workers)
        self._note("a scrape of /metrics, median ms", f"{scrapes:.0f}")
        self._look_at_disk()

    def _has_all(self, workers: Sequence[Worker]) -> bool:
        try:
            # What was on its way when the second worker came is counted twice: entities are not.
            has_entities = entities_of(workers) == self._entities
            return has_entities and counted(workers) >= self._events
        except OSError:  # A busy one answers later.
            return False

    def _restart(self, workers: Sequence[Worker]) -> None:
        """Restart the last worker: it reads the events of its partitions again."""
        workers[-1].stop()
        began = monotonic()
        workers[-1].start()
        await_shared(workers, PARTITIONS, seconds=self._limit)
        took = monotonic() - began
        self._note("one restarted: from its start until both are ready, s", f"{took:.1f}")
        states = self._entities * (len(workers) - 1) / len(workers)
        rate = rounded(states / took)
        self._note("entities whose events it read again a second, at least", rate)
        self._note("peak memory of each after that, MB", _memory(workers))

    def _assess(self, addresses: str) -> None:
        with self._bench.started(
            "assessor", command="assessor", workers=addresses, **SETTINGS
        ) as assessor:
            began = monotonic()
            if not wait_until(lambda: assessor.ready, seconds=self._limit, every=0.02):
                raise BenchError("the assessor is not ready", assessor.log)
            took = monotonic() - began
            self._note("the assessor, asking the workers: ready after, s", f"{took:.1f}")
            self._note("its peak memory, MB", f"{peak_memory_mb(assessor.process.pid):.0f}")
            self._note("a scrape of its /metrics, median ms", f"{scrape_ms(assessor):.0f}")

    def _run_commands(self, workers: Sequence[Worker]) -> int:
        """Run the commands; return how many figures the audit compared."""
        against = [part for worker in workers for part in ("--against", worker.url)]
        audited = json.loads(self._run("audit", "audit", "--json", *against))
        compared, account = audited["comparison"], audited["account"]
        if compared["differences"] or account["accepted"] != self._events:
            raise BenchError(f"the audit: {account}, {compared['differences'][:5]}")
        day = ("--as-of", DAY)
        folded = self._run("export", "export", *day)
        known = self._run("export as known on a day", "export", *day, "--known-on", DAY)
        if _rows(folded) != _rows(known):
            raise BenchError("the exports differ")
        years = str(self._work / "years.om")
        self._run("backfill", "backfill", *YEARS, "--out", years)
        return int(compared["compared"])

    def _run(self, name: str, *arguments: str) -> str:
        """Run a command and return its output; raises BenchError where it fails."""
        work = self._work
        places = {"broker": self._bench.broker.bootstrap, "work_folder": str(work)}
        variables = environment_variables({**SETTINGS, **places, "work_mb": WORK_MB})
        began = monotonic()
        program = Program(
            str(len(self._runs)),
            (*COMMAND, *arguments),
            folder=self._bench.folder,
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
                self._look_at_disk()
                sleep(WATCH_SECONDS)
        seconds = monotonic() - began
        if program.status != 0:
            raise BenchError(f"{name}: status {program.status}", program.log)
        self._runs.append(
            [name, f"{seconds:.0f}", f"{processors:.0f}", f"{memory:.0f}", rounded(disk)]
        )
        self._bench.report(" ".join(self._runs[-1]))
        return program.log

    def _look_at_disk(self) -> None:
        self._used_mb = max(self._used_mb, self._free_mb - _free_mb(self._bench.folder))


def _memory(workers: Sequence[Worker]) -> str:
    return " and ".join(f"{peak_memory_mb(worker.process.pid):.0f}" for worker in workers)


def _rows(exported: str) -> list[Mapping[str, Any]]:
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
