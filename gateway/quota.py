"""Quotas: a token bucket for each producer, with an injected clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from events.producers.model import Producers, Quota

EVENT_BYTES: Final = 1024
"""A request is charged as one event for so many bytes of its body, if it has fewer events."""


def cost_of(size: int) -> int:
    """Return how many events a body of `size` bytes is charged as before it is parsed."""
    return max(1, -(-size // EVENT_BYTES))


class TokenBucket:
    """Admits `events_per_second` in the long run, and `burst` at once.

    A request larger than the burst waits for a full bucket and leaves a negative balance: it is
    admitted at last, and the rate holds in the long run.
    """

    def __init__(self, quota: Quota, *, clock: Callable[[], float]) -> None:
        self._quota = quota
        self._clock = clock
        self._tokens = float(quota.burst)
        self._filled_at = clock()

    def wait(self, events: int) -> float:
        """Return the seconds until the events may be taken, 0 where they may now. Takes nothing."""
        now = self._clock()
        rate, burst = self._quota.events_per_second, self._quota.burst
        passed = max(0.0, now - self._filled_at)
        self._tokens = min(burst, self._tokens + passed * rate)
        self._filled_at = max(now, self._filled_at)
        return max(0.0, min(events, burst) - self._tokens) / rate

    def take(self, events: int) -> float:
        """Take the events if they may be taken now; return as `wait`."""
        seconds = self.wait(events)
        if not seconds:
            self._tokens -= events
        return seconds

    def charge_more(self, events: int) -> None:
        """Take events in any case; later requests wait for them."""
        self._tokens -= events


class Quotas:
    """A bucket for each declared producer.

    A producer that has secrets and is not declared has no quota, and always waits for a day.
    """

    def __init__(self, producers: Producers, *, clock: Callable[[], float]) -> None:
        self._buckets = {
            producer.id: TokenBucket(producer.quota, clock=clock) for producer in producers
        }

    def wait(self, producer_id: str, events: int) -> float:
        """Return the seconds until the events may be taken, 0 where they may now. Takes nothing."""
        bucket = self._buckets.get(producer_id)
        return bucket.wait(events) if bucket is not None else _WITHOUT_QUOTA

    def take(self, producer_id: str, events: int) -> float:
        """Take the events if they may be taken now; return as `wait`."""
        bucket = self._buckets.get(producer_id)
        return bucket.take(events) if bucket is not None else _WITHOUT_QUOTA

    def charge_more(self, producer_id: str, events: int) -> None:
        """Take events beyond those that a request was charged before it was parsed."""
        bucket = self._buckets.get(producer_id)
        if bucket is not None:
            bucket.charge_more(events)


_WITHOUT_QUOTA: Final = 24 * 60 * 60.0
"""The wait of a producer without quota; a `Retry-After` is finite."""
