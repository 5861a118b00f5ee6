"""Waiting for a condition, never for a length of time."""

import time
from collections.abc import Callable

LONGEST_PAUSE = 1.0


def wait_until(condition: Callable[[], bool], *, seconds: float, every: float = 0.05) -> bool:
    """Wait until it holds; return False if it did not within the deadline (in seconds).

    It is evaluated at most a sixth of the time: otherwise an expensive condition would take
    processor time from the work that it waits for.
    """
    deadline = time.monotonic() + seconds
    asked = time.monotonic()
    while not condition():
        answered = time.monotonic()
        if answered > deadline:
            return False
        time.sleep(max(every, min(5 * (answered - asked), LONGEST_PAUSE)))
        asked = time.monotonic()
    return True
