"""The score of each mutated module, from what mutmut says of each mutant."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

KILLED = {"killed", "timeout"}
"""A mutant that never ends is found as well: pytest does not say that all is well."""


@dataclass(slots=True)
class Score:
    """What became of a module's mutants."""

    mutants: Counter[str] = field(default_factory=Counter)
    """By mutmut's status."""
    alive: list[str] = field(default_factory=list)
    """The names of those that were not killed."""

    @property
    def total(self) -> int:
        return self.mutants.total()

    @property
    def killed(self) -> int:
        return sum(self.mutants[status] for status in KILLED)

    @property
    def percent(self) -> float:
        """The share of killed mutants, in percent; 0 for none."""
        return 100 * self.killed / self.total if self.total else 0.0

    def count(self, name: str, status: str) -> None:
        self.mutants[status] += 1
        if status not in KILLED:
            self.alive.append(name)


def scores_in(results: str) -> Mapping[str, Score]:
    """Return the scores by module, of the lines of `mutmut results --all true`.

    A line is `catalogue.trend.x_project__mutmut_3: survived`.
    """
    scores: defaultdict[str, Score] = defaultdict(Score)
    for line in results.splitlines():
        name, colon, status = line.strip().partition(": ")
        if colon:
            scores[name.rpartition(".")[0]].count(name, status)
    return dict(sorted(scores.items()))
