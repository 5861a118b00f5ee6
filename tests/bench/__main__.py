"""`make bench`: the engines on one broker, a worker's costs, gateway, page, more workers, peers."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from statistics import median
from time import monotonic

import click

from operations.programs.alerting import AlertingPrograms
from tests.bench.alert_latency import measure_alert_latencies
from tests.bench.capacity import ENTITIES_MEASURED, measure_capacity
from tests.bench.capacity_report import capacity_text, write_capacity
from tests.bench.engines import BARE, IDIOMATIC, Engine, Monitor, await_events, started
from tests.bench.gateway import measure_gateway
from tests.bench.page import measure_page
from tests.bench.peers.measure import measure_peers
from tests.bench.peers.report import peers_text, write_peers
from tests.bench.probes import freshness, scrape_ms
from tests.bench.report import (
    Findings,
    Operation,
    gateway_text,
    page_text,
    scale_text,
    text,
    write,
    write_gateway,
    write_page,
    write_scale,
)
from tests.bench.scale import measure_scale
from tests.bench.stage import Stage
from tests.bench.trials import measure_trials
from tests.bench.workloads import DISTINCT, Workload
from tests.support.kafka import KafkaBroker

ENGINES: tuple[Engine, ...] = (IDIOMATIC, BARE, Monitor())
FEW_ENTITIES = 1_000


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
    if only in (None, "worker"):
        bench_worker(rounds, into_page=into_page)
    if only in (None, "gateway"):
        bench_gateway(rounds, into_page=into_page)
    if only in (None, "page"):
        bench_page(into_page=into_page)
    if only in (None, "scale"):
        bench_scale(into_page=into_page)
    if only == "capacity":
        bench_capacity(entities, into_page=into_page)
    if only == "peers":
        bench_peers(rounds, into_page=into_page)


@contextmanager
def _broker() -> Iterator[tuple[KafkaBroker, Path]]:
    """Yield a broker of its own, and a folder for what is measured on it."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        with KafkaBroker(folder / "kafka", heap_mb=1024, jvm_options=()) as broker:
            yield broker, folder


def bench_peers(rounds: int, *, into_page: bool) -> None:
    """Measure other stream processors beside the worker."""
    with _broker() as (broker, folder):
        found = measure_peers(broker, folder, rounds, report=_report)
    click.echo(peers_text(found))
    if into_page:
        write_peers(found)


def bench_scale(*, into_page: bool) -> None:
    """Measure one, two and four workers, once: what counts is what they cost together."""
    with _broker() as (broker, folder):
        found = measure_scale(broker, folder, report=_report)
    click.echo(scale_text(found))
    if into_page:
        write_scale(found)


def bench_capacity(entities: int, *, into_page: bool) -> None:
    """Measure many events, once."""
    with _broker() as (broker, folder):
        found = measure_capacity(broker, folder, report=_report, entities=entities)
    click.echo(capacity_text(found))
    if into_page:
        write_capacity(found)


def bench_page(*, into_page: bool) -> None:
    """Measure the delegate's page, once: each of its pages is asked for many times."""
    with _broker() as (broker, folder):
        found = measure_page(broker, folder, report=_report)
    click.echo(page_text(found))
    if into_page:
        write_page(found)


def bench_gateway(rounds: int, *, into_page: bool) -> None:
    """Measure the gateway beside a bare echo."""
    with _broker() as (broker, folder):
        found = measure_gateway(broker, folder, rounds, report=_report)
    click.echo(gateway_text(found))
    if into_page:
        write_gateway(found)


def bench_worker(rounds: int, *, into_page: bool) -> None:
    """Measure the engines, and the operation of a worker."""
    with _broker() as (broker, folder):
        stage = Stage(broker)
        trials = measure_trials(stage, ENGINES, folder, rounds, report=_report)
        operation = measure_operation(stage, folder)
    findings = Findings(trials, operation, stage.mean_event_bytes)
    click.echo(text(findings))
    if into_page:
        write(findings)


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
    programs = AlertingPrograms.installed()
    if programs is None or programs.alertmanager is None:
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
