"""The delegate's page with few entities and with many: how soon it answers, and what it takes."""

from __future__ import annotations

import http.client
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import monotonic
from typing import Final

from catalogue.loader import load_catalogue
from catalogue.metrics import PAGE_LEDGER_EVENTS, PAGE_LEDGER_LAG
from events.cloudevent import encode_structured
from events.fact import Family
from tests.bench.application import Application
from tests.bench.engines import await_events, peak_memory_mb, processor_seconds, started
from tests.bench.exposed import exposed_sum
from tests.bench.region import ENTITIES, REGION, dataset_id, grant_id, uai
from tests.bench.stage import Stage
from tests.support.kafka import KafkaBroker
from tests.support.waiting import wait_until
from tests.support.workers import Worker

FEW: Final = 1_000
ROUNDS: Final = 20
PAST_DAYS: Final = 3
READ_SECONDS: Final = 300.0
TODAY: Final = date(2020, 12, 31)
INDICATORS: Final = tuple(one.id for one in load_catalogue().indicators if one.publication is None)
"""Those that are not about persons: the others have no evidence."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A kind of page: its addresses in a round, by what is shown, and the bound on its median."""

    name: str
    limit_ms: float
    paths: Callable[[int], Mapping[str, str]]


def _evidence(_: int) -> dict[str, str]:
    return {one: f"/promesses/{one}/preuves" for one in INDICATORS}


def _changes(number: int) -> dict[str, str]:
    since = TODAY - timedelta(days=365 - number)
    return {one: f"/promesses/{one}/changements?since={since}" for one in INDICATORS}


def _events(number: int) -> dict[str, str]:
    return {
        "schools": f"/entites/schools/{uai(number)}",
        "grants": f"/entites/grants/{grant_id(number)}",
        "datasets": f"/entites/datasets/{dataset_id(number)}",
    }


ASKED: Final = (
    Asked("overview, today", 50, lambda _: {"": "/"}),
    Asked(
        "overview, a day that nobody asked for before",
        50,
        lambda number: {"": f"/?as_of={TODAY - timedelta(days=40 + 40 * number)}"},
    ),
    Asked("entities behind a figure", 200, _evidence),
    Asked("entities that changed a figure in a year", 200, _changes),
    Asked("events of an entity", 200, _events),
)


@dataclass(frozen=True, slots=True)
class PageResult:
    """A page over so many entities. Waits are in seconds, by the name of what was asked."""

    entities: int
    events: int
    ready_seconds: float
    read_seconds: float
    """From the start of its process until it has all events."""
    waits: Mapping[str, Mapping[str, Sequence[float]]]
    """Of each kind of page by what it shows: an indicator, or a family."""
    processor_ms: Mapping[str, float]
    """Milliseconds of the processor in the page's process, the mean by kind of page."""
    past_seconds: Sequence[float]
    """Of overviews of past days as known then, each asked for the first time."""
    peak_mb: float
    past_peak_mb: float
    """The same after the past days."""
    load: tuple[float, float]
    """The machine's load (of a minute) before and after."""

    def wait_ms(self, asked: Asked) -> list[float]:
        return [1000 * wait for waits in self.waits[asked.name].values() for wait in waits]

    def slowest(self, asked: Asked) -> tuple[str, float]:
        """Return what takes longest of a kind of page, and its median in milliseconds."""
        found = {shown: 1000 * median(waits) for shown, waits in self.waits[asked.name].items()}
        return max(found.items(), key=lambda one: one[1])


class PageFailedError(Exception):
    def __init__(self, problem: str, *, log: str) -> None:
        super().__init__(f"{problem}; the end of its log:\n{log[-4000:]}")


