"""Rounds of examples of one target, each from a seed of its own, until the time is over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import monotonic, process_time
from typing import Any, Final

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.database import DirectoryBasedExampleDatabase, ExampleDatabase

from tests.fuzz.account import Progress
from tests.fuzz.limits import measured
from tests.fuzz.target import Target

_BETWEEN_SEEDS: Final = 1_000_003
ROUND: Final = 500
"""Examples of a round: Hypothesis keeps something of each, which the round's end frees."""


def kept_examples(folder: Path, target: Target) -> ExampleDatabase:
    """Return where failing examples of a target are kept: the next round checks them first."""
    return DirectoryBasedExampleDatabase(folder / target.name)


def as_test(
    target: Target,
    done: Progress,
    *,
    examples: int,
    seeded: int,
    database: ExampleDatabase | None = None,
) -> Any:  # noqa: ANN401 - a test of Hypothesis, with its handle
    """Return a target as a test of Hypothesis, which adds its examples' costs up."""

    @settings(
        max_examples=examples,
        print_blob=False,
        database=database,
        deadline=None,
        report_multiple_bugs=False,
        phases=(Phase.reuse, Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @seed(seeded)  # Under the settings: above them, it would take the database away.
    @given(target.examples)
    def run(example: Any) -> None:  # noqa: ANN401 - whatever the target has
        done.add(measured(target.check, example, most_mib=target.most_mib))

    return run


def fuzz_round(
    target: Target, done: Progress, *, examples: int, database: ExampleDatabase | None = None
) -> None:
    """Check one round, the same examples for the same seed and round.

    Raises what a check raises, for an example made as small as it can be; the example is kept.
    """
    began = process_time()
    seeded = done.seed * _BETWEEN_SEEDS + done.rounds
    test = as_test(target, done, examples=examples, seeded=seeded, database=database)
    try:
        test()
    except Exception as error:
        done.failures.append(repr(error)[:300])
        raise
    finally:
        done.rounds += 1
        done.seconds += process_time() - began


def fuzz_for(
    target: Target,
    done: Progress,
    *,
    seconds: float,
    database: ExampleDatabase,
    after_round: Callable[[], None],
) -> None:
    """Go on after the rounds that are done, until the time is over. Raises as `fuzz_round`."""
    end = monotonic() + seconds
    while monotonic() < end:
        try:
            fuzz_round(target, done, examples=ROUND, database=database)
        finally:
            after_round()
