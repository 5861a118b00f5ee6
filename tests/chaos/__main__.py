"""`make chaos`: real brokers, workers, gateway and monitoring under faults, and every figure."""

from __future__ import annotations

import logging
import sys
from time import monotonic

import click

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
def main(*, minutes: int, seed: int, rate: int, workers: int, fresh_every: int) -> None:
    """Run, and print the account; the exit status is 1 where anything differed."""
    # Clients log each fault, which is what they are here for; the account counts what came of it.
    for client in ("aiokafka", "kafka"):
        logging.getLogger(client).setLevel(logging.CRITICAL)
    chaos = Chaos(seed, _report, rate, workers, fresh_every=fresh_every)
    results = chaos.run(minutes)
    for line in chaos.account(results):
        click.echo(line)
    sys.exit(any(one.problems for one in results))


def _report(line: str) -> None:
    click.echo(f"{monotonic() - BEGAN:6.1f} s  {line}", err=True)


if __name__ == "__main__":
    main()
