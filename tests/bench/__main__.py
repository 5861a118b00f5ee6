"""`make bench`: the engines on one broker, a worker's costs, gateway, page, more workers, peers."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from itertools import islice
from pathlib import Path
from statistics import median
from time import monotonic

import click

from operations.programs.alerting import ALERTMANAGER, installed
from tests.bench.alert_latency import measure_alert_latencies
from tests.bench.capacity import ENTITIES_MEASURED, measure_capacity
from tests.bench.capacity_report import capacity_text
from tests.bench.engines import BARE, IDIOMATIC, Engine, Monitor, await_events, started
from tests.bench.gateway import measure_gateway
from tests.bench.page import measure_page
from tests.bench.peers.measure import measure_peers
from tests.bench.peers.report import peers_text
from tests.bench.probes import freshness, scrape_ms
from tests.bench.report import Findings, Operation, gateway_text, page_text, scale_text, text
from tests.bench.scale import measure_scale
from tests.bench.stage import Stage
from tests.bench.tables import CAPACITY_PAGE, PAGE, replace_section
from tests.bench.trials import measure_trials
from tests.bench.workloads import DISTINCT, Workload
from tests.support.kafka import KafkaBroker

ENGINES: tuple[Engine, ...] = (IDIOMATIC, BARE, Monitor())
FEW_ENTITIES = 1_000
#: By part: the mark of its section, and the page that has it.
SECTIONS = {
    "worker": ("", PAGE),
    "gateway": ("gateway ", PAGE),
    "page": ("page ", PAGE),
    "peers": ("peers ", PAGE),
    "scale": ("", CAPACITY_PAGE),
    "capacity": ("millions ", CAPACITY_PAGE),
}


@click.command()
@click.option("--rounds", default=3, show_default=True, help="How often each engine runs.")
@click.option(
    "--write",
    "into_page",
    is_flag=True,
    help="Put the result into docs/performance.md and docs/capacity.md.",
)
@click.option(
    "--only",
    type=click.Choice(["worker", "gateway", "page", "scale", "capacity", "peers"]),
    help="Measure one of the parts. Only if they are named: capacity, which takes long and much"
    " disk, and the peers, which are installed first.",
)
@click.option(
    "--entities",
    default=ENTITIES_MEASURED,
    show_default=True,
    type=click.IntRange(min=2),
    help="For capacity: how many entities, with five events for each two.",
)
def main(*, rounds: int, into_page: bool, only: str | None, entities: int) -> None:
    """Measure, print the tables, and report the progress on standard error."""
    for part in ("worker", "gateway", "page", "scale") if only is None else (only,):
        with tempfile.TemporaryDirectory(prefix="bench-") as name:
            folder = Path(name)
            with KafkaBroker(folder / "kafka", heap_mb=1024, jvm_options=()) as broker:
                found = _measured(part, broker, folder, rounds, entities)
        click.echo(found)
        if into_page:
            mark, page = SECTIONS[part]
            replace_section(mark, found, page=page)


def _measured(part: str, broker: KafkaBroker, folder: Path, rounds: int, entities: int) -> str:
    """Measure a part and return what was found, as Markdown."""
    match part:
        case "worker":
            stage = Stage(broker)
            trials = measure_trials(stage, ENGINES, folder, rounds, report=_report)
            operation = measure_operation(stage, folder)
            return text(Findings(trials, operation, stage.mean_event_bytes))
        case "gateway":
            return gateway_text(measure_gateway(broker, folder, rounds, report=_report))
        case "page":
            return page_text(measure_page(broker, folder, report=_report))
        case "scale":
            return scale_text(measure_scale(broker, folder, report=_report))
        case "capacity":
            return capacity_text(
                measure_capacity(broker, folder, report=_report, entities=entities)
            )
        case _:
            return peers_text(measure_peers(broker, folder, rounds, report=_report))


def measure_operation(stage: Stage, folder: Path) -> Operation:
    """Recover, scrape and probe a worker, with few entities and with many."""
    ready: dict[int, float] = {}
    scrapes: dict[int, float] = {}
    waits: list[float] = []
    for entities in (FEW_ENTITIES, DISTINCT.entities):
        stage.preload(_of_the_first(entities))
        with stage.application(DISTINCT) as application:
            with started(application, folder) as worker:
                worker.wait_ready()
                await_events(worker, application.events)
                stage.await_committed(application)
                scrapes[entities] = scrape_ms(worker)
            ready[entities] = Monitor().restore(stage, application, folder)
            _report(f"{entities} entities: {ready[entities]:.1f} s to ready")
            if entities == DISTINCT.entities:
                with started(application, folder) as worker:
                    worker.wait_ready()
                    waits = freshness(worker, application)
    return Operation(ready, scrapes, waits, alert_latencies(stage, folder))


def alert_latencies(stage: Stage, folder: Path) -> list[float]:
    """Measure the alerts where Prometheus and Alertmanager are installed; else report that."""
    if ALERTMANAGER not in installed():
        _report("no Prometheus and Alertmanager on the path: the latency of alerts is not measured")
        return []
    stage.preload(_of_the_first(FEW_ENTITIES))
    with stage.application(DISTINCT) as application:
        waits = measure_alert_latencies(application.bootstrap, application.app_id, folder)
    _report(f"{len(waits)} alerts: {median(waits):.2f} s from acknowledgement to webhook")
    return waits


def _of_the_first(entities: int) -> Workload:
    return replace(DISTINCT, events=lambda: islice(DISTINCT.events(), entities))


def _report(line: str) -> None:
    click.echo(f"{monotonic() - BEGAN:6.1f} s  {line}", err=True)


BEGAN = monotonic()

if __name__ == "__main__":
    main()
