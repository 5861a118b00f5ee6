"""The command `smart-region export`."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import click

from boundary.extras import needs_extra
from boundary.terminal import echo
from broker.options import BROKER
from events.options import KNOWN_ON, OUT, day_option, refuse_future

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from audit.export.document import Format
    from audit.export.rows import ExportRow
    from catalogue.model import Catalogue
    from streams.settings import Settings

PILOTE: Final = "pilote"


@click.command()
@day_option("--as-of", help="The day of the figures; default today.")
@KNOWN_ON
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "json", PILOTE]),
    default="csv",
    show_default=True,
    help="pilote: observed indicators, as `import pilote` reads them.",
)
@OUT
@click.option(
    "--excel",
    is_flag=True,
    help="CSV for a French spreadsheet: semicolons, decimal commas, a mark of UTF-8.",
)
@click.option(
    "--package",
    is_flag=True,
    help="Write datapackage.json beside --out: a Frictionless Data Package of that file.",
)
@click.option(
    "--licence",
    type=click.Choice(["etalab-2.0", "ODbL-1.0"]),
    default="etalab-2.0",
    show_default=True,
    help="Of the data, for --package.",
)
@click.option(
    "--to",
    "database",
    metavar="URL",
    help="Write into a PostgreSQL database instead, postgresql://USER@HOST/NAME: the day's rows of"
    " the table smart_region_figures.figure are replaced. What it leaves out is from libpq's"
    " variables (PGPASSFILE…).",
)
@click.option("--dictionary", is_flag=True, help="Write what the columns mean, in French.")
@BROKER
def export(
    *,
    as_of: datetime | None,
    known_on: datetime | None,
    form: Format | Literal["pilote"],
    out: Path,
    excel: bool,
    package: bool,
    licence: str,
    dictionary: bool,
    database: str | None,
    bootstrap: str | None,
) -> None:
    """Export the figures of a day as open data.

    There is a row for each indicator, territory and milestone, and one for each category. They
    are counted from the topics of events, as known now or at the end of a past day (--known-on).

    In PILOTE's format there are the observed indicators alone: their current values of every day
    up to --as-of, from the topic of observations, and the catalogue's initial and target values.
    """
    from audit.export.document import dictionary_text, rows_text
    from audit.export.package import PACKAGE_FILE, package_text
    from boundary.whole_file import whole_file
    from catalogue.loader import load_catalogue
    from streams.settings import load_settings

    if excel:
        if form != "csv":
            raise click.BadParameter(f"is for CSV, not for {form}", param_hint="--excel")
        form = "excel"
    if package and (form == PILOTE or dictionary or not _is_file(out)):
        message = (
            "is of figures in a file: give --out FILE, without --dictionary or --format pilote"
        )
        raise click.BadParameter(message, param_hint="--package")
    if dictionary:
        if form == PILOTE:
            raise click.BadParameter("there is none of PILOTE's format", param_hint="--dictionary")
        with whole_file(out) as stream:
            stream.write(dictionary_text(form).encode())
        return
    if database is not None and (form != "csv" or excel or package or not _is_stdout(out)):
        raise click.BadParameter(
            "is a table: leave --format, --excel, --package and --out out", param_hint="--to"
        )
    settings = load_settings(broker=bootstrap)
    today = settings.make_clock().today()
    day = today if as_of is None else as_of.date()
    refuse_future(day, today, option="--as-of")
    catalogue = load_catalogue(settings.catalogue)
    known = None if known_on is None else known_on.date()
    if database is not None:
        with needs_extra("postgres", needed_by="export --to"):
            from audit.export.database import write_figures
            from boundary.postgres import connection_text

        connection_text(database)  # Before all is read: a wrong name shows now.
        rows = _rows(settings, catalogue, day, known)
        written = write_figures(database, rows, day=day, known_on=known)
        echo(f"{written} rows of {day} written")
        return
    with ExitStack() as files:
        # Both or neither: a package describes its file to the byte.
        stream = files.enter_context(whole_file(out))
        beside = files.enter_context(whole_file(out.with_name(PACKAGE_FILE))) if package else None
        if form == PILOTE:
            stream.write(_pilote(settings, catalogue, day, known).encode())
            return
        content = rows_text(_rows(settings, catalogue, day, known), form).encode()
        stream.write(content)
        if beside is not None:
            described = package_text(
                out.name, content, form, as_of=day, known_on=known, licence=licence
            )
            beside.write(described.encode())


def _rows(
    settings: Settings, catalogue: Catalogue, day: date, known_on: date | None
) -> Iterator[ExportRow]:
    """Return the rows of a day: as known now, or as known on a past day."""
    from audit.export.rows import rows_of
    from streams.topic_fold import fold_topics

    sums = fold_topics(settings, catalogue, known_on=known_on, report=partial(echo, err=True))
    return rows_of(catalogue, sums, day, known_on)


def _is_stdout(out: Path) -> bool:
    return out.name == "-"


def _is_file(out: Path) -> bool:
    from audit.export.package import PACKAGE_FILE

    return out.name not in {"-", PACKAGE_FILE} and (not out.exists() or out.is_file())


def _pilote(settings: Settings, catalogue: Catalogue, day: date, known_on: date | None) -> str:
    from audit.export.pilote import current_values, promised_values
    from events.fact import Family
    from sources.importing.pilote import pilote_text
    from streams.decisions import read_decisions
    from streams.topic_fold import event_records

    skipped = read_decisions(settings.broker, security=settings.security()).skipped
    records = event_records(
        settings, [Family.OBSERVATIONS], skipped, report=partial(echo, err=True)
    )
    current = current_values(
        records, day, known_on, partitions=settings.partitions, rules=settings.record_rules()
    )
    return pilote_text((*promised_values(catalogue), *current))
