"""The gateway's metrics; every label has a closed set of values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from enum import StrEnum
from functools import cache
from typing import Any, Final, TypeVar, cast

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.registry import Collector

from catalogue import metrics
from catalogue.metrics import Metric
from events.producers.model import UNKNOWN_PRODUCER
from gateway.problems import problem_kinds

#: A single event takes milliseconds; a delivery times out after ten seconds.
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

Instrument = TypeVar("Instrument", Counter, Gauge, Histogram)


class EventOutcome(StrEnum):
    """The outcome of an event at the gateway."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    FAILED = "failed"


class GatewayCollector(Collector):
    """The gateway's metrics; `is_ready` is called at each scrape."""

    def __init__(self, producers: Collection[str], *, is_ready: Callable[[], bool]) -> None:
        # A rate does not need a counter's creation time.
        cast("Callable[[], None]", disable_created_metrics)()
        self._registry = CollectorRegistry(auto_describe=False)
        self._producers = frozenset(producers)
        self._events = self._new(Counter, metrics.GATEWAY_EVENTS)
        self._refused = self._new(Counter, metrics.GATEWAY_REFUSED)
        self._repeated = self._new(Counter, metrics.GATEWAY_REPEATS)
        self._requests = self._new(Counter, metrics.GATEWAY_REQUESTS)
        self._seconds = self._new(Histogram, metrics.GATEWAY_REQUEST_SECONDS, buckets=_SECONDS)
        self._new(Gauge, metrics.GATEWAY_READY).set_function(is_ready)
        # Looking up a series takes longer than counting; there are few.
        self._events_series = cache(self._events.labels)
        self._requests_series = cache(self._requests.labels)
        # Series exist from the start: otherwise the first event has no rate.
        for producer in (*sorted(self._producers), UNKNOWN_PRODUCER):
            for outcome in EventOutcome:
                self._events.labels(producer, outcome.value)
            for problem in problem_kinds():
                self._refused.labels(producer, problem)
            self._repeated.labels(producer)

    def count_events(self, producer: str | None, outcome: EventOutcome, number: int) -> None:
        """Count events of an authenticated producer, or of an unknown one (None)."""
        self._events_series(self._label(producer), outcome.value).inc(number)

    def count_refused(self, producer: str | None, reason: str) -> None:
        """Count an event refused for a reason, or a request refused with a problem."""
        self._refused.labels(self._label(producer), reason).inc()

    def count_repeated(self, producer: str) -> None:
        """Count a signed request that was sent again."""
        self._repeated.labels(self._label(producer)).inc()

    def count_request(self, status: int) -> None:
        """Count an answer."""
        self._requests_series(str(status)).inc()

    def time_request(self, seconds: float) -> None:
        """Observe the duration of a request to /events."""
        self._seconds.observe(seconds)

    def collect(self) -> Iterable[prometheus_client.Metric]:
        """Return every metric family of the gateway's vocabulary."""
        return self._registry.collect()

    def _label(self, producer: str | None) -> str:
        return producer if producer in self._producers else UNKNOWN_PRODUCER

    def _new(self, kind: type[Instrument], metric: Metric, **options: Any) -> Instrument:
        return kind(metric.name, metric.meaning, metric.labels, registry=self._registry, **options)
