"""Quotas: a token bucket for each producer, with an injected clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from boundary.terminal import counted
from events.producers.model import Producers, Quota
from gateway.problems import ProblemError

EVENT_BYTES: Final = 1024
"""A request is charged one event per this many bytes of its body, if it has fewer events."""


def cost_of(size: int) -> int:
    """Return how many events are charged for a body of `size` bytes before it is parsed."""
    return max(1, -(-size // EVENT_BYTES))


class TokenBucket:
    """Admits `events_per_second` in the long run, and `burst` at once.

    A request larger than the burst waits for a full bucket and leaves a negative balance: it is
    admitted eventually, and the rate holds in the long run.
    """

    def __init__(self, quota: Quota, *, clock: Callable[[], float]) -> None:
        self._quota = quota
        self._clock = clock
        self._tokens = float(quota.burst)
        self._filled_at = clock()

    def take(self, events: int) -> float:
        """Take the events if they may be taken now; return the seconds to wait, 0 if taken."""
        now = self._clock()
        rate, burst = self._quota.events_per_second, self._quota.burst
        passed = max(0.0, now - self._filled_at)
        self._tokens = min(burst, self._tokens + passed * rate)
        self._filled_at = max(now, self._filled_at)
        seconds = max(0.0, min(events, burst) - self._tokens) / rate
        if not seconds:
            self._tokens -= events
        return seconds

    def charge_more(self, events: int) -> None:
        """Take events in any case; later requests wait for them."""
        self._tokens -= events


class Quotas:
    """A bucket for each declared producer: no other is authenticated."""

    def __init__(self, producers: Producers, *, clock: Callable[[], float]) -> None:
        self._buckets = {
            producer.id: TokenBucket(producer.quota, clock=clock) for producer in producers
        }

    def take(self, producer: str, size: int) -> None:
        """Charge a body by its size. Raises ProblemError (over_quota), and then charges nothing."""
        seconds = self._buckets[producer].take(cost_of(size))
        if seconds > 0:
            wait = max(1, round(seconds + 0.5))
            raise ProblemError(
                "over_quota",
                f"the request exceeds the quota: wait {counted(wait, 'second')}",
                headers={"Retry-After": str(wait)},
            )

    def charge_events(self, producer: str, size: int, events: int) -> None:
        """Charge the events of a body beyond those that it was charged for its size."""
        self._buckets[producer].charge_more(max(0, events - cost_of(size)))
