"""Faults that matter together: each a short sequence, drawn as a whole.

What a rule is there for may need two or three faults of one victim, or one at the right distance
from the end, which chance does not draw one by one.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Final

from tests.simulation.faults import Fault, FaultKind

__all__ = ["SEQUENCES", "late_write"]

_WORKERS: Final = range(3)


def late_write(chance: Random, at: float) -> list[Fault]:
    """Return a kill at a write that arrives when the successors have written for seconds.

    Until the next recovery, it is the last record of its entities.
    """
    of_states, is_late = 0, 2
    target = chance.choice(_WORKERS)
    while True:
        number = 6 * chance.randrange(1 << 13) + 2 * is_late + of_states
        found = _fault(FaultKind.KILL_AT_WRITE, at, target, number=number)
        if found.late_seconds > 6.0:
            return [found]


#: From which some runs take one or two, each with the time at which it begins.
SEQUENCES: Final[tuple[Callable[[Random, float], list[Fault]], ...]] = (late_write,)


def _fault(
    kind: FaultKind, at: float, target: int, *, lasts: float = 0.0, steps: int = 0, number: int = 0
) -> Fault:
    return Fault(kind, at, target, lasts, steps, number)
