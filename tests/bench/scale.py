"""One, two and four workers on one broker of 16 partitions: what more of them bring and cost."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from time import monotonic, sleep
from typing import NamedTuple

from audit.comparison import compare_exposed
from audit.exposed import Exposed, read_worker
from audit.recount import audit_records
from broker.reading import read_topics
from catalogue.loader import load_catalogue
from events.cloudevent import EncodedRecord, encode_structured
from events.topics import topic_name
from streams.histories import ExactPersons, exact_persons
from streams.queries.opening import read_histories
from streams.settings import Settings
from tests.bench.application import Application
from tests.bench.engines import TRIAL_SECONDS, peak_memory_mb, processor_seconds
from tests.bench.exposed import exposed_sum
from tests.bench.probes import counted, share_partitions
from tests.bench.stage import Stage, log_bytes
from tests.bench.workloads import DISTINCT, EVENTS
from tests.support.kafka import KafkaBroker
from tests.support.rebalances import Change, watched
from tests.support.waiting import wait_until
from tests.support.workers import Worker

PARTITIONS = 16
COUNTS = (1, 2, 4)
LAST_DAY = date(2020, 12, 31)
#: The clock of the workers that are held until all events are there may not run out meanwhile.
HELD_SESSION_SECONDS = 60
SESSION_SECONDS = 15
CHANGE_SECONDS = 120.0


class ScaleFailedError(Exception):
    def __init__(self, what: str, workers: Sequence[Worker]) -> None:
        logs = "\n".join(worker.log[-1500:] for worker in workers)
        super().__init__(f"{what}; the ends of the workers' logs:\n{logs}")


@dataclass(frozen=True, slots=True)
class Share:
    """So many workers that share all events; times in seconds, memory in MB."""

    workers: int
    events: int
    seconds: float
    worker_processors: float
    broker_processors: float
    memory_mb: tuple[float, ...]
    """The peak of each worker."""

    @property
    def rate(self) -> float:
        return self.events / self.seconds


@dataclass(slots=True)
class Scaled:
    shares: list[Share] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    processed_seconds: float = 0.0
    """From the start of one worker's process until all events are processed."""
    entities: int = 0
    event_bytes: float = 0.0
    """On the broker's disk."""
    figures: int = 0
    """Figures that an audit compared, in all stages together; none differed."""
    load: tuple[float, float] = (0.0, 0.0)
    """The machine's load (of a minute) before and after."""


def measure_scale(broker: KafkaBroker, folder: Path, *, report: Callable[[str], None]) -> Scaled:
    """Grow and shrink a group; then have one, two and four workers process the same events.

    Raises ScaleFailedError, also where a figure differs from the audit's.
    """
    found = Scaled()
    before = os.getloadavg()[0]
    stage = Stage(broker, partitions=PARTITIONS)
    records = [encode_structured(event) for event in DISTINCT.events()]
    shown: list[_Stage] = []
    stage.send(DISTINCT.family, records)
    found.event_bytes = log_bytes(broker, topic_name(DISTINCT.family)) / EVENTS
    with stage.application(DISTINCT) as application, _starter(folder) as start_worker:
        _grow(application, start_worker, found, shown, report)
    for count in COUNTS:
        with stage.application(DISTINCT, events=0) as application, _starter(folder) as start_worker:
            workers = [
                start_worker(application, f"{count}-{n}", session=HELD_SESSION_SECONDS)
                for n in range(count)
            ]
            found.shares.append(_share(broker, stage, workers, records))
            shown.append(_stage(f"{count} workers", workers))
        share = found.shares[-1]
        report(f"{count} workers: {share.rate:.0f} events/s, {share.seconds:.1f} s")
    _audit(broker, shown, found)
    report(f"{found.figures} figures compared with the audit's, no difference")
    found.load = (before, os.getloadavg()[0])
    return found


StartWorker = Callable[..., Worker]


class _Stage(NamedTuple):
    """What the workers showed at the end of a stage, and the persons in their histories."""

    what: str
    workers: list[Exposed]
    persons: ExactPersons


def _stage(what: str, workers: list[Worker]) -> _Stage:
    settings = Settings(partitions=PARTITIONS, workers=",".join(_urls(workers)))
    catalogue = load_catalogue()
    persons = exact_persons(read_histories(settings, catalogue), catalogue, LAST_DAY)
    return _Stage(what, list(map(read_worker, _urls(workers))), persons)


