"""`make fuzz`: throw at the gateway's readers what nobody would send, for as long as is asked."""

from __future__ import annotations

import random
import sys
from time import monotonic

import click

from tests.fuzz.targets import TARGETS, fuzz

SEEDS = 2**32


@click.command()
@click.option("--examples", default=2_000, show_default=True, help="For each target.")
@click.option(
    "--seed", type=int, help="Draw the same examples again; a new one where it is not given."
)
@click.option(
    "--only", type=click.Choice([target.name for target in TARGETS]), help="Fuzz one target."
)
def main(*, examples: int, seed: int | None, only: str | None) -> None:
    """Fuzz the gateway's readers; the exit status is 1 where a check failed."""
    seeded = random.randrange(SEEDS) if seed is None else seed
    failed = False
    for target in TARGETS:
        if only not in (None, target.name):
            continue
        began = monotonic()
        try:
            fuzz(target, examples=examples, seeded=seeded)
        except Exception as error:  # noqa: BLE001 - whatever a reader raised is what is looked for
            failed = True
            click.echo("\n".join([*getattr(error, "__notes__", ()), repr(error)]), err=True)
            verdict = f"failed; again: --only {target.name} --examples {examples} --seed {seeded}"
        else:
            verdict = "held"
        click.echo(f"{target.name} ({target.meaning}), {monotonic() - began:.0f} s: {verdict}")
    sys.exit(int(failed))


if __name__ == "__main__":
    main()
