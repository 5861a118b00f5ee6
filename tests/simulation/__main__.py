"""The command: `python -m tests.simulation --seeds 1000 --from 1`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from random import Random
from typing import Any, Final

import click
from rich.progress import Progress

from tests.simulation.children import outcomes_of, run_apart
from tests.simulation.failed_schedules import failed_schedules, schedule_line
from tests.simulation.faults import Fault
from tests.simulation.mutations import MUTATIONS
from tests.simulation.probes import PROBES
from tests.simulation.run import Outcome, Plan
from tests.simulation.sequences import SEQUENCES
from tests.simulation.shrinking import shortest

_HASH_SEED: Final = "PYTHONHASHSEED"
_ROOT: Final = Path(__file__).parents[2]
_CODE: Final = (
    *("boundary", "broker", "catalogue", "events", "gateway"),
    *("audit", "streams", "tests/simulation"),
)
#: When a sequence alone begins.
_SEQUENCE_SECONDS: Final = (1.5, 6.5)
#: The problems of a run that are printed.
_MOST_PROBLEMS: Final = 10


@click.command()
@click.option("--seeds", type=click.IntRange(min=1), default=200, show_default=True)
@click.option("--from", "first", type=click.IntRange(min=0), default=1, show_default=True)
@click.option("--processes", type=click.IntRange(min=1), default=os.cpu_count() or 1)
@click.option(
    "--results",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where outcomes are kept, a line each: a run that was interrupted goes on.",
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
    help="Let each run have the faults of this sequence alone.",
)
@click.option(
    "--failed", "is_failed", is_flag=True, help="Carry out the schedules that have failed once."
)
@click.option(
    "--all-probes", is_flag=True, help="Fail where a rare state is reached in none of the runs."
)
@click.option("--log", "shows_log", is_flag=True, help="Print all that happened in each run.")
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
    """Simulate runs, a seed each; print the shortest schedule of each that fails."""
    numbers = range(first, first + seeds)
    planned = {seed: Plan(seed, _faults_of(sequence, seed)) for seed in numbers}
    if is_failed:
        planned, sequence = {plan.seed: plan for plan in failed_schedules()}, "failed"
    if planted:
        names = list(MUTATIONS) if "all" in planted else planted
        # Each in turn: all are looked for, also where one is not found.
        found = [
            _find(name, planned.values(), processes=processes, shows_log=shows_log)
            for name in names
        ]
        sys.exit(not all(found))
    known = _known(results, planned, sequence)
    bad = [one for one in known.values() if one["problems"]]
    failed: list[Outcome] = []
    reached = {name for one in known.values() for name in one.get("reached", ())}
    # Without a thread that refreshes it: the runs are forked.
    with Progress(transient=True, auto_refresh=False) as progress:
        task = progress.add_task("seeds", total=len(planned), completed=len(known))
        plans = [plan for seed, plan in planned.items() if seed not in known]
        for outcome in outcomes_of(plans, processes=processes):
            progress.advance(task)
            progress.refresh()
            reached |= outcome.reached.keys()
            if results is not None:
                with results.open("a", encoding="utf-8") as stream:
                    stream.write(json.dumps(_line(outcome, sequence)) + "\n")
            if shows_log:
                progress.console.print("\n".join(outcome.log), markup=False, highlight=False)
            if outcome.problems:
                failed.append(outcome)
                progress.console.print(f"seed {outcome.seed}: {outcome.problems[0]}", markup=False)
    for one in bad:
        click.echo(f"seed {one['seed']} failed before: {one['problems'][0]}")
    for outcome in sorted(failed, key=lambda one: one.seed):
        _report(shortest(planned[outcome.seed], outcome, run_apart))
    missed = [probe.name for probe in PROBES if probe.name not in reached]
    if missed:
        click.echo(f"never reached: {', '.join(missed)}")
    click.echo(f"{len(planned)} seeds from {min(planned)}: {len(bad) + len(failed)} failed")
    sys.exit(bool(bad or failed or (all_probes and missed)))


def _faults_of(sequence: str | None, seed: int) -> tuple[Fault, ...] | None:
    """Return the faults of a run that has one sequence alone; None for those of its seed."""
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


def _known(
    results: Path | None, numbers: Collection[int], sequence: str | None
) -> Mapping[int, Any]:
    """Return the outcomes that a file has of this code and sequence, by seed."""
    if results is None or not results.exists():
        return {}
    lines = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
    return {
        one["seed"]: one
        for one in lines
        if one["seed"] in numbers and (one["code"], one["sequence"]) == (code_digest(), sequence)
    }


@cache
def code_digest() -> str:
    """Return a digest of what a run may depend on: an outcome of other code does not count."""
    digest = sha256(version("aiokafka").encode())
    for name in _CODE:
        for path in sorted((_ROOT / name).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _line(outcome: Outcome, sequence: str | None) -> Mapping[str, Any]:
    return {
        "code": code_digest(),
        "sequence": sequence,
        "seed": outcome.seed,
        "problems": outcome.problems,
        "digest": outcome.digest,
        "seconds": round(outcome.seconds, 3),
        "reached": outcome.reached,
        **outcome.counts,
    }


def _report(outcome: Outcome) -> None:
    click.echo(f"\nseed {outcome.seed} fails with {len(outcome.faults)} faults:")
    for fault in outcome.faults:
        click.echo(f"  {fault}")
    for problem in outcome.problems[:_MOST_PROBLEMS]:
        click.echo(f"  - {problem}")
    line = schedule_line(outcome.seed, outcome.faults)
    click.echo(f"  its line of failed_schedules.jsonl: {line}")


if __name__ == "__main__":
    if os.environ.get(_HASH_SEED) != "0":
        # The order of sets follows from it: the same on every machine.
        os.execve(  # noqa: S606 - this program again
            sys.executable,
            [sys.executable, "-m", "tests.simulation", *sys.argv[1:]],
            {**os.environ, _HASH_SEED: "0"},
        )
    main()