@contextmanager
def _starter(folder: Path) -> Iterator[StartWorker]:
    """Yield what starts workers of an application; all end with the context."""
    started: list[Worker] = []

    def start_worker(
        application: Application, name: str, *, session: int = SESSION_SECONDS
    ) -> Worker:
        settings = {
            "APP_ID": application.app_id,
            "PARTITIONS": str(PARTITIONS),
            "SESSION_TIMEOUT": str(session),
            "REQUEST_TIMEOUT": str(session + 5),
            "HEARTBEAT_INTERVAL": "1",
        }
        worker = Worker(
            application.bootstrap,
            folder,
            name=f"{application.app_id}-{name}",
            settings={f"SMART_REGION_{key}": value for key, value in settings.items()},
        )
        started.append(worker)
        worker.start()
        return worker

    try:
        yield start_worker
    finally:
        for worker in started:
            worker.kill()


def _share(
    broker: KafkaBroker, stage: Stage, workers: list[Worker], records: list[EncodedRecord]
) -> Share:
    """Hold the workers until all events are on the topic, then let them go."""
    if not wait_until(lambda: _settled(workers), seconds=CHANGE_SECONDS):
        raise ScaleFailedError("the partitions were not shared", workers)
    for worker in workers:
        worker.sleep()
    stage.send(DISTINCT.family, records)
    processes = [worker.process.pid for worker in workers]
    used, broker_used = sum(map(processor_seconds, processes)), _broker_processors(broker)
    began = monotonic()
    for worker in workers:
        worker.wake()
    while (count := counted(workers)) < len(records):
        if monotonic() - began > TRIAL_SECONDS:
            raise ScaleFailedError(f"{count} of {len(records)} events were taken in", workers)
        sleep(0.1)
    return Share(
        workers=len(workers),
        events=len(records),
        seconds=monotonic() - began,
        worker_processors=sum(map(processor_seconds, processes)) - used,
        broker_processors=_broker_processors(broker) - broker_used,
        memory_mb=tuple(map(peak_memory_mb, processes)),
    )


def _grow(
    application: Application,
    start_worker: StartWorker,
    found: Scaled,
    shown: list[_Stage],
    report: Callable[[str], None],
) -> None:
    """Let one worker process the events, then change the number of workers and watch."""
    began = monotonic()
    first = start_worker(application, "first")
    if not wait_until(
        lambda: _settled([first]) and counted([first]) >= EVENTS, seconds=TRIAL_SECONDS
    ):
        raise ScaleFailedError("one worker did not process all events", [first])
    found.processed_seconds = monotonic() - began
    found.entities = int(exposed_sum(first.metrics(), "smartregion_entities"))
    report(f"one worker has processed all events in {found.processed_seconds:.1f} s")
    workers = [first]

    def change(what: str, do: Callable[[], object]) -> None:
        found.changes.append(_watch(what, workers, do))
        shown.append(_stage(what, workers))
        last = found.changes[-1]
        report(
            f"{what}: not shown {last.hidden_seconds:.1f} s (kept partitions"
            f" {last.kept_hidden_seconds:.1f} s), stable {last.settled_seconds:.1f} s,"
            f" restored {last.restores}"
        )

    change("1 → 2", lambda: workers.append(start_worker(application, "second")))
    change(
        "2 → 4",
        lambda: workers.extend(start_worker(application, name) for name in ("third", "fourth")),
    )
    change("4 → 3, one stopped", lambda: workers.pop().stop())
    change("3 → 2, one killed", lambda: workers.pop().kill())


def _watch(what: str, workers: list[Worker], do: Callable[[], object]) -> Change:
    with watched(lambda: workers) as watch:
        # A worker ends with the thread that started it: that is this one.
        do()
        if not wait_until(lambda: _settled(workers), seconds=CHANGE_SECONDS):
            raise ScaleFailedError(what, workers)
        ended = monotonic()
    return watch.change(what, ended, PARTITIONS)


def _audit(broker: KafkaBroker, shown: Sequence[_Stage], found: Scaled) -> None:
    """Compare what was shown at the end of each stage: all had taken the same set of events."""
    audit = audit_records(
        read_topics(broker.bootstrap), load_catalogue(), LAST_DAY, partitions=PARTITIONS
    )
    for what, workers, persons in shown:
        comparison = compare_exposed(audit, workers, persons)
        if comparison.differences or not comparison.compared:
            raise ScaleFailedError(f"{what}: {comparison.differences[:5]}", [])
        found.figures += comparison.compared


def _settled(workers: Sequence[Worker]) -> bool:
    return share_partitions(workers, PARTITIONS)


def _urls(workers: Sequence[Worker]) -> list[str]:
    return [worker.url for worker in workers]


def _broker_processors(broker: KafkaBroker) -> float:
    return processor_seconds(broker.process.pid)
