"""The commands `smart-region catalogue …` and `territory new`: what is promised, and where."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from boundary.terminal import counted, echo, echo_lines

FOLDER = click.argument(
    "directory", required=False, type=click.Path(path_type=Path), metavar="[DIR]"
)


@click.group()
def catalogue() -> None:
    """Check and list the promises of the catalogue.

    DIR is a folder of *.yaml files, by default the Région's own.
    """


@catalogue.command()
@FOLDER
def check(directory: Path | None) -> None:
    """Report all mistakes in a catalogue; exit status 1 if there is one."""
    from catalogue.loader import load_catalogue
    from events.declaration import InvalidDeclarationError

    try:
        loaded = load_catalogue(directory)
    except InvalidDeclarationError as invalid:
        for diagnostic in invalid.diagnostics:
            echo(diagnostic)
        echo(f"{len(invalid.diagnostics)} to correct", err=True)
        sys.exit(1)
    programmes = counted(len(loaded.programmes), "programme")
    echo(f"{programmes}, {counted(len(loaded.indicators), 'indicator')}: correct")


@catalogue.command(name="list")
@FOLDER
def list_indicators(directory: Path | None) -> None:
    """List the programmes, their indicators and their milestones."""
    from catalogue.loader import load_catalogue

    for programme in load_catalogue(directory).programmes:
        echo(f"{programme.id}: {programme.title}")
        for indicator in programme.indicators:
            facts = dict.fromkeys(fact for term in indicator.measure.terms for fact in term.facts)
            echo(f"  {indicator.id} ({indicator.unit}): {indicator.title}")
            echo(f"    from {', '.join(facts)}")
            for milestone in indicator.milestones:
                target = "no target" if milestone.target is None else f"{milestone.target}"
                day = "no day" if milestone.day is None else f"by {milestone.day}"
                assumed = " (assumed)" if milestone.assumed else ""
                echo(f"    {milestone.id}: {target} {day}{assumed}")


@click.group()
def territory() -> None:
    """Begin the file of another Région.

    SMART_REGION_TERRITORY names it for all programs.
    """


@territory.command(name="new")
@click.option("--region", required=True, metavar="CODE", help="Its INSEE code, as 53.")
@click.option(
    "--cog",
    "files",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    required=True,
    multiple=True,
    metavar="FILE",
    help="A CSV of Insee's Code officiel géographique: départements; also communes, régions.",
)
def new_file(region: str, files: tuple[Path, ...]) -> None:
    """Print the file of a Région, from Insee's codes and names."""
    from catalogue.new_territory import new_territory

    echo_lines(new_territory(region, files).rstrip())


commands: list[click.Command] = [catalogue, territory]
