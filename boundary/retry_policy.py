"""The retry policy of requests and other operations that fail temporarily."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Final, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type

from boundary.errors import SmartRegionError

_LARGEST_POWER: Final = 60

Answer = TypeVar("Answer")


class RetryableError(SmartRegionError):
    """A request failed and a retry may succeed; `retry_after` is the requested pause."""

    retry_after: float = 0.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Pauses between retries and their total, in seconds. Tests replace the last three fields.

    The pause is random between half and all of a time that begins with `first_pause` and doubles up
    to `longest_pause`: clients that lost a server at once do not return at once. If a server
    requests a longer pause, it is granted.
    """

    total: float = 30.0
    first_pause: float = 0.5
    longest_pause: float = 30.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    chance: Random = field(default_factory=Random)

    def call(
        self,
        request: Callable[[], Answer],
        *,
        retry_on: type[RetryableError] = RetryableError,
    ) -> Answer:
        """Call until no such error is raised, and return the answer.

        Raises the last error if the next pause would end after `total`.
        """
        begun = self.clock()

        def is_over(state: RetryCallState) -> bool:
            return self.clock() - begun + state.upcoming_sleep > self.total

        retrying = Retrying(
            retry=retry_if_exception_type(retry_on),
            wait=lambda state: self.pause(
                state.attempt_number,
                state.outcome.exception() if state.outcome is not None else None,
            ),
            stop=is_over,
            sleep=self.sleep,
            reraise=True,
        )
        return retrying(request)

    def pause(self, failures: int, error: BaseException | None = None) -> float:
        """Return the pause after a number of failures in a row; `error` is the last one."""
        doubled = self.first_pause * 2.0 ** min(failures - 1, _LARGEST_POWER)
        step = min(self.longest_pause, doubled)
        pause = self.chance.uniform(step / 2, step)
        if isinstance(error, RetryableError) and error.retry_after:
            # All clients are asked for the same pause: spread it as well.
            return max(pause, error.retry_after + self.chance.uniform(0, self.first_pause))
        return pause
