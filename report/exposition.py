"""The metrics of the page, at each scrape."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from catalogue import metrics
from report.ledger import LedgerFailedError
from streams.metric_families import family_of, single

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from report.follower import Follower


class PageCollector(Collector):
    """A collector of what the page has read, and of the answers by status."""

    def __init__(self, follower: Follower, answers: Mapping[int, int]) -> None:
        self._follower = follower
        self._answers = answers

    def describe(self) -> list[Metric]:
        """Return nothing, so that registration reads nothing."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield every metric family of the page's vocabulary."""
        follower = self._follower
        is_ready = follower.readiness().waiting_for is None
        yield single(metrics.PAGE_READY, int(is_ready))
        with suppress(LedgerFailedError):
            yield single(metrics.PAGE_LEDGER_EVENTS, follower.ledger.counts().stored)
        lag = family_of(metrics.PAGE_LEDGER_LAG)
        if follower.ledger_lag is not None:
            lag.add_metric([], follower.ledger_lag)
        yield lag
        requests = family_of(metrics.PAGE_REQUESTS)
        for status, count in sorted(self._answers.items()):
            requests.add_metric([str(status)], count)
        yield requests
