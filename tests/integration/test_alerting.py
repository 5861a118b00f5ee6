"""From events to notifications on the real programs: what must fire, and what must not.

Workers and an assessor on Apache Kafka, a Prometheus that scrapes them and evaluates the generated
rules each second, an Alertmanager, and a webhook for the notifications of owners and delegate.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import pytest

from boundary.errors import SmartRegionError
from catalogue import metrics
from catalogue.progress import MilestoneStatus
from dashboards import conventions
from dashboards.rules.alerts import Scope
from events.topics import DEFAULT_PARTITIONS
from tests.support.alerting import (
    DELEGATE,
    OWNER,
    connected,
    corrected,
    disconnected,
    followed,
    milestone_of,
    notifications,
    promises,
)
from tests.support.kafka import KafkaBroker
from tests.support.prometheus import Monitoring, Prometheus, require_prometheus
from tests.support.traffic import a_year, message_of, send, wait_done
from tests.support.waiting import wait_until
from tests.support.webhooks import Webhook, webhook_server
from tests.support.workers import Worker, WorkerFactory, supervised

pytestmark = pytest.mark.timeout(300)

SECONDS = 60
SETTLE_SECONDS = 120
#: After every deadline of the Région's catalogue.
TODAY = "2021-01-31"
LYCEES = 3


# What must fire


def test_an_event_fires_an_alert_and_its_correction_resolves_it(
    broker: KafkaBroker,
    factory: WorkerFactory,
    monitoring: Monitoring,
    webhook: Webhook,
    tmp_path: Path,
) -> None:
    catalogue = promises(tmp_path / "catalogue", LYCEES)
    worker = factory.worker(catalogue=str(catalogue))
    assessor = factory.assessor(catalogue=str(catalogue), workers=worker.url)
    worker.start()
    worker.wait_ready()
    send(broker.bootstrap, [message_of(connected(number)) for number in range(LYCEES)])
    assert wait_done(broker.bootstrap, seconds=SECONDS)
    assessor.start()
    assessor.wait_ready()
    prometheus = followed(
        monitoring,
        tmp_path / "rules",
        catalogue,
        workers=[worker],
        assessor=assessor,
        webhook=webhook,
    )

    def reported(*, firing: bool) -> set[str]:
        name = "MilestoneMissed"
        return {
            one.milestone
            for one in notifications(webhook)
            if (one.alert, one.firing) == (name, firing)
        }

    achieved = f'sum({conventions.MILESTONE_STATUS}{{status="{MilestoneStatus.ACHIEVED}"}})'
    assert wait_until(lambda: prometheus.value(achieved) == LYCEES, seconds=SECONDS)
    assert list(notifications(webhook)) == []

    send(broker.bootstrap, [message_of(disconnected(0))])
    assert wait_until(lambda: bool(reported(firing=True)), seconds=SECONDS)
    send(broker.bootstrap, [message_of(corrected(0))])
    assert wait_until(lambda: bool(reported(firing=False)), seconds=SECONDS)

    assert reported(firing=True) == reported(firing=False) == {milestone_of(LYCEES)}


# What must not


@dataclass(frozen=True)
class Followed:
    """A monitor that has processed a year and whose alerts have been sent."""

    broker: KafkaBroker
    worker: Worker
    second: Worker
    assessor: Worker
    prometheus: Prometheus
    webhook: Webhook


@pytest.fixture(scope="module")
def monitor(
    shared_broker: KafkaBroker,
    shared_factory: WorkerFactory,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Followed]:
    require_prometheus()
    folder = tmp_path_factory.mktemp("alerting")
    monitoring = Monitoring(folder / "monitoring")
    worker, second = (shared_factory.worker(name, clock=TODAY) for name in ("first", "second"))
    workers = f"{worker.url},{second.url}"
    assessor = shared_factory.assessor(clock=TODAY, workers=workers)
    try:
        with webhook_server() as webhook, supervised(worker), supervised(assessor):
            send(shared_broker.bootstrap, a_year())
            assert wait_done(shared_broker.bootstrap, seconds=SETTLE_SECONDS), worker.log[-3000:]
            assessor.wait_ready()
            prometheus = followed(
                monitoring,
                folder / "rules",
                None,
                workers=[worker, second],
                assessor=assessor,
                webhook=webhook,
            )
            yield Followed(shared_broker, worker, second, assessor, prometheus, webhook)
    finally:
        monitoring.stop_all()


def a_worker_is_killed(monitor: Followed) -> None:
    _killed(monitor.worker)


def the_assessor_is_killed(monitor: Followed) -> None:
    _killed(monitor.assessor)


def a_worker_joins_and_leaves(monitor: Followed) -> None:
    monitor.second.start()
    monitor.second.wait_ready()
    assert monitor.second.readiness()["partitions"]
    assert monitor.second.stop() == 0


def the_broker_restarts(monitor: Followed) -> None:
    monitor.broker.stop()
    monitor.broker.start()


def _killed(victim: Worker) -> None:
    process = victim.process
    victim.kill()
    assert wait_until(lambda: victim.process is not process, seconds=SECONDS)


@pytest.mark.nightly
@pytest.mark.parametrize(
    "disturb",
    [
        a_worker_is_killed,
        the_broker_restarts,
        the_assessor_is_killed,
        a_worker_joins_and_leaves,
    ],
)
def test_no_alert_about_figures_begins_or_ends(
    monitor: Followed, disturb: Callable[[Followed], None]
) -> None:
    firing = settled(monitor)
    before, began = len(received(monitor.webhook)), ceil(time.time())

    with traffic(monitor.broker.bootstrap):
        disturb(monitor)
    assert wait_done(monitor.broker.bootstrap, seconds=SETTLE_SECONDS), monitor.worker.log[-3000:]
    assert wait_until(lambda: owns_all(monitor.worker), seconds=SECONDS)
    monitor.assessor.wait_ready()
    complete = f"{conventions.PARTITIONS_SHOWN} == {conventions.PARTITIONS_EXPECTED}"
    assert wait_until(lambda: bool(monitor.prometheus.query(complete)), seconds=SECONDS)

    assert since(monitor.prometheus, began) == firing
    assert received(monitor.webhook)[before:] == []


def owns_all(worker: Worker) -> bool:
    readiness = worker.readiness()
    return bool(readiness.get("ready")) and len(readiness["partitions"]) == DEFAULT_PARTITIONS


@contextmanager
def traffic(bootstrap: str) -> Iterator[None]:
    """Send a year of events; again if the broker is down for longer than a command waits."""

    def is_sent() -> bool:
        with suppress(SmartRegionError):
            send(bootstrap, a_year())
            return True
        return False

    with ThreadPoolExecutor(1) as threads:
        sent = threads.submit(wait_until, is_sent, seconds=SETTLE_SECONDS)
        yield
        assert sent.result()


def received(webhook: Webhook) -> list[tuple[str, object]]:
    return [(path, body) for path, body in webhook.received if path in (OWNER, DELEGATE)]


Labels = frozenset[tuple[str, str]]


def settled(monitor: Followed) -> Mapping[Labels, float]:
    """Wait until the firing alerts are those that the assessor judges, and both were notified.

    Returns since when each alert about figures fires.
    """
    prometheus, webhook = monitor.prometheus, monitor.webhook

    def judged(status: MilestoneStatus) -> int:
        return len(prometheus.query(f'{metrics.MILESTONE_STATUS}{{status="{status}"}} == 1'))

    def notified(path: str) -> set[Labels]:
        return {labels_of(one.labels) for one in notifications(webhook, path) if one.firing}

    def is_settled() -> bool:
        about = (one["labels"] for one in prometheus.alerts())
        firing = {labels_of(one) for one in about if one[conventions.SCOPE] == Scope.FIGURES}
        kinds = Counter(dict(labels)["alertname"] for labels in firing)
        missed, at_risk = judged(MilestoneStatus.MISSED), judged(MilestoneStatus.AT_RISK)
        return (
            kinds["MilestoneMissed"] == missed > 0
            and kinds["MilestoneAtRisk"] == at_risk
            and firing == notified(OWNER) == notified(DELEGATE)
        )

    assert wait_until(is_settled, seconds=SETTLE_SECONDS, every=0.5), monitor.assessor.log[-3000:]
    return since(prometheus, time.time())


def since(prometheus: Prometheus, began: float) -> Mapping[Labels, float]:
    """Return what has rung without a pause from then on; fails where anything began or ended."""
    now = max(time.time(), began)
    lines = prometheus.query_range(
        f'ALERTS_FOR_STATE{{scope="{Scope.FIGURES}"}}', began, now, step="1s"
    )
    moments = int(now - began) + 1
    assert [line for line in lines if len(line.points) < moments] == []
    assert [line for line in lines if len({value for _, value in line.points}) > 1] == []
    return {labels_of(line.labels): line.points[0][1] for line in lines}


def labels_of(labels: Mapping[str, str]) -> Labels:
    return frozenset(labels.items())
