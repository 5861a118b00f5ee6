"""Rounds of examples of one target, each from a seed of its own, until the time is over."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from time import monotonic, process_time
from typing import Any, Final

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.database import DirectoryBasedExampleDatabase, ExampleDatabase

from tests.fuzz.declaration_targets import DECLARATION_TARGETS
from tests.fuzz.gateway_targets import GATEWAY_TARGETS
from tests.fuzz.history_targets import HISTORY_TARGETS
from tests.fuzz.limits import Cost, measured
from tests.fuzz.portal_targets import PORTAL_TARGETS
from tests.fuzz.record_targets import RECORD_TARGETS
from tests.fuzz.table_targets import TABLE_TARGETS
from tests.fuzz.target import Target

TARGETS: Final[tuple[Target, ...]] = (
    *GATEWAY_TARGETS,
    *RECORD_TARGETS,
    *TABLE_TARGETS,
    *DECLARATION_TARGETS,
    *PORTAL_TARGETS,
    *HISTORY_TARGETS,
)
_BETWEEN_SEEDS: Final = 1_000_003
ROUND: Final = 500
"""Examples of a round: Hypothesis keeps something of each, which the round's end frees."""


@dataclass
class Progress:
    """What a run did of one target from one seed."""

    target: str
    seed: int
    rounds: int = 0
    examples: int = 0
    seconds: float = 0.0
    """Of the processor, drawing and shrinking included."""
    slowest_seconds: float = 0.0
    highest_mib: float = 0.0

    def add(self, cost: Cost) -> None:
        self.examples += 1
        self.slowest_seconds = max(self.slowest_seconds, cost.seconds)
        self.highest_mib = max(self.highest_mib, cost.mib)

    def __str__(self) -> str:
        return (
            f"{self.target:12} {self.examples:10} {self.seconds / 60:8.1f} "
            f"{self.slowest_seconds * 1000:5.0f} ms {self.highest_mib:4.0f} MiB"
        )


HEADING: Final = "target         examples  minutes  slowest   memory"
"""Of what a Progress prints."""


def kept_examples(folder: Path, target: Target) -> ExampleDatabase:
    """Return where failing examples of a target are kept: the next round checks them first."""
    return DirectoryBasedExampleDatabase(folder / target.name)


def fuzz_round(
    target: Target, done: Progress, *, examples: int, database: ExampleDatabase | None = None
) -> None:
    """Check one round, the same examples for the same seed and round.

    Raises what a check raises, for an example made as small as it can be; the example is kept.
    """
    began = process_time()

    @settings(
        max_examples=examples,
        print_blob=False,
        database=database,
        deadline=None,
        report_multiple_bugs=False,
        phases=(Phase.reuse, Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @seed(
        done.seed * _BETWEEN_SEEDS + done.rounds
    )  # Above the settings, it would lose the database.
    @given(target.examples)
    def run(example: Any) -> None:  # noqa: ANN401 - whatever the target has
        limits = {"most_mib": target.most_mib, "most_seconds": target.most_seconds}
        done.add(measured(target.check, example, **limits))

    try:
        run()
    finally:
        done.rounds += 1
        done.seconds += process_time() - began


def fuzz_for(target: Target, done: Progress, *, seconds: float, database: ExampleDatabase) -> None:
    """Go on until the time is over. Raises as `fuzz_round`."""
    end = monotonic() + seconds
    while monotonic() < end:
        fuzz_round(target, done, examples=ROUND, database=database)
