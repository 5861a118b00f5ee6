"""The delegate's page with few entities and with many: how soon it answers, and what it takes."""

from __future__ import annotations

import http.client
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from statistics import median, quantiles
from time import monotonic
from typing import Final

from catalogue.loader import load_catalogue
from catalogue.metrics import PAGE_LEDGER_EVENTS, PAGE_LEDGER_LAG
from tests.bench.engines import await_events
from tests.bench.harness import Bench, BenchError, page_of, rounded, table
from tests.bench.probes import exposed_sum, processor_seconds
from tests.bench.region import ENTITIES, REGION, dataset_id, grant_id, uai
from tests.bench.stage import Stage
from tests.support.processes import peak_memory_mb
from tests.support.waiting import wait_until
from tests.support.workers import Worker

SIZES: Final = (1_000, ENTITIES)
ROUNDS: Final = 20
PAST_DAYS: Final = 3
READ_SECONDS: Final = 300.0
TODAY: Final = date(2020, 12, 31)
APP_ID: Final = "bench-page"
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


def _no_waits() -> dict[str, dict[str, list[float]]]:
    return defaultdict(lambda: defaultdict(list))


@dataclass
class _Found:
    """What a page over so many entities takes."""

    waits_ms: dict[str, dict[str, list[float]]] = field(default_factory=_no_waits)
    """Of each kind of page by what it shows: an indicator, or a family."""
    processor_ms: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    """The mean in the page's process by kind of page."""
    costs: dict[str, str] = field(default_factory=dict)

    def of(self, asked: Asked) -> list[float]:
        return [wait for waits in self.waits_ms[asked.name].values() for wait in waits]


def measure_page(bench: Bench) -> str:
    """Measure with few entities, and then with more: all of the Région's."""
    stage, found, sent = Stage(bench.broker), [], 0
    with bench.started("worker", app_id=APP_ID) as worker:
        worker.wait_ready()
        for first, last in pairwise((0, *SIZES)):
            for part in REGION.values():
                sent += stage.send(part.events(first / ENTITIES, last / ENTITIES))
            await_events(worker, sent)
            bench.report(f"{last} entities: {sent} events are counted")
            found.append(_measured(bench, last, worker.url))
    few, many = found
    counts = [f"{rounded(size)} entities" for size in SIZES]
    header = ["median, ms", *counts, "ratio", "95th percentile", "limit", "processor ms"]
    return page_of(
        bench.conditions("starlette", "uvicorn", "duckdb", "jinja2"),
        table(header, [row for asked in ASKED for row in _rows(asked, few, many)]),
        table(["what", *counts], [[what, few.costs[what], many.costs[what]] for what in few.costs]),
    )


def _rows(asked: Asked, few: _Found, many: _Found) -> Iterator[list[str]]:
    """Yield the row of a kind of page, and that of what takes it longest with many entities."""

    def row(what: str, of_few: list[float], of_many: list[float], processor: str) -> list[str]:
        waits = [median(of_few), median(of_many)]
        return [
            what,
            *(f"{wait:.1f}" for wait in waits),
            f"**{waits[1] / waits[0]:.1f}**",
            f"{quantiles(of_many, n=20)[-1]:.1f}",
            f"{asked.limit_ms:.0f}",
            processor,
        ]

    yield row(asked.name, few.of(asked), many.of(asked), f"{many.processor_ms[asked.name]:.0f}")
    by_shown = many.waits_ms[asked.name]
    slowest = max(by_shown, key=lambda shown: median(by_shown[shown]))
    if slowest:
        of_few = few.waits_ms[asked.name][slowest]
        yield row(f"the slowest of these, `{slowest}`", of_few, by_shown[slowest], "")


def _measured(bench: Bench, entities: int, workers: str) -> _Found:
    found, began = _Found(), monotonic()
    # As it is deployed: with a folder for what outgrows memory.
    settings = {"app_id": APP_ID, "work_folder": str(bench.folder), "workers": workers}
    with bench.started("page", command="page", **settings) as page:
        pid = page.process.pid
        page.wait_ready()
        ready = monotonic() - began
        everything = f"{PAGE_LEDGER_LAG} 0.0"
        wait_until(lambda: page.shows(everything) or not page.alive, seconds=READ_SECONDS)
        if not page.shows(everything):
            raise BenchError("the page did not read all events", page.log)
        read = monotonic() - began
        bench.report(f"{entities} entities: ready after {ready:.1f} s, read after {read:.1f}")
        for number in range(-1, ROUNDS):
            for asked in ASKED:
                used = processor_seconds(pid)
                paths = asked.paths(max(number, 0))
                waits = {shown: _wait_ms(page, path) for shown, path in paths.items()}
                if number < 0:  # The round before the first is to warm up.
                    continue
                took = 1000 * (processor_seconds(pid) - used)
                found.processor_ms[asked.name] += took / (ROUNDS * len(paths))
                for shown, wait in waits.items():
                    found.waits_ms[asked.name][shown].append(wait)
        for asked in ASKED:
            bench.report(f"{entities} entities: {asked.name}: {median(found.of(asked)):.0f} ms")
        peak = peak_memory_mb(pid)
        days = [TODAY - timedelta(days=90 * (number + 1)) for number in range(PAST_DAYS)]
        past = [_wait_ms(page, f"/?known_on={day}&as_of={day}") / 1000 for day in days]
        found.costs = {
            "events in its ledger": rounded(exposed_sum(page.metrics(), PAGE_LEDGER_EVENTS.name)),
            "start to ready, s": f"{ready:.1f}",
            "start until all events are read, s": f"{read:.1f}",
            "a past day as known then, for its first reader, s": f"{median(past):.1f}",
            "peak memory, MB": f"{peak:.0f}",
            "the same after past days, MB": f"{peak_memory_mb(pid):.0f}",
        }
    return found


def _wait_ms(page: Worker, path: str) -> float:
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
        raise BenchError(f"{path} was answered with {answer.status}", page.log)
    return 1000 * waited
