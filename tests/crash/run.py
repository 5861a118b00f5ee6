"""Tries a scenario at many of its points, and counts what was right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from tests.crash.stage import Stage
from tests.crash.trying import (
    Attempt,
    Scenario,
    follow_ups,
    injections,
    recorded_calls,
    sampled,
    try_at,
)


@dataclass
class Outcome:
    scenario: str
    points: int
    """System calls of the undisturbed run that change something."""
    injections: int
    """A kill at each, and errors at those on the product's own files."""
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def wrong(self) -> list[Attempt]:
        return [one for one in self.attempts if one.problems]

    @property
    def reached(self) -> int:
        """How many runs came to their point: they differ a little from each other."""
        return sum(one.reached for one in self.attempts)

    @property
    def reached_again(self) -> int:
        """How many of the runs that went on came to theirs."""
        return sum(one.reached_again for one in self.attempts)


def tried(
    stage: Stage,
    scenario: Scenario,
    *,
    points: int | None,
    seed: int,
    twice: bool = True,
    on_attempt: Callable[[Attempt], None] = lambda _: None,
) -> Outcome:
    """Try so many of a scenario's injections, drawn by the seed, or all in their order (None).

    By default each run that goes on is cut short too: the seed draws where.
    """
    calls = recorded_calls(stage, scenario)
    found = injections(scenario, calls)
    outcome = Outcome(scenario.name, len(calls), len(found))
    chance = Random(seed)
    for one in found if points is None else sampled(found, points, chance):
        again = chance.choice(follow_ups(found, one)) if twice else None
        outcome.attempts.append(try_at(stage, scenario, one, again))
        on_attempt(outcome.attempts[-1])
    return outcome
