"""The schedules of runs that have failed, each as it was: they are carried out again.

A seed alone would not do: its faults are others as soon as there is another kind of them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path

from tests.simulation.faults import Fault, FaultKind
from tests.simulation.run import Plan

_FILE = Path(__file__).with_suffix(".jsonl")


def failed_schedules() -> list[Plan]:
    """Return the plans of failed_schedules.jsonl: a seed and its faults a line."""
    return [plan_of(line) for line in _FILE.read_text(encoding="utf-8").splitlines()]


def plan_of(line: str) -> Plan:
    """Return the plan that a line of failed_schedules.jsonl has."""
    kept = json.loads(line)
    faults = tuple(Fault(FaultKind(kind), *rest) for kind, *rest in kept["faults"])
    return Plan(kept["seed"], faults)


def schedule_line(seed: int, faults: Sequence[Fault]) -> str:
    """Return a line of failed_schedules.jsonl."""
    return json.dumps({"seed": seed, "faults": [astuple(one) for one in faults]})
