"""Schedules of runs that failed: the shortest of each, and those that are carried out again.

A seed alone would not do: its faults are others as soon as there is another kind of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import astuple, replace
from pathlib import Path

from tests.simulation.faults import Fault, FaultKind
from tests.simulation.run import Outcome, Plan

_FILE = Path(__file__).with_name("failed_schedules.jsonl")


def failed_schedules() -> list[Plan]:
    """Return the plans of failed_schedules.jsonl: a seed and its faults a line."""
    return [plan_of(line) for line in _FILE.read_text(encoding="utf-8").splitlines()]


def plan_of(line: str) -> Plan:
    """Return the plan that a line of failed_schedules.jsonl has."""
    kept = json.loads(line)
    faults = tuple(Fault(FaultKind(kind), *rest) for kind, *rest in kept["faults"])
    return Plan(kept["seed"], faults, snapshots=kept.get("snapshots", False))


def schedule_line(seed: int, faults: Sequence[Fault], *, snapshots: bool) -> str:
    """Return a line of failed_schedules.jsonl."""
    found = {"seed": seed, "faults": [astuple(one) for one in faults]}
    return json.dumps(found | {"snapshots": True} if snapshots else found)


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
