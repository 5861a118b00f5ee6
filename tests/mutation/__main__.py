"""`make mutants`: which errors in the pure core no unit test finds.

Mutmut changes one operator, number, argument or name of the core at a time, and runs the unit tests
that reach the changed function (`[tool.mutmut]` in pyproject.toml). What is known of a mutant is
kept in mutants/ until its function changes, so an interrupted run resumes.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from shutil import rmtree

import click

from tests.mutation.scores import Score, scores_in

ROOT = Path(__file__).parents[2]
MUTMUT = ROOT / "build" / "mutation" / "bin" / "mutmut"
NICENESS = 10


@click.command()
@click.option("--only", metavar="MODULE", help="Run all mutants of one module: trend.")
@click.option("--again", is_flag=True, help="Run those alive, after a change of their tests.")
@click.option("--fresh", is_flag=True, help="Forget what is known, and run all.")
@click.option("--report", is_flag=True, help="Run none: show what is known.")
@click.option("--processes", default=2, show_default=True, help="How many mutants at a time.")
def main(*, only: str | None, again: bool, fresh: bool, report: bool, processes: int) -> None:
    """Run the mutants of which nothing is known; print what is alive, and the scores."""
    os.nice(NICENESS)
    if fresh:
        rmtree(ROOT / "mutants", ignore_errors=True)
    if not report:
        names = [f"*.{only}.*"] if only is not None else []
        if again:
            names += [name for score in known_scores().values() for name in score.alive]
        done = mutmut("run", "--max-children", str(processes), *names)
        if done.returncode:
            sys.exit(done.returncode)
    scores = known_scores()
    for score in scores.values():
        for name in score.alive:
            click.echo(mutmut("show", name, stdout=subprocess.PIPE).stdout)
    click.echo("| module | lines | mutants | killed | survived | score |")
    click.echo("|---|---:|---:|---:|---:|---:|")
    for module, score in scores.items():
        path = f"{module.replace('.', '/')}.py"
        lines = (ROOT / path).read_text(encoding="utf-8").count("\n")
        click.echo(
            f"| `{path}` | {lines} | {score.total} | {score.killed} | {len(score.alive)}"
            f" | {score.percent:.1f} % |"
        )
    usage = getrusage(RUSAGE_CHILDREN)
    click.echo(f"{(usage.ru_utime + usage.ru_stime) / 60:.0f} minutes of processor, this time")


def known_scores() -> Mapping[str, Score]:
    """Return the scores of the mutants as they are known."""
    return scores_in(mutmut("results", "--all", "true", stdout=subprocess.PIPE).stdout)


def mutmut(*arguments: str, stdout: int | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([MUTMUT, *arguments], cwd=ROOT, stdout=stdout, text=True, check=False)


if __name__ == "__main__":
    main()
