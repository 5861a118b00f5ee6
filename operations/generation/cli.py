"""The command `smart-region generate`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from boundary.terminal import echo

__all__ = ["generate"]

WRITTEN_BELOW: Final = ("deploy", "docs")


@click.command()
@click.option("--check", is_flag=True, help="Write nothing: exit status 1 where a file differs.")
@click.option(
    "--project",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    show_default=True,
    metavar="DIR",
    help="The clone of the project.",
)
def generate(*, check: bool, project: Path) -> None:
    """Write all files that follow from the catalogue, contracts, metrics and settings.

    They are rules, routes, boards, Strimzi's resources and pages below deploy/ and docs/. Where one
    cannot be generated the reason is printed and nothing is written.
    """
    from operations.generation.files import generated

    if not all((project / name).is_dir() for name in WRITTEN_BELOW):
        raise click.UsageError(
            f"project: is no clone of the monitor, value {str(project)!r}: run this in one or name"
            " it with --project; `rules render`, `boards render` and the like write anywhere"
        )
    parts = list(generated(project))
    count = sum(len(part.files) for part in parts)
    if not check:
        for part in parts:
            part.write()
        echo(f"{count} files written")
        return
    differences = [line for part in parts for line in part.differences()]
    for line in differences:
        echo(line, err=True)
    if differences:
        echo("to write them again: smart-region generate", err=True)
        raise click.exceptions.Exit(1)
    echo(f"{count} files are up to date")
