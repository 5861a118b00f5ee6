"""The commands `smart-region contracts …`."""

from __future__ import annotations

from pathlib import Path

import click

from boundary.showing import say

__all__ = ["contracts"]

FOLDER = Path("docs/contracts")
RELEASED = click.option(
    "--released",
    type=click.Path(path_type=Path, file_okay=False),
    default=FOLDER / "released",
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
    default=FOLDER,
    show_default=True,
    metavar="DIR",
    help="Where to write.",
)
def render(out: Path) -> None:
    """Write JSON Schemas, the AsyncAPI and OpenAPI documents and the page that lists them."""
    from events.contracts.render import SCHEMAS, rendered

    files = {out / name: text for name, text in rendered().items()}
    for file, text in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    for file in (out / SCHEMAS).glob("*.json"):
        if file not in files:
            file.unlink()
    say(f"{len(files)} files in {out}")


@contracts.command()
@RELEASED
def check(released: Path) -> None:
    """Fail where a released contract would refuse events that it took: that needs a v2."""
    from events.contracts.releases import BrokenContractError, compare

    comparison = compare(released)
    for name in comparison.unreleased:
        say(f"not released yet: {name}")
    if comparison.broken:
        raise BrokenContractError(comparison.broken)
    say(f"{len(comparison.kept)} released contracts are kept to")


@contracts.command()
@RELEASED
def release(released: Path) -> None:
    """Freeze today's contracts: from here on, what they take is taken for ever."""
    from events.contracts.releases import release as freeze

    changed = freeze(released)
    for name in changed:
        say(f"released {name}")
    say(f"{len(changed)} new or wider")
