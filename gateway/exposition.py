"""Counts what comes to the gateway, and shows it on /metrics; every label is of a closed set."""

from __future__ import annotations

from collections.abc import Callable, Collection
from enum import StrEnum
from functools import cache
from typing import Any, Final, TypeVar, cast

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder

from catalogue import metrics
from catalogue.metrics import Metric
from events.producers.model import UNKNOWN_PRODUCER
from gateway.acceptor import Shortfall

__all__ = ["EventOutcome", "GatewayCollector"]

#: A single event takes milliseconds; a delivery times out after ten seconds.
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

Instrument = TypeVar("Instrument", Counter, Gauge, Histogram)


class EventOutcome(StrEnum):
    """What became of an event at the gateway."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    FAILED = "failed"


class GatewayCollector:
    """The gateway's counters; `is_ready` is asked at each scrape."""

    def __init__(self, producers: Collection[str], *, is_ready: Callable[[], bool]) -> None:
        # When a counter began says nothing that a rate needs.
        cast("Callable[[], None]", disable_created_metrics)()
        self._registry = CollectorRegistry(auto_describe=False)
        self._producers = frozenset(producers)
        self._events = self._made(Counter, metrics.GATEWAY_EVENTS)
        self._refused = self._made(Counter, metrics.GATEWAY_REFUSED)
        self._repeats = self._made(Counter, metrics.GATEWAY_REPEATS)
        self._requests = self._made(Counter, metrics.GATEWAY_REQUESTS)
        self._seconds = self._made(Histogram, metrics.GATEWAY_REQUEST_SECONDS, buckets=_SECONDS)
        self._shortfalls = self._made(Counter, metrics.GATEWAY_SHORTFALLS)
        self._made(Gauge, metrics.GATEWAY_READY).set_function(is_ready)
        # To find a series takes longer than to count; there are few.
        self._events_series = cache(self._events.labels)
        self._requests_series = cache(self._requests.labels)
        # Series that are there from the start: a rate over a first event would be nothing.
        for producer in (*sorted(self._producers), UNKNOWN_PRODUCER):
            for fate in EventOutcome:
                self._events.labels(producer, fate.value)
            self._repeats.labels(producer)
        for reason in Shortfall:
            self._shortfalls.labels(reason.value)

    def count_events(self, producer: str | None, fate: EventOutcome, number: int) -> None:
        """Count events of a proven producer (None: of nobody known)."""
        self._events_series(self._label(producer), fate.value).inc(number)

    def count_refused(self, producer: str | None, reason: str) -> None:
        """Count an event refused for a reason, or a request refused with a problem."""
        self._refused.labels(self._label(producer), reason).inc()

    def count_repeat(self, producer: str) -> None:
        """Count a signed request that came before."""
        self._repeats.labels(self._label(producer)).inc()

    def count_request(self, status: int) -> None:
        """Count an answer."""
        self._requests_series(str(status)).inc()

    def time_request(self, seconds: float) -> None:
        """Take note of how long a request to /events took."""
        self._seconds.observe(seconds)

    def count_shortfall(self, reason: Shortfall) -> None:
        """Count a connection that was closed before its time."""
        self._shortfalls.labels(reason.value).inc()

    def text(self, accept: str) -> tuple[bytes, str]:
        """Return what /metrics shows, and its content type."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type

    def _label(self, producer: str | None) -> str:
        return producer if producer in self._producers else UNKNOWN_PRODUCER

    def _made(self, kind: type[Instrument], metric: Metric, **options: Any) -> Instrument:
        return kind(metric.name, metric.meaning, metric.labels, registry=self._registry, **options)
