"""How much a producer may send: a bucket of tokens each, filled by an injected clock."""

from __future__ import annotations

from collections.abc import Callable

from events.producers.model import Producers, Quota

__all__ = ["Quotas", "TokenBucket"]


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

    def take(self, events: int) -> float:
        """Return 0 and take the events where they fit, else in how many seconds they would."""
        now = self._clock()
        rate, burst = self._quota.events_per_second, self._quota.burst
        passed = max(0.0, now - self._filled_at)
        self._tokens = min(burst, self._tokens + passed * rate)
        self._filled_at = max(now, self._filled_at)
        missing = min(events, burst) - self._tokens
        if missing > 0:
            return missing / rate
        self._tokens -= events
        return 0.0


class Quotas:
    """A bucket for each declared producer; nobody else sends anything."""

    def __init__(self, producers: Producers, *, clock: Callable[[], float]) -> None:
        self._buckets = {
            producer.id: TokenBucket(producer.quota, clock=clock) for producer in producers
        }

    def take(self, producer_id: str, events: int) -> float:
        """Return 0 where the events fit, else in how many seconds they would.

        A producer that has secrets and is not declared has no quota: for ever.
        """
        bucket = self._buckets.get(producer_id)
        return bucket.take(events) if bucket is not None else _FOR_EVER


_FOR_EVER = 24 * 60 * 60.0
"""Told to who has no quota; a `Retry-After` is finite."""
