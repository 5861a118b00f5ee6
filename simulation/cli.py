"""The commands `smart-region simulate`, the simulated Région as JSON lines, and `demo`."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from datetime import date, datetime
from functools import partial
from typing import TYPE_CHECKING, TextIO

import click

from boundary.terminal import echo
from events.options import day_option
from simulation.times import FIRST_DAY, LAST_DAY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulation.demo.screen import FiguresLayout, Screen
    from simulation.demo.system import DemoPlan


@click.command()
@click.option("--seed", type=click.IntRange(min=0), required=True, help="The chance to follow.")
@day_option("--from", "start", help="First day.  [default: 2016-01-01]")
@day_option("--to", "end", help="Last day.  [default: 2020-12-31]")
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
    from simulation.simulator import simulate as simulated

    first = FIRST_DAY if start is None else start.date()
    last = LAST_DAY if end is None else end.date()
    if last < first:
        raise click.BadParameter(
            f"{last} is before --from {first}: give two days in order", param_hint="--to"
        )
    out.writelines(f"{record.line}\n" for record in simulated(seed, first, last))


@click.command()
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="The chance that the simulated Région follows.",
)
@day_option(
    "--from",
    "start",
    default=str(FIRST_DAY),
    show_default=True,
    help="First day to watch; what was sent before is there at once.",
)
@day_option("--to", "end", default=str(LAST_DAY), show_default=True, help="Last day.")
@click.option(
    "--speed",
    type=click.IntRange(1, 10_000),
    default=45,  # Five years in 41 seconds: slow enough to watch.
    show_default=True,
    metavar="DAYS",
    help="Days a second.",
)
@click.option(
    "--open", "opens", is_flag=True, help="Open the page in a browser, once it shows figures."
)
@click.option("--until-replayed", is_flag=True, help="End after the last day.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as one line of JSON.")
def demo(
    *,
    seed: int,
    start: datetime,
    end: datetime,
    speed: int,
    opens: bool,
    until_replayed: bool,
    as_json: bool,
) -> None:
    """Watch a simulated Région's figures from 2016 to 2020.

    Its events pass through the whole monitor. A broker, a worker and the producing systems run
    on this machine until Ctrl-C, or with --until-replayed until all is processed and audited;
    then the exit status is 1 where the audit differs from the worker's figures. Where
    Prometheus is installed it follows them with the generated rules, and Alertmanager with it;
    their addresses are shown.
    """
    from boundary.interruption import Interrupted, interruptible
    from catalogue.loader import load_catalogue
    from simulation.demo.run import open_in_browser, run_demo
    from simulation.demo.screen import figures_table
    from simulation.demo.system import DemoPlan
    from streams.settings import load_settings

    if as_json and not until_replayed:
        raise click.UsageError("--json prints the outcome of a replay: add --until-replayed")
    first, last = _days(start, end)
    plan = DemoPlan(seed, first, last, speed, stays=not until_replayed)
    settings = load_settings()
    catalogue = load_catalogue(settings.catalogue)
    layout = partial(figures_table, catalogue)
    warn = partial(echo, err=True)
    try:
        with interruptible(), _screen(layout, plan, on_stderr=as_json) as screen:
            outcome = run_demo(
                plan,
                settings,
                catalogue,
                screen,
                on_difference=warn,
                opener=open_in_browser if opens else None,
            )
    except Interrupted as interrupted:
        # A demo that stays is ended so; a replay that was to be complete is not.
        sys.exit(0 if plan.stays else 128 + interrupted.number)
    if as_json:
        echo(outcome.model_dump_json())
    if outcome.audit.different:
        sys.exit(1)


def _days(start: datetime, end: datetime) -> tuple[date, date]:
    first, last = start.date(), end.date()
    if not FIRST_DAY <= first <= last <= LAST_DAY:
        raise click.UsageError(
            f"--from {first} --to {last}: give two days in order, from {FIRST_DAY} to {LAST_DAY}"
        )
    return first, last


@contextmanager
def _screen(layout: FiguresLayout, plan: DemoPlan, *, on_stderr: bool) -> Iterator[Screen]:
    """Yield a live screen in a terminal; else lines on stderr, then the table unless `on_stderr`.

    `on_stderr` keeps standard output for the program that reads it.
    """
    from boundary.screen import LegibleConsole
    from simulation.demo.screen import LiveScreen, PlainScreen

    stream = sys.stderr if on_stderr else sys.stdout
    console = LegibleConsole(file=stream)
    if stream.isatty() and not console.is_dumb_terminal:
        with LiveScreen(console, layout, plan.first, plan.last) as live:
            yield live
        return
    plain = PlainScreen(sys.stderr, plan.first, plan.last)
    yield plain
    if plain.frame is not None and not on_stderr:
        table = layout(plain.frame.figures, plain.frame.day, compact=False)
        LegibleConsole(file=stream, width=140, force_terminal=False).print(table)


commands: list[click.Command] = [simulate, demo]
