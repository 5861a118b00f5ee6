"""How much a producer may send: a bucket of tokens each, filled by an injected clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from events.producers.model import Producers, Quota

__all__ = ["EVENT_BYTES", "Quotas", "TokenBucket", "cost_of"]

EVENT_BYTES: Final = 1024
"""A request counts as one event for each so many bytes of its body, where it has fewer events."""


def cost_of(size: int) -> int:
    """Return as how many events a body of so many bytes counts before it is read, at least one."""
    return max(1, -(-size // EVENT_BYTES))


class TokenBucket:
    """Lets `events_per_second` through without end, and `burst` at once after a rest.

    What is larger than the burst waits for a full bucket and leaves a debt, so that it passes at
    last, and no more passes in the long run.
    """

    def __init__(self, quota: Quota, *, clock: Callable[[], float]) -> None:
        self._quota = quota
        self._clock = clock
        self._tokens = float(quota.burst)
        self._filled_at = clock()

    def wait(self, events: int) -> float:
        """Return 0 where the events fit, else in how many seconds they would; takes nothing."""
        now = self._clock()
        rate, burst = self._quota.events_per_second, self._quota.burst
        passed = max(0.0, now - self._filled_at)
        self._tokens = min(burst, self._tokens + passed * rate)
        self._filled_at = max(now, self._filled_at)
        return max(0.0, min(events, burst) - self._tokens) / rate

    def take(self, events: int) -> float:
        """Return 0 and take the events where they fit, else in how many seconds they would."""
        seconds = self.wait(events)
        if not seconds:
            self._tokens -= events
        return seconds

    def owe(self, events: int) -> None:
        """Take events whether they fit or not; whatever comes next waits for them."""
        self._tokens -= events


class Quotas:
    """A bucket for each declared producer; nobody else sends anything.

    A producer that has secrets and is not declared has no quota: it is told to wait for ever.
    """

    def __init__(self, producers: Producers, *, clock: Callable[[], float]) -> None:
        self._buckets = {
            producer.id: TokenBucket(producer.quota, clock=clock) for producer in producers
        }

    def wait(self, producer_id: str, events: int) -> float:
        """Return 0 where the events would fit, else in how many seconds; takes nothing."""
        bucket = self._buckets.get(producer_id)
        return bucket.wait(events) if bucket is not None else _FOR_EVER

    def take(self, producer_id: str, events: int) -> float:
        """Return 0 and take the events where they fit, else in how many seconds they would."""
        bucket = self._buckets.get(producer_id)
        return bucket.take(events) if bucket is not None else _FOR_EVER

    def owe(self, producer_id: str, events: int) -> None:
        """Take events that turned out to be more than was taken before."""
        bucket = self._buckets.get(producer_id)
        if bucket is not None:
            bucket.owe(events)


_FOR_EVER: Final = 24 * 60 * 60.0
"""Told to who has no quota; a `Retry-After` is finite."""
