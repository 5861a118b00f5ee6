"""The worker beside two other ways to do part of its work, and what it costs its operator."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from statistics import mean, median, quantiles
from threading import Event
from time import monotonic

from catalogue.metrics import INDICATOR_VALUE
from catalogue.progress import MilestoneStatus
from dashboards.conventions import MILESTONE_STATUS
from events.cloudevent import encode_structured
from events.identifiers import Department
from operations.programs.alerting import ALERTMANAGER, installed
from sources.client import KafkaPublisher, PublisherOptions
from tests.bench.application import Application
from tests.bench.engines import ENGINES, MONITOR, await_events, measure_trials, throughput
from tests.bench.harness import Bench, BenchError, page_of, rounded, table
from tests.bench.probes import exposed_sum, scrape_ms
from tests.bench.stage import Stage
from tests.bench.workloads import DISTINCT, WORKLOADS, Workload, grant
from tests.support.alerting import (
    connected,
    disconnected,
    followed,
    milestone_of,
    notifications,
    promises,
)
from tests.support.prometheus import Monitoring
from tests.support.sources import source_of
from tests.support.waiting import wait_until
from tests.support.webhooks import Webhook, webhook_server
from tests.support.workers import Worker

FEW_ENTITIES = 1_000
PROBES = 60
ALERTS = 20
PROMETHEUSES = 5
"""Their moments within a second are chance, and stay what they are: several are asked in turn."""
ALERT_SECONDS, LOOK_SECONDS = 60.0, 0.005


def measure_worker(bench: Bench) -> str:
    stage = Stage(bench.broker)
    trials = measure_trials(bench, stage, ENGINES)
    rows = _operation(bench, stage)
    sizes = ", ".join(f"{workload.name} {_event_bytes(workload)}" for workload in WORKLOADS)
    return page_of(
        f"{bench.conditions('faust-streaming', 'aiokafka', 'pydantic')}"
        f" Mean size of an event in bytes: {sizes}.",
        *(throughput(trials, workload) for workload in WORKLOADS),
        table(["what", "measured"], rows),
    )


def _event_bytes(workload: Workload) -> int:
    sample = islice(workload.events(), 0, None, 100)
    return round(mean(len(encode_structured(event).value) for event in sample))


def _operation(bench: Bench, stage: Stage) -> list[list[str]]:
    """Recover, scrape and probe a worker, with few entities and with many; return rows."""
    starts, scrapes, waits = [], [], list[float]()
    for workload in (_of_the_first(FEW_ENTITIES), DISTINCT):
        many = rounded(workload.entities)
        stage.preload(workload)
        with stage.application(workload) as application:
            app_id = application.app_id
            with bench.started(app_id, app_id=app_id) as worker:
                worker.wait_ready()
                await_events(worker, application.events)
                stage.await_committed(application)
                ms = scrape_ms(worker)
            scrapes.append([f"a scrape of /metrics, {many} entities, median", f"{ms:.0f} ms"])
            ready = MONITOR.restore(bench, stage, application, workload.entities)
            what = f"start of a worker to ready, {many} entities to recover"
            starts.append([what, f"{ready:.1f} s"])
            bench.report(f"{many} entities: {ready:.1f} s to ready")
            if workload is DISTINCT:
                with bench.started(app_id, app_id=app_id) as worker:
                    worker.wait_ready()
                    waits = [1000 * seconds for seconds in _freshness(worker, application)]
    what = f"an event's acknowledgement to its figure on /metrics, median of {len(waits)}"
    return [
        *starts,
        *scrapes,
        [what, f"{median(waits):.0f} ms"],
        ["the same, 95th percentile", f"{quantiles(waits, n=20)[-1]:.0f} ms"],
        *_alerts(bench, stage),
    ]


def _of_the_first(entities: int) -> Workload:
    return replace(DISTINCT, entities=entities, events=lambda: islice(DISTINCT.events(), entities))


def _freshness(worker: Worker, application: Application) -> list[float]:
    """Return seconds from the broker's acknowledgement of an event to its figure on /metrics.

    One grant at a time (workers show nothing of enrolments); then /metrics is read without a pause
    until the figure has risen.
    """

    def committed_in_paris() -> float:
        paris = "75"
        labels = {"indicator": "grants_committed_euros", "department": paris}
        return exposed_sum(worker.metrics(), INDICATOR_VALUE.name, **labels)

    waits = []
    with KafkaPublisher(application.bootstrap, options=PublisherOptions(linger_ms=0)) as publisher:
        for number in range(PROBES):
            before = committed_in_paris()
            source = f"{source_of('grant.committed')}:probe"
            publisher.publish(grant(number, Department("75"), source=source))
            publisher.flush()
            acknowledged = monotonic()
            while committed_in_paris() <= before:
                pass
            waits.append(monotonic() - acknowledged)
    return waits


def _alerts(bench: Bench, stage: Stage) -> list[list[str]]:
    """Measure the latency of alerts where Prometheus and Alertmanager are installed."""
    if ALERTMANAGER not in installed():
        bench.report("no Prometheus and Alertmanager on the path: no latency of alerts")
        return []
    workload = _of_the_first(FEW_ENTITIES)
    stage.preload(workload)
    with stage.application(workload) as application:
        waits = alert_latencies(bench, application.app_id)
    bench.report(f"{len(waits)} alerts: {median(waits):.2f} s from acknowledgement to webhook")
    what = "an event's acknowledgement to the webhook of its alert, at intervals of 1 s"
    return [[f"{what}, median of {len(waits)}", f"{median(waits):.2f} s"]]


def alert_latencies(bench: Bench, app_id: str) -> list[float]:
    """Return the seconds from each of 20 disconnections to its notification; the topics exist.

    One at a time, each makes one more milestone be missed, so that each message is a new one.
    """
    catalogue = promises(bench.folder / "catalogue", ALERTS)
    settings = {"app_id": app_id, "catalogue": str(catalogue)}
    chance, waits = random.Random(ALERTS), list[float]()
    left = ALERTS
    with ExitStack() as stack:
        webhook = stack.enter_context(webhook_server())
        worker = stack.enter_context(bench.started("worker", **settings))
        assessor = stack.enter_context(
            bench.started("assessor", command="assessor", workers=worker.url, **settings)
        )
        options = PublisherOptions(linger_ms=0)
        publisher = stack.enter_context(KafkaPublisher(bench.broker.bootstrap, options=options))
        for process in (worker, assessor):
            process.wait_ready()
        for number in range(ALERTS):
            publisher.publish(connected(number))
        publisher.flush()
        for number in range(PROMETHEUSES):
            folder = bench.folder / f"prometheus-{number}"
            with _followed(folder, catalogue, worker, assessor, webhook, achieved=left):
                for _ in range(ALERTS // PROMETHEUSES):
                    # Else each would begin where the last one ended: in step with the evaluations.
                    Event().wait(chance.random())
                    publisher.publish(disconnected(left - 1))
                    publisher.flush()
                    waits.append(_latency(webhook, milestone_of(left), acknowledged=monotonic()))
                    left -= 1
    return waits


@contextmanager
def _followed(
    folder: Path,
    catalogue: Path,
    worker: Worker,
    assessor: Worker,
    webhook: Webhook,
    *,
    achieved: int,
) -> Iterator[None]:
    """Run Prometheus and Alertmanager, once they know how many milestones are achieved."""
    monitoring = Monitoring(folder)
    try:
        prometheus = followed(
            monitoring,
            folder / "rules",
            catalogue,
            workers=[worker],
            assessor=assessor,
            webhook=webhook,
        )
        question = f'sum({MILESTONE_STATUS}{{status="{MilestoneStatus.ACHIEVED}"}})'
        if not wait_until(lambda: prometheus.value(question) == achieved, seconds=ALERT_SECONDS):
            raise BenchError(f"{question} is not {achieved}")
        yield
    finally:
        monitoring.stop_all()


def _latency(webhook: Webhook, milestone: str, *, acknowledged: float) -> float:
    def moments() -> list[float]:
        return [
            one.moment - acknowledged
            for one in notifications(webhook)
            if (one.alert, one.milestone) == ("MilestoneMissed", milestone) and one.firing
        ]

    if not wait_until(lambda: bool(moments()), seconds=ALERT_SECONDS, every=LOOK_SECONDS):
        raise BenchError(f"no alert of {milestone} within {ALERT_SECONDS:.0f} s")
    return moments()[0]
