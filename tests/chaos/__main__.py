"""`make chaos`: real brokers, workers, gateway and monitoring under faults, and every figure."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from time import monotonic

import click

from boundary.errors import SmartRegionError
from boundary.interruption import Interrupted, interruptible
from tests.chaos.account import account_html, account_lines
from tests.chaos.journal import Journal, RunPlan
from tests.chaos.run import FRESH_EVERY, Chaos

BEGAN = monotonic()


@click.command()
@click.option("--minutes", default=20, show_default=True, type=click.IntRange(min=1))
@click.option("--seed", default=1, show_default=True, help="Decides which faults come when.")
@click.option(
    "--rate", default=2_000, show_default=True, type=click.IntRange(min=100), help="A second."
)
@click.option("--workers", default=4, show_default=True, type=click.IntRange(min=2))
@click.option(
    "--fresh-every",
    default=FRESH_EVERY,
    show_default=True,
    type=click.IntRange(min=1),
    help="Minutes until a new system begins with empty topics; an audit reads all that one got.",
)
@click.option(
    "--folder",
    default=Path("build/chaos"),
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Of the results: a run that was interrupted goes on from there.",
)
def main(
    *, minutes: int, seed: int, rate: int, workers: int, fresh_every: int, folder: Path
) -> None:
    """Run, and write the account as HTML; the exit status is 1 where anything differed."""
    # Clients log each fault, which is what they are here for; the account counts what came of it.
    for client in ("aiokafka", "kafka"):
        logging.getLogger(client).setLevel(logging.CRITICAL)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"seed-{seed}.json"
    try:
        journal = Journal.of(path, RunPlan(seed=seed, rate=rate, workers=workers))
    except SmartRegionError as error:
        raise click.ClickException(str(error)) from error
    if journal.minutes:
        _report(f"{len(journal.minutes)} minutes are done: going on after them")
    try:
        with interruptible():
            journal = Chaos(path, _report, fresh_every).run(journal, minutes)
    except Interrupted as error:
        _report(f"interrupted; the same command goes on ({path})")
        sys.exit(128 + error.number)
    page = path.with_suffix(".html")
    page.write_text(account_html(journal), encoding="utf-8")
    for line in account_lines(journal):
        click.echo(line)
    click.echo(f"written: {page}")
    sys.exit(int(bool(journal.failed)))


def _report(line: str) -> None:
    click.echo(f"{monotonic() - BEGAN:6.1f} s  {line}", err=True)


if __name__ == "__main__":
    main()
