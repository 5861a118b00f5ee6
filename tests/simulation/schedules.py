"""Schedules of failed runs: the shortest of each, and those that are run again.

A seed alone would not suffice: its faults change whenever a kind of fault is added.
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
    """Return the plans of failed_schedules.jsonl: one line for each seed and its faults."""
    return [plan_of(line) for line in _FILE.read_text(encoding="utf-8").splitlines()]


def plan_of(line: str) -> Plan:
    """Return the plan in a line of failed_schedules.jsonl."""
    kept = json.loads(line)
    faults = tuple(Fault(FaultKind(kind), *rest) for kind, *rest in kept["faults"])
    return Plan(kept["seed"], faults, snapshots=kept.get("snapshots", False))


def schedule_line(seed: int, faults: Sequence[Fault], *, snapshots: bool) -> str:
    """Return a line of failed_schedules.jsonl."""
    found = {"seed": seed, "faults": [astuple(one) for one in faults]}
    return json.dumps(found | {"snapshots": True} if snapshots else found)


def shortest(plan: Plan, failed: Outcome, carry_out: Callable[[Plan], Outcome]) -> Outcome:
    """Return the outcome with the fewest faults found: without any one of them, the run succeeds.

    Parts of the schedule are dropped, large ones first (delta debugging). The other choices of the
    seed stay, so a run with fewer faults is otherwise the same.
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
