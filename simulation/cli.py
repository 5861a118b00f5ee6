"""The commands `smart-region simulate`, the simulated Région as JSON lines, and `demo`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import TYPE_CHECKING, TextIO

import click

from events.options import DAY
from simulation.demo.cli import demo

if TYPE_CHECKING:
    from simulation.emitter import SimulatedRecord


@click.command()
@click.option("--seed", type=click.IntRange(min=0), required=True, help="The chance to follow.")
@click.option("--from", "start", type=DAY, metavar="DAY", help="First day.  [default: 2016-01-01]")
@click.option("--to", "end", type=DAY, metavar="DAY", help="Last day.  [default: 2020-12-31]")
@click.option(
    "--out",
    type=click.File("w", encoding="utf-8", lazy=True),
    default="-",
    metavar="FILE",
    help="Where to write.  [default: standard output]",
)
def simulate(seed: int, start: datetime | None, end: datetime | None, out: TextIO) -> None:
    """Write a simulated Région's events, one per line.

    They are those of 2016 to 2020. As in life, some lines come late, twice, corrected, taken
    back or invalid. The same seed always gives the same lines.
    """
    from simulation.period import FIRST_DAY, LAST_DAY
    from simulation.simulator import simulate as simulated

    first = FIRST_DAY if start is None else start.date()
    last = LAST_DAY if end is None else end.date()
    if last < first:
        raise click.BadParameter(
            f"{last} is before --from {first}: give two days in order", param_hint="--to"
        )
    records: Iterable[SimulatedRecord] = simulated(seed, first, last)
    # A person who sees no lines sees a bar instead.
    if sys.stderr.isatty() and not out.isatty():
        records = _with_bar(records, first, last)
    out.writelines(f"{record.line}\n" for record in records)


def _with_bar(
    records: Iterable[SimulatedRecord], first: date, last: date
) -> Iterator[SimulatedRecord]:
    from boundary.screen import progress_bar

    with progress_bar() as progress:
        task = progress.add_task("Simulating", total=(last - first).days + 1)
        for record in records:
            progress.update(task, completed=(record.day - first).days)
            yield record


commands: list[click.Command] = [simulate, demo]