def measure_page(
    broker: KafkaBroker,
    folder: Path,
    *,
    report: Callable[[str], None],
    sizes: Sequence[int] = (FEW, ENTITIES),
    rounds: int = ROUNDS,
) -> tuple[PageResult, ...]:
    """Return what was found with few entities, and then with more: all of the Région's.

    Raises PageFailedError.
    """
    stage, found, sent = Stage(broker), [], 0
    app_id = "bench-page"
    application = Application(broker.bootstrap, app_id, Family.SCHOOLS, 0)
    with started(application, folder) as worker:
        worker.wait_ready()
        for first, last in pairwise((0, *sizes)):
            sent += _send(stage, first / ENTITIES, last / ENTITIES)
            await_events(worker, sent)
            report(f"{last} entities: {sent} events are counted")
            found.append(_measured(application, folder, last, rounds, report, worker.url))
    return tuple(found)


def _send(stage: Stage, first: float, last: float) -> int:
    sent = 0
    for part in REGION.values():
        records = [encode_structured(event) for event in part.events(first, last)]
        stage.send(part.family, records)
        sent += len(records)
    return sent


def _measured(
    application: Application,
    folder: Path,
    entities: int,
    rounds: int,
    report: Callable[[str], None],
    workers: str,
) -> PageResult:
    began = monotonic()
    with _page(application, folder, workers) as page:
        page.wait_ready()
        ready = monotonic() - began
        wait_until(lambda: _has_read_all(page) or not page.alive, seconds=READ_SECONDS)
        if not _has_read_all(page):
            raise PageFailedError("it did not read all events", log=page.log)
        read = monotonic() - began
        report(f"{entities} entities: ready after {ready:.1f} s, all events read after {read:.1f}")
        load = os.getloadavg()[0]
        waits: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        processors: dict[str, float] = defaultdict(float)
        for number in range(-1, rounds):
            for asked in ASKED:
                used = processor_seconds(page.process.pid)
                for shown, path in asked.paths(max(number, 0)).items():
                    wait = _wait(page, path)
                    if number >= 0:  # The round before the first is to warm up.
                        waits[asked.name][shown].append(wait)
                if number >= 0:
                    processors[asked.name] += processor_seconds(page.process.pid) - used
        for asked in ASKED:
            of_all = [1000 * wait for one in waits[asked.name].values() for wait in one]
            report(f"{entities} entities: {asked.name}: {median(of_all):.0f} ms")
        peak = peak_memory_mb(page.process.pid)
        past = [
            _wait(page, f"/?known_on={day}&as_of={day}")
            for day in (TODAY - timedelta(days=90 * (number + 1)) for number in range(PAST_DAYS))
        ]
        report(f"{entities} entities: a past day: {median(past):.1f} s")
        return PageResult(
            entities,
            round(exposed_sum(page.metrics(), PAGE_LEDGER_EVENTS.name)),
            ready,
            read,
            waits,
            {
                name: 1000 * processors[name] / sum(map(len, by_shown.values()))
                for name, by_shown in waits.items()
            },
            past,
            peak,
            peak_memory_mb(page.process.pid),
            (load, os.getloadavg()[0]),
        )


@contextmanager
def _page(application: Application, folder: Path, workers: str) -> Iterator[Worker]:
    """Yield a page that is starting, as it is deployed: with a folder for what outgrows memory."""
    page = Worker(
        application.bootstrap,
        folder,
        name="page",
        command="page",
        settings={
            "SMART_REGION_APP_ID": application.app_id,
            "SMART_REGION_WORK_FOLDER": str(folder),
            "SMART_REGION_WORKERS": workers,
        },
    )
    page.start()
    try:
        yield page
    finally:
        page.stop()


def _has_read_all(page: Worker) -> bool:
    return page.shows(f"{PAGE_LEDGER_LAG} 0.0")


def _wait(page: Worker, path: str) -> float:
    """Return how long a browser waits for a whole page."""
    connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=60)
    try:
        connection.connect()
        began = monotonic()
        connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
        answer = connection.getresponse()
        answer.read()
        waited = monotonic() - began
    finally:
        connection.close()
    if answer.status != http.HTTPStatus.OK:
        raise PageFailedError(f"{path} was answered with {answer.status}", log=page.log)
    return waited
