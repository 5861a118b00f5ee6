"""How long to knock at a gateway that does not open: with pauses that grow, spread by chance."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from tenacity import RetryCallState, Retrying, retry_if_exception_type

from operations.client.gateway_answer import GatewayAwayError

__all__ = ["RetryTimes"]

_LARGEST_POWER = 60


@dataclass(frozen=True, slots=True)
class RetryTimes:
    """When to try again, and when to give up; in seconds. The last three are for tests to replace.

    The pause is chosen between half and all of a time that begins with `first_pause` and doubles
    up to `longest_pause`: producers that lost the gateway together do not come back together. A
    gateway that asks for a longer pause gets it.
    """

    total: float = 30.0
    first_pause: float = 0.5
    longest_pause: float = 30.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    chance: Random = field(default_factory=Random)

    def attempt(self, send: Callable[[], None]) -> None:
        """Call until it raises no GatewayAwayError; the last of these comes out."""
        begun = self.clock()

        def is_over(state: RetryCallState) -> bool:
            return self.clock() - begun + state.upcoming_sleep > self.total

        Retrying(
            retry=retry_if_exception_type(GatewayAwayError),
            wait=self._pause,
            stop=is_over,
            sleep=self.sleep,
            reraise=True,
        )(send)

    def _pause(self, state: RetryCallState) -> float:
        doubled = self.first_pause * 2.0 ** min(state.attempt_number - 1, _LARGEST_POWER)
        step = min(self.longest_pause, doubled)
        pause = self.chance.uniform(step / 2, step)
        error = state.outcome.exception() if state.outcome is not None else None
        if isinstance(error, GatewayAwayError) and error.pause:
            # Asked for by the gateway of everybody at once: so spread as well.
            return max(pause, error.pause + self.chance.uniform(0, self.first_pause))
        return pause
