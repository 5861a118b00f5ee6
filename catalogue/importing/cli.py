"""The command `smart-region import pilote`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from boundary.showing import say
from events.importing.cli import import_options

__all__ = ["import_group"]


@click.group(name="import")
def import_group() -> None:
    """Take in files that people keep, line by line, as events."""


@import_group.command()
@import_options
@click.option(
    "--catalogue",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The programme's file that initial and target values go into; it need not be there yet.",
)
@click.option(
    "--percent",
    multiple=True,
    metavar="INDICATOR",
    help="An indicator that is a percentage, where the catalogue does not have it yet.",
)
@click.option(
    "--rising",
    multiple=True,
    metavar="INDICATOR",
    help="An indicator that is to rise (PILOTE's tendance: hausse), whatever its targets say.",
)
@click.option(
    "--falling",
    multiple=True,
    metavar="INDICATOR",
    help="An indicator that is to fall (PILOTE's tendance: baisse), whatever its targets say.",
)
def pilote(
    catalogue: Path | None,
    percent: tuple[str, ...],
    rising: tuple[str, ...],
    falling: tuple[str, ...],
    **how: Any,
) -> None:
    """Import files of PILOTE: current values as events, the others into a catalogue.

    Columns identifiant_indic;zone_id;date_valeur;type_valeur;valeur. Current values (va)
    are observations of their indicator; initial (vi) and target values (vc) are the baselines and
    milestones of --catalogue. An empty value takes back what was said.

    Whether an indicator is to rise or to fall is not in the files. Where its targets go both ways,
    or all against the catalogue, they are refused until --rising or --falling says it.

    Each refused line is told with its column, its value and what to do, and stops nothing; the
    exit status is then 1, or 2 where the import could not go on. Run it again to go on.
    """
    from catalogue.importing.merging import Told
    from catalogue.importing.pilote import CatalogueKeeper, NoCatalogue
    from catalogue.importing.programme_file import read_declared, write_declared
    from events.importing.pilote import PiloteReader
    from events.importing.screen import carry_out

    for name in {*rising} & {*falling}:
        raise click.BadParameter(
            f"{name} is --rising too: give one of them", param_hint="--falling"
        )
    keeper = (
        NoCatalogue()
        if catalogue is None
        else CatalogueKeeper(read_declared(catalogue), Told(percent, rising, falling))
    )
    tally = carry_out(PiloteReader(keeper), **how)
    if catalogue is not None and isinstance(keeper, CatalogueKeeper):
        if how["dry_run"]:
            told = "would change" if keeper.has_changes else "would stay as it is"
        else:
            is_written = write_declared(catalogue, keeper.declared)
            told = "written" if is_written else "is as it was"
        say(f"{catalogue} {told}")
    if tally.refused:
        sys.exit(1)
