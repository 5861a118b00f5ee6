"""How a cost grows with the size of the input: a ratio that does not depend on the machine."""

from __future__ import annotations

import gc
from collections.abc import Callable
from time import thread_time
from typing import Final, TypeVar

_Sized = TypeVar("_Sized")

TIMES_LARGER: Final = 8
"""For this factor, quadratic work costs 64 times as much, and linear work 8 times."""
_MOST: Final = 3 * TIMES_LARGER
_ATTEMPTS: Final = 5


def grows_linearly(work: Callable[[_Sized], object], small: _Sized, large: _Sized) -> bool:
    """Return whether work on input `TIMES_LARGER` costs about that many times more.

    Tries again if it seems not to: other processes may disturb a measurement, but cannot make
    quadratic work look linear.
    """
    work(small)  # Warm up: one-time work happens now.
    return any(_cost(work, large) <= _MOST * _cost(work, small) for _ in range(_ATTEMPTS))


def _cost(work: Callable[[_Sized], object], content: _Sized) -> float:
    gc.disable()
    try:
        begun = thread_time()
        work(content)
        return thread_time() - begun
    finally:
        gc.enable()
