"""The command: `python -m tests.simulation --seeds 1000 --from 1`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Final

import click
from rich.progress import Progress

from tests.simulation.children import outcomes_of, run_apart
from tests.simulation.faults import Fault
from tests.simulation.mutations import MUTATIONS
from tests.simulation.probes import PROBES
from tests.simulation.run import Outcome, Plan
from tests.simulation.schedules import failed_schedules, schedule_line, shortest
from tests.simulation.sequences import SEQUENCES

_HASH_SEED: Final = "PYTHONHASHSEED"
#: When a sequence begins that is the only one of a run.
_SEQUENCE_SECONDS: Final = (1.5, 6.5)
#: How many problems of a run are printed.
_MOST_PROBLEMS: Final = 10


@click.command()
@click.option("--seeds", type=click.IntRange(min=1), default=200, show_default=True)
@click.option("--from", "first", type=click.IntRange(min=0), default=1, show_default=True)
@click.option("--processes", type=click.IntRange(min=1), default=os.cpu_count() or 1)
@click.option(
    "--results",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where outcomes are written, one line of JSON each.",
)
@click.option(
    "--planted",
    type=click.Choice(["all", *MUTATIONS]),
    multiple=True,
    help="Switch off a rule of the product, and count the seeds until it is found.",
)
@click.option(
    "--sequence",
    type=click.Choice([one.__name__ for one in SEQUENCES]),
    help="Limit the faults of each run to this sequence.",
)
@click.option(
    "--failed", "is_failed", is_flag=True, help="Run the newest schedules of earlier failures."
)
@click.option(
    "--all-probes", is_flag=True, help="Fail if a rare state is reached in none of the runs."
)
@click.option("--log", "shows_log", is_flag=True, help="Print every event of each run.")
def main(  # noqa: PLR0913 - the options of the command
    *,
    seeds: int,
    first: int,
    processes: int,
    results: Path | None,
    planted: Sequence[str],
    sequence: str | None,
    is_failed: bool,
    all_probes: bool,
    shows_log: bool,
) -> None:
    """Simulate runs, one per seed; print the shortest schedule of each that fails."""
    numbers = range(first, first + seeds)
    planned = {seed: Plan(seed, _faults_of(sequence, seed)) for seed in numbers}
    if is_failed:
        planned = {plan.seed: plan for plan in failed_schedules()[-seeds:]}
    if planted:
        names = list(MUTATIONS) if "all" in planted else planted
        # All are searched, even if one is not found.
        found = [
            _find(name, planned.values(), processes=processes, shows_log=shows_log)
            for name in names
        ]
        sys.exit(not all(found))
    failed: list[Outcome] = []
    reached: set[str] = set()
    if results is not None:
        results.unlink(missing_ok=True)
    # No refresh thread, because the runs are forked.
    with Progress(transient=True, auto_refresh=False) as progress:
        task = progress.add_task("seeds", total=len(planned))
        for outcome in outcomes_of(planned.values(), processes=processes):
            progress.advance(task)
            progress.refresh()
            reached |= outcome.reached.keys()
            if results is not None:
                with results.open("a", encoding="utf-8") as stream:
                    stream.write(json.dumps(outcome.summary) + "\n")
            if shows_log:
                progress.console.print("\n".join(outcome.log), markup=False, highlight=False)
            if outcome.problems:
                failed.append(outcome)
                progress.console.print(f"seed {outcome.seed}: {outcome.problems[0]}", markup=False)
    for outcome in sorted(failed, key=lambda one: one.seed):
        _report(shortest(planned[outcome.seed], outcome, run_apart))
    missed = [probe.name for probe in PROBES if probe.name not in reached]
    if missed:
        click.echo(f"never reached: {', '.join(missed)}")
    click.echo(f"{len(planned)} seeds from {min(planned)}: {len(failed)} failed")
    sys.exit(bool(failed or (all_probes and missed)))


def _faults_of(sequence: str | None, seed: int) -> tuple[Fault, ...] | None:
    """Return the faults of a run limited to one sequence; None for the faults of its seed."""
    chance = Random(seed)
    for one in SEQUENCES:
        if one.__name__ == sequence:
            return tuple(one(chance, chance.uniform(*_SEQUENCE_SECONDS)))
    return None


def _find(name: str, planned: Iterable[Plan], *, processes: int, shows_log: bool) -> bool:
    """Print how many seeds it takes to find a planted fault; return whether it was found."""
    tried = 0
    plans = (replace(plan, mutation=name) for plan in planned)
    for outcome in outcomes_of(plans, processes=processes):
        tried += 1
        if outcome.problems:
            problem = outcome.problems[0].splitlines()[-1]
            click.echo(f"{name}: found after {tried} seeds, by seed {outcome.seed}: {problem}")
            if shows_log:
                click.echo("\n".join(outcome.log))
            return True
    click.echo(f"{name}: not found in {tried} seeds")
    return False


def _report(outcome: Outcome) -> None:
    click.echo(f"\nseed {outcome.seed} fails with {len(outcome.faults)} faults:")
    for fault in outcome.faults:
        click.echo(f"  {fault}")
    for problem in outcome.problems[:_MOST_PROBLEMS]:
        click.echo(f"  - {problem}")
    snapshots = Plan(outcome.seed).has_snapshots
    line = schedule_line(outcome.seed, outcome.faults, snapshots=snapshots)
    click.echo(f"  its line of failed_schedules.jsonl: {line}")


if __name__ == "__main__":
    if os.environ.get(_HASH_SEED) != "0":
        # It determines the order of sets, which is then the same on every machine.
        os.execve(  # noqa: S606 - this program again
            sys.executable,
            [sys.executable, "-m", "tests.simulation", *sys.argv[1:]],
            {**os.environ, _HASH_SEED: "0"},
        )
    main()
