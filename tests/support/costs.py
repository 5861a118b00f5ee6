"""How a cost grows with the size of what is worked on: a ratio, whatever the machine is."""

from __future__ import annotations

import gc
from collections.abc import Callable
from time import thread_time
from typing import Final, TypeVar

_Sized = TypeVar("_Sized")

TIMES_LARGER: Final = 8
"""What grows with the square of a size costs 64 times as much for it; what is linear, 8 times."""
_MOST: Final = 3 * TIMES_LARGER
_ATTEMPTS: Final = 5


def grows_linearly(work: Callable[[_Sized], object], small: _Sized, large: _Sized) -> bool:
    """Return whether work on something `TIMES_LARGER` costs about so many times more.

    Tried again where it seems not: other processes disturb a measurement, and never make what is
    quadratic look linear five times.
    """
    work(small)  # What is made once is made now.
    return any(_cost(work, large) <= _MOST * _cost(work, small) for _ in range(_ATTEMPTS))


def _cost(work: Callable[[_Sized], object], content: _Sized) -> float:
    gc.disable()
    try:
        begun = thread_time()
        work(content)
        return thread_time() - begun
    finally:
        gc.enable()
