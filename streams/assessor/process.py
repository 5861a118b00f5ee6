"""The assessor process: starts and runs until a signal or a failure."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from itertools import chain

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from boundary.logs import configure_logging, log_end
from boundary.web import make_app, probe_routes, serve
from catalogue import metrics
from catalogue.loader import load_catalogue
from catalogue.model import Catalogue
from streams.assessor.assessor import Assessor, AssessorSnapshot
from streams.assessor.series import (
    cell_points,
    explanation_counts,
    judgement_points,
    unexplained_points,
)
from streams.metric_families import family_of, midnight
from streams.queries.opening import collector_plan, open_histories
from streams.settings import Settings


class AssessorCollector(Collector):
    """A collector of an assessor's snapshot."""

    def __init__(self, catalogue: Catalogue, snapshot: Callable[[], AssessorSnapshot]) -> None:
        self._catalogue = catalogue
        self._snapshot = snapshot

    def collect(self) -> Iterator[Metric]:
        """Yield every metric family of the assessor's vocabulary."""
        snapshot = self._snapshot()
        assessment = snapshot.assessment
        as_of = snapshot.as_of if assessment is None else assessment.as_of
        families = {
            metric: family_of(metric) for metric in (metrics.AS_OF, *metrics.ASSESSOR_METRICS)
        }
        families[metrics.AS_OF].add_metric([], midnight(as_of))
        families[metrics.ASSESSOR_READY].add_metric([], int(assessment is not None))
        families[metrics.ASSESSOR_LAG].add_metric([], snapshot.lag)
        families[metrics.ASSESSOR_UNJUDGED].add_metric([], snapshot.unjudged)
        for partition, age in snapshot.ages.items():
            families[metrics.HISTORY_AGE].add_metric([str(partition)], age)
        if assessment is not None:
            for point in chain(
                judgement_points(self._catalogue, assessment.judgements),
                cell_points(assessment.catalogue, assessment.parts, assessment.as_of),
                unexplained_points(self._catalogue, assessment.explained),
                explanation_counts(self._catalogue, assessment.explanations),
            ):
                families[point.metric].add_metric(point.labels, point.value)
        yield from families.values()


logger = logging.getLogger(__name__)

#: How long a thread runs before it yields to another (Python's default: 5 ms). /metrics needs a
#: turn every few lines while other threads judge and read histories.
SWITCH_SECONDS = 0.0005


def run_assessor(settings: Settings) -> int:
    """Run an assessor until SIGTERM or SIGINT; return the exit status.

    The status is 0 after a signal, 1 after a failure, with its reason in the log. Raises a
    SmartRegionError if the assessor cannot start.
    """
    configure_logging(settings.log_level, settings.log_format)
    sys.setswitchinterval(SWITCH_SECONDS)
    # Configuration errors are raised before anything starts.
    catalogue = load_catalogue(settings.catalogue)
    collector_plan(settings)
    return asyncio.run(_run(settings, Assessor(catalogue, settings.make_clock(), explains=True)))


async def _run(settings: Settings, assessor: Assessor) -> int:
    stopping = threading.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    collector = AssessorCollector(assessor.catalogue, assessor.snapshot)
    async with serve(
        make_app(probe_routes(collector, assessor.readiness, settings.metrics_guard())),
        host=settings.http_host,
        port=settings.assessor_port,
        setting="assessor_port",
        tls=settings.server_context(),
    ) as address:
        logger.info("serving address=%s", address)
        try:
            # A judgement blocks, while /metrics must still be served.
            await asyncio.to_thread(_follow, settings, assessor, stopping)
        except Exception as error:  # noqa: BLE001 - any failure ends the process
            log_end(logger, error)
            return 1
    logger.info("stopped reason=signal")
    return 0


def _follow(settings: Settings, assessor: Assessor, stopping: threading.Event) -> None:
    with open_histories(settings, assessor.catalogue) as source:
        while not stopping.is_set():
            assessor.step(source)
