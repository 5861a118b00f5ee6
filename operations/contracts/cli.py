"""The commands `smart-region contracts …`."""

from __future__ import annotations

from pathlib import Path

import click

from boundary.terminal import echo

__all__ = ["contracts"]

RELEASED = click.option(
    "--released",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("docs/contracts/released"),
    show_default=True,
    metavar="DIR",
    help="The released schemas.",
)


@click.group()
def contracts() -> None:
    """Write the contracts for other programs, and keep to those that were released."""


@contracts.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("build/contracts"),
    show_default=True,
    metavar="DIR",
    help="Where to write.",
)
def render(out: Path) -> None:
    """Write what the gateway serves: JSON Schemas, the AsyncAPI and OpenAPI documents.

    Each is complete in itself.
    """
    from operations.contracts.files import contract_files

    files = contract_files(out)
    files.write()
    echo(f"{len(files.files)} files in {out}")


@contracts.command()
@RELEASED
def check(released: Path) -> None:
    """Check that each released contract takes the events that it took; else a v2 is needed."""
    from events.contracts.releases import BrokenContractError, compare

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
