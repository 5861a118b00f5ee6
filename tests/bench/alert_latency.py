"""The latency of alerts: from the broker's acknowledgement to the webhook, through all programs.

Worker, assessor, Prometheus and Alertmanager are the real ones, at the pace of `rules render --pace
live`: a scrape and an evaluation each second. Their moments within the second are chance, and stay
what they are as long as a Prometheus runs; so several are asked, one after the other.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event
from time import monotonic

from catalogue.progress import MilestoneStatus
from dashboards.conventions import MILESTONE_STATUS
from sources.client import KafkaPublisher, PublisherOptions
from tests.support.alerting import (
    connected,
    disconnected,
    followed,
    milestone_of,
    notifications,
    promises,
)
from tests.support.prometheus import Monitoring
from tests.support.waiting import wait_until
from tests.support.webhooks import Webhook, webhook_server
from tests.support.workers import Worker

ALERTS = 20
PROMETHEUSES = 5
SECONDS = 60.0
EVERY = 0.005


class SilentError(Exception):
    def __init__(self, what: str) -> None:
        super().__init__(f"{what}: not within {SECONDS:.0f} s")


def measure_alert_latencies(bootstrap: str, app_id: str, folder: Path) -> list[float]:
    """Return the seconds from each of 20 disconnections to its notification; the topics exist.

    One at a time, each makes one more milestone be missed, so that each message is a new one.
    """
    catalogue = promises(folder / "catalogue", ALERTS)
    settings = {"SMART_REGION_APP_ID": app_id, "SMART_REGION_CATALOGUE": str(catalogue)}
    worker = Worker(bootstrap, folder, name="worker", settings=settings)
    asking = {**settings, "SMART_REGION_WORKERS": worker.url}
    assessor = Worker(bootstrap, folder, name="assessor", command="assessor", settings=asking)
    chance, waits, left = random.Random(ALERTS), list[float](), ALERTS
    with ExitStack() as stack:
        webhook = stack.enter_context(webhook_server())
        options = PublisherOptions(linger_ms=0)
        publisher = stack.enter_context(KafkaPublisher(bootstrap, options=options))
        for process in (worker, assessor):
            stack.callback(process.kill)
            process.start()
            process.wait_ready()
        for number in range(ALERTS):
            publisher.publish(connected(number))
        publisher.flush()
        for number in range(PROMETHEUSES):
            own_folder = folder / f"prometheus-{number}"
            with _followed(own_folder, catalogue, worker, assessor, webhook, achieved=left):
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
        if not wait_until(lambda: prometheus.value(question) == achieved, seconds=SECONDS):
            raise SilentError(question)
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

    if not wait_until(lambda: bool(moments()), seconds=SECONDS, every=EVERY):
        raise SilentError(milestone)
    return moments()[0]
