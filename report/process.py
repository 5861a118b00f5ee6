"""The page's process: starts, follows the broker, and serves until a signal or a failure."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from boundary.logs import configure_logging, log_end
from boundary.private_files import write_private_files
from boundary.web import Readiness, probe_routes, serve
from catalogue import metrics
from catalogue.loader import load_catalogue
from report.follower import Follower
from report.ledger import EventLedger
from report.server import PageServer
from report.settings import PageSettings
from report.site import PageSite, page_site
from streams.metric_families import family_of, single
from streams.queries.opening import collector_plan


class PageCollector(Collector):
    """A collector of what the page has read, and of the answers by status."""

    def __init__(self, follower: Follower, answers: Mapping[int, int]) -> None:
        self._follower = follower
        self._answers = answers

    def collect(self) -> Iterator[Metric]:
        """Yield every metric family of the page's vocabulary."""
        follower = self._follower
        is_ready = follower.readiness().waiting_for is None
        yield single(metrics.PAGE_READY, int(is_ready))
        yield single(metrics.PAGE_LEDGER_EVENTS, follower.ledger.events)
        lag = family_of(metrics.PAGE_LEDGER_LAG)
        if follower.ledger_lag is not None:
            lag.add_metric([], follower.ledger_lag)
        yield lag
        requests = family_of(metrics.PAGE_REQUESTS)
        for status, count in sorted(self._answers.items()):
            requests.add_metric([str(status)], count)
        yield requests


logger = logging.getLogger(__name__)


def run_page(settings: PageSettings) -> int:
    """Serve the page until SIGTERM or SIGINT; return the exit status.

    0 after a signal, 1 after a failure, whose reason is in the log. Raises a SmartRegionError where
    it cannot start.
    """
    configure_logging(settings.log_level, settings.log_format)
    write_private_files()  # DuckDB makes files of events where they do not fit into memory.
    catalogue = load_catalogue(settings.catalogue)
    # Errors of the configuration are raised before anything starts.
    collector_plan(settings)
    site = page_site(settings, catalogue)
    memory = f"{settings.page_ledger_mb}MB"
    with EventLedger(memory=memory, spill=settings.work_folder) as ledger:
        return asyncio.run(_run(settings, Follower(settings, catalogue, ledger), site))


async def _run(settings: PageSettings, follower: Follower, site: PageSite) -> int:
    stopping = threading.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    server = PageServer(
        follower.catalogue,
        follower.ledger,
        follower,
        follower.clock.today,
        lambda: follower.version,
        site,
    )
    probes = probe_routes(
        PageCollector(follower, server.answers),
        lambda: _for_readers(follower),
        settings.metrics_guard(),
    )
    async with serve(
        server.app(probes),
        host=settings.http_host,
        port=settings.page_port,
        setting="page_port",
        tls=settings.server_context(),
    ) as address:
        logger.info("serving address=%s", address)
        follows = (follower.follow_figures, follower.follow_events)
        ended = await asyncio.gather(
            *(asyncio.to_thread(_until_stopped, follow, stopping) for follow in follows),
            return_exceptions=True,
        )
        server.close()
    await server.end_work()
    failed = [error for error in ended if error is not None]
    for error in failed:
        log_end(logger, error)
    if failed:
        return 1
    logger.info("stopped reason=signal")
    return 0


def _for_readers(follower: Follower) -> Readiness:
    """Return the readiness without its reason, which names addresses and is only logged."""
    return Readiness(None if follower.readiness().waiting_for is None else "the figures")


def _until_stopped(follow: Callable[[threading.Event], None], stopping: threading.Event) -> None:
    """Follow until `stopping` is set; a failure sets it, because neither part works alone."""
    try:
        follow(stopping)
    finally:
        stopping.set()
