"""`make fuzz`: give the system's readers what nobody would send, for as long as is asked."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import Final

import click

from tests.fuzz.rounds import HEADING, TARGETS, Progress, fuzz_for, kept_examples
from tests.fuzz.target import Target

FOLDER: Final = Path(".hypothesis/fuzz")
"""Where failing examples are kept."""


@click.command()
@click.option("--minutes", default=20.0, show_default=True, help="For all targets together.")
@click.option(
    "--target",
    "only",
    multiple=True,
    type=click.Choice([target.name for target in TARGETS]),
    help="Fuzz this target alone; may be repeated.",
)
@click.option("--seed", default=1, show_default=True, help="Another one has other examples.")
def main(*, minutes: float, only: tuple[str, ...], seed: int) -> None:
    """Fuzz the readers one after the other; the exit status is 1 where a check failed."""
    done: list[Progress] = []
    failed = False
    chosen = [target for target in TARGETS if not only or target.name in only]
    for target in chosen:
        progress = Progress(target.name, seed)
        done.append(progress)
        try:
            kept = kept_examples(FOLDER, target)
            fuzz_for(target, progress, seconds=60 * minutes / len(chosen), database=kept)
        except Exception as error:  # noqa: BLE001 - whatever a reader raised is what is looked for
            failed = True
            click.echo(_failure(target, progress, error), err=True)
    click.echo("\n".join([HEADING, *map(str, done)]))
    sys.exit(int(failed))


def _failure(target: Target, progress: Progress, error: Exception) -> str:
    notes = "\n".join(getattr(error, "__notes__", ()))
    trace = "".join(traceback.format_exception(error)[-6:])
    return (
        f"{target.name}: failed in round {progress.rounds - 1} of seed {progress.seed}\n{notes}\n"
        f"{trace}the example is kept: make fuzz ARGS='--target {target.name}' begins with it\n"
    )


if __name__ == "__main__":
    main()
