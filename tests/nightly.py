"""What explores rather than checks: `make nightly`, a line for each part."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import Final

import click

LOGS: Final = Path("build/nightly")

_MODULE: Final = (sys.executable, "-m")

#: Each part's command, and its share of the run's minutes; None: as long as it takes.
PARTS: Final[dict[str, tuple[Sequence[str], float | None]]] = {
    "tests that explore": (
        (*_MODULE, "pytest", "-q", "-m", "nightly", "-n", "3", "--dist", "loadfile", "tests"),
        None,
    ),
    "properties": (
        (*_MODULE, "pytest", "-q", "-n", "2", "--hypothesis-profile", "thorough", "tests/unit"),
        None,
    ),
    "simulation": ((*_MODULE, "tests.simulation", "--all-probes", "--seeds", "{simulation}"), None),
    "chaos": ((*_MODULE, "tests.chaos", "--minutes", "{minutes}", "--seed", "{seed}"), 0.2),
    "fuzz": ((*_MODULE, "tests.fuzz", "--minutes", "{minutes}", "--seed", "{seed}"), 0.1),
    "crashes": ((*_MODULE, "tests.crash", "--points", "all"), None),
    "Python 3.14": (
        ("make", "test", "PYTHON=python3.14", "ARGS=-q tests/unit tests/integration"),
        None,
    ),
}


@click.command()
@click.option("--minutes", default=100, show_default=True, type=click.IntRange(min=10))
@click.option("--seeds", default=2000, show_default=True, help="Of the simulation.")
@click.option("--seed", default=1, show_default=True, help="Another one each night.")
@click.option("--only", multiple=True, type=click.Choice([*PARTS]))
def main(*, minutes: int, seeds: int, seed: int, only: tuple[str, ...]) -> None:
    """Run the parts one after the other; the exit status is 1 where one failed."""
    LOGS.mkdir(parents=True, exist_ok=True)
    failed = 0
    for name in only or PARTS:
        if name.startswith("Python ") and not shutil.which(name.lower().replace(" ", "")):
            click.echo(f"{name:<20} not run: it is not installed")
            continue
        command, share = PARTS[name]
        part_minutes = max(1, round(minutes * (share or 0)))
        arguments = [
            one.format(minutes=part_minutes, seed=seed, simulation=seeds) for one in command
        ]
        log, begun = LOGS / f"{name.replace(' ', '-')}.log", monotonic()
        with log.open("wb") as stream:
            done = subprocess.run(arguments, stdout=stream, stderr=subprocess.STDOUT, check=False)
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        last = next((line for line in reversed(lines) if line.strip()), "")
        failed += done.returncode != 0
        state = "right" if done.returncode == 0 else f"FAILED, see {log}"
        click.echo(f"{name:<20} {(monotonic() - begun) / 60:5.1f} min  {state}: {last.strip()}")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
