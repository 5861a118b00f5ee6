"""What work leaves to the search for cycles."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Final

_ATTEMPTS: Final = 5


def leaves_no_cycles(work: Callable[[], object]) -> bool:
    """Return whether nothing that work makes has to be found by Python's search for cycles.

    Tried again where it seems not: threads that other tests leave for a while make garbage of
    their own, which is found with it. Cycles of the work itself are found each time.
    """
    work()  # What is made once is made now.
    return any(not _left_by(work) for _ in range(_ATTEMPTS))


def _left_by(work: Callable[[], object]) -> int:
    gc.collect()
    gc.disable()
    try:
        work()
        return gc.collect()
    finally:
        gc.enable()
