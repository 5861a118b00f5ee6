"""The commands `smart-region import csv`, `pilote` and `mappings`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

import click

from boundary.terminal import echo, echo_lines
from broker.options import BROKER
from events.options import file_option, stacked
from sources.emitting.options import gateway_options

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_TIMES = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"])

#: Of every import, for `run.carry_out`.
IMPORT_OPTIONS: Final = stacked(
    click.argument("files", nargs=-1, required=True, type=_FILE, metavar="FILE..."),
    BROKER,
    click.option("--dry-run", is_flag=True, help="Read and check all of it, and send nothing."),
    file_option(
        "--refusals", help="Where to write every refusal: *.csv for a spreadsheet, else as text."
    ),
    click.option(
        "--recorded-at",
        type=_TIMES,
        metavar="TIME",
        help="When the files were made (UTC).  [default: when each was last changed]",
    ),
    file_option(
        "--journal",
        help="Where sent events are noted.  [default: ~/.config/smart-region/imports.sqlite3]",
    ),
    click.option(
        "--again", is_flag=True, help="Also send what was sent before, and has been lost there."
    ),
    gateway_options,
)


@click.group(name="import")
def import_group() -> None:
    """Import spreadsheets: each line becomes an event."""


@import_group.command(name="csv")
@IMPORT_OPTIONS
@click.option(
    "--mapping",
    required=True,
    metavar="MAPPING",
    help="What the columns mean: a file, or a name from `import mappings`.",
)
@click.option(
    "--pseudonym-key",
    type=_FILE,
    metavar="FILE",
    help="The key of persons' pseudonyms, for a mapping that makes them.",
)
def import_csv(mapping: str, pseudonym_key: Path | None, **how: Any) -> None:
    """Import CSV files by a declared mapping.

    Each refused line is shown with its column, its value and what to do, and stops nothing. The
    exit status is 1 if a line was refused or a file has no line, 2 if the import could not
    continue. Run it again to continue: what has arrived is not sent twice.
    """
    from events.pseudonym import load_key
    from sources.importing.editions import reader_of
    from sources.importing.mapping import load_mapping
    from sources.importing.run import carry_out

    make_pseudonym = None if pseudonym_key is None else load_key(pseudonym_key).pseudonym
    reader = reader_of(load_mapping(mapping), pseudonymise=make_pseudonym)
    sys.exit(carry_out(reader, **how).exit_status)


@import_group.command()
@IMPORT_OPTIONS
@click.option(
    "--catalogue",
    type=click.Path(exists=True, path_type=Path),
    metavar="PATH",
    help="The programme's file, or the folder of them, to compare initial and target values with.",
)
def pilote(catalogue: Path | None, **how: Any) -> None:
    """Import files of PILOTE, the State's barometer.

    Columns identifiant_indic;zone_id;date_valeur;type_valeur;valeur. Current values (va)
    are observations of their indicator; initial (vi) and target values (vc) are compared with the
    baselines and milestones of --catalogue. The YAML of each indicator that differs is printed, to
    paste into its file: no programme's file is written. An empty value retracts an earlier one.

    Each refused line is shown with its column, its value and what to do, and stops nothing. The
    exit status is 1 if YAML is to be pasted, a line was refused or a file has no line; 2 if the
    import could not continue; else 0. Run it again to continue.
    """
    from sources.importing.catalogue_changes import CatalogueChanges
    from sources.importing.pilote import PiloteReader
    from sources.importing.run import carry_out

    changes = CatalogueChanges(catalogue)
    tally = carry_out(PiloteReader(changes), **how)
    for text in changes.report:
        echo_lines(text)
    sys.exit(1 if changes.has_changes else tally.exit_status)


@import_group.command(name="mappings")
def list_mappings() -> None:
    """List the mappings that come with the program: name, fact, file."""
    from sources.importing.mapping import load_mapping, mapping_names

    for name in mapping_names():
        mapping = load_mapping(name)
        echo(f"{name}: {mapping.fact} from {mapping.title}")
