"""The commands `smart-region generate` and `contracts …`: what follows from the code, as files."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from boundary.terminal import echo
from events.options import folder_option

OF_A_CLONE: Final = ("deploy", "docs", "pyproject.toml")
RELEASED = folder_option(
    "--released", default="docs/contracts/released", help="The released schemas."
)


@click.command()
@click.option("--check", is_flag=True, help="Write nothing: exit status 1 where a file differs.")
@folder_option("--project", default=".", help="The clone of the project.")
def generate(*, check: bool, project: Path) -> None:
    """Write all generated files, or compare them.

    The others are the catalogue, contracts, metrics, settings and the version; what follows are
    rules, routes, boards, Strimzi's resources and pages below deploy/ and docs/. Where one cannot
    be generated the reason is printed and nothing is written.
    """
    from operations.generation.files import generated

    if not all((project / name).exists() for name in OF_A_CLONE):
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


@click.group()
def contracts() -> None:
    """Write the event contracts, and check those released.

    They are for other programs.
    """


@contracts.command()
@folder_option("--out", default="build/contracts", help="Where to write.")
def render(out: Path) -> None:
    """Write the schemas and API documents that the gateway serves.

    They are JSON Schemas, the AsyncAPI and the OpenAPI documents. Each is complete in itself.
    """
    from gateway.documents import document_files

    files = document_files(out)
    files.write()
    echo(f"{len(files.files)} files in {out}")


@contracts.command()
@RELEASED
def check(released: Path) -> None:
    """Check that released contracts take the events that they took.

    Where one does not, a v2 is needed.
    """
    from events.contracts.releases import BrokenContractError, compare

    if not released.is_dir():
        message = f"{released} is no folder: run this in a clone, or name its released schemas"
        raise click.BadParameter(message, param_hint="--released")
    comparison = compare(released)
    for name in comparison.unreleased:
        echo(f"not released yet: {name}")
    for name in comparison.changed:
        echo(f"changed since it was released: {name}")
    if comparison.broken:
        raise BrokenContractError(comparison.broken)
    echo(f"{len(comparison.kept)} released contracts are kept to")


@contracts.command()
@RELEASED
def release(released: Path) -> None:
    """Release the current contracts: what they take stays valid."""
    from events.contracts.releases import release as freeze

    changed = freeze(released)
    for name in changed:
        echo(f"released {name}")
    echo(f"{len(changed)} new or wider")
