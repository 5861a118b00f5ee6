"""Waiting for a condition, never for a length of time."""

import time
from collections.abc import Callable

LONGEST_PAUSE = 1.0


def wait_until(condition: Callable[[], bool], *, seconds: float, every: float = 0.05) -> bool:
    """Wait until it holds; return False if it did not within the deadline (in seconds).

    It is asked at most half of the time: a question that takes long would else take the processor
    from what is waited for.
    """
    deadline = time.monotonic() + seconds
    asked = time.monotonic()
    while not condition():
        answered = time.monotonic()
        if answered > deadline:
            return False
        time.sleep(max(every, min(answered - asked, LONGEST_PAUSE)))
        asked = time.monotonic()
    return True
