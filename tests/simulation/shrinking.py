"""The shortest schedule that still fails: faults are dropped as long as the run stays wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tests.simulation.faults import Fault
from tests.simulation.run import Outcome, Plan


def shortest(plan: Plan, failed: Outcome, carry_out: Callable[[Plan], Outcome]) -> Outcome:
    """Return the outcome with the fewest faults found: none of them can be left out alone.

    Parts of the schedule are dropped, large ones first (delta debugging). The other choices of the
    seed stay: a run with fewer faults is the same but for them.
    """
    best, faults = failed, list(failed.faults)
    size = max(len(faults) // 2, 1)
    while faults:
        at, is_shorter = 0, False
        while at < len(faults):
            fewer: list[Fault] = faults[:at] + faults[at + size :]
            outcome = carry_out(replace(plan, faults=tuple(fewer)))
            if outcome.problems:
                best, faults, is_shorter = outcome, fewer, True
            else:
                at += size
        if size == 1 and not is_shorter:
            break
        size = max(size // 2, 1)
    return best
