"""`make crash`: end the programs that write what lasts at each of their writes."""

from __future__ import annotations

import logging
import sys
import tempfile
from pathlib import Path
from typing import Final

import click

from broker.topic_admin import apply_topics
from events.topics import declared_topics
from tests.crash.scenarios import NAMES, opened
from tests.crash.stage import Stage
from tests.crash.trying import Attempt, tried
from tests.support.kafka import KafkaBroker

_ALL: Final = "all"
_COLUMNS: Final = "{:10} {:>7} {:>16} {:>7} {:>8} {:>6} {:>7} {:>7}"


class _Points(click.ParamType):
    name = "N|all"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | None:
        return None if value == _ALL else int(click.IntRange(min=1).convert(value, param, ctx))


@click.command()
@click.option("--scenario", type=click.Choice([_ALL, *NAMES]), default=_ALL, show_default=True)
@click.option("--points", type=_Points(), default="40", show_default=True, help="Of each scenario.")
@click.option("--seed", default=1, show_default=True, help="Draws the points.")
@click.option("--once", is_flag=True, help="Let the run that goes on come to its end.")
def main(*, scenario: str, points: int | None, seed: int, once: bool) -> None:
    """Kill each program at system calls that write, run it again, and print what was wrong.

    The run that goes on is killed too, unless --once is given, and the third comes to its end.

    The exit status is 1 where something was.
    """
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    names = NAMES if scenario == _ALL else (scenario,)
    with (
        tempfile.TemporaryDirectory(prefix="smart-region-") as folder,
        KafkaBroker(Path(folder)) as broker,
        Stage() as stage,
    ):
        apply_topics(broker.bootstrap, declared_topics())
        with opened(names, broker) as scenarios:
            outcomes = [
                tried(stage, one, points=points, seed=seed, twice=not once, on_attempt=_report)
                for one in scenarios
            ]
    click.echo(err=True)
    click.echo(
        _COLUMNS.format(
            *("scenario", "writes", "kills and errors", "tried", "reached", "again"),
            *("right", "wrong"),
        )
    )
    for outcome in outcomes:
        attempts, wrong = len(outcome.attempts), len(outcome.wrong)
        reached = (outcome.reached, outcome.reached_again)
        counts = (outcome.points, outcome.injections, attempts, *reached)
        click.echo(_COLUMNS.format(outcome.scenario, *counts, attempts - wrong, wrong))
    for outcome in outcomes:
        for attempt in outcome.wrong:
            click.echo(f"{outcome.scenario}: {attempt}: {'; '.join(attempt.problems)}")
    sys.exit(any(outcome.wrong for outcome in outcomes))


def _report(attempt: Attempt) -> None:
    click.echo("x" if attempt.problems else "." if attempt.reached else "-", nl=False, err=True)


if __name__ == "__main__":
    main()
