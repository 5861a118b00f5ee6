"""The command `smart-region export`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import click

if TYPE_CHECKING:
    from datetime import date

    from catalogue.model import Catalogue
    from streams.export.document import Format
    from streams.settings import Settings

__all__ = ["commands"]

PILOTE: Final = "pilote"
DAY = click.DateTime(["%Y-%m-%d"])


@click.command()
@click.option("--as-of", type=DAY, metavar="DAY", help="The day of the figures; default today.")
@click.option(
    "--known-on", type=DAY, metavar="DAY", help="Only with what was recorded up to this day."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "json", PILOTE]),
    default="csv",
    show_default=True,
    help="pilote: observed indicators, as `import pilote` reads them.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    default="-",
    metavar="FILE",
    help="Where to write.  [default: standard output]",
)
@click.option("--dictionary", is_flag=True, help="Write what the columns mean, in French.")
@click.option("--bootstrap", metavar="HOST:PORT", help="The broker; default SMART_REGION_BROKER.")
def export(
    *,
    as_of: datetime | None,
    known_on: datetime | None,
    form: Format | Literal["pilote"],
    out: Path,
    dictionary: bool,
    bootstrap: str | None,
) -> None:
    """Write the figures of a day as open data.

    There is a row for each indicator, territory and milestone, and one for each category.
    They come from the workers' states, which know every day, as far as is known now. What was known
    on a past day (--known-on) is counted anew from the topics of events, and takes longer.

    In PILOTE's format there are the observed indicators alone: their current values of every day
    up to --as-of, from the topic of observations, and the catalogue's initial and target values.
    """
    from catalogue.loader import load_catalogue
    from streams.audit.reading import read_topics
    from streams.export.document import dictionary_text, rows_text
    from streams.export.rows import rows_of
    from streams.hindsight import holdings_known_on
    from streams.replica import read_replica
    from streams.settings import load_settings
    from streams.whole_file import whole_file

    if dictionary:
        if form == PILOTE:
            raise click.BadParameter("there is none of PILOTE's format", param_hint="--dictionary")
        with whole_file(out) as stream:
            stream.write(dictionary_text(form).encode())
        return
    settings = load_settings(broker=bootstrap)
    today = settings.make_clock().today()
    day = today if as_of is None else as_of.date()
    if day > today:
        raise click.BadParameter(
            f"{day} is yet to come (the clock says {today}): a day has figures when it is there",
            param_hint="--as-of",
        )
    catalogue = load_catalogue(settings.catalogue_folder)
    known = None if known_on is None else known_on.date()
    with whole_file(out) as stream:
        if form == PILOTE:
            stream.write(_pilote(settings, catalogue, day, known).encode())
            return
        if known is None:
            rows = rows_of(catalogue, read_replica(settings, catalogue), day)
        else:
            records = read_topics(settings.broker, security=settings.security())
            rows = rows_of(catalogue, holdings_known_on(records, catalogue, known), day, known)
        stream.write(rows_text(rows, form).encode())


def _pilote(settings: Settings, catalogue: Catalogue, day: date, known_on: date | None) -> str:
    from events.importing.pilote import pilote_text
    from events.registry import Family
    from events.topics import topic_name
    from streams.audit.reading import read_topics
    from streams.export.pilote import current_values, promised_values

    topics = [topic_name(Family.OBSERVATIONS)]
    records = read_topics(settings.broker, topics=topics, security=settings.security())
    current = current_values(records, day, known_on)
    return pilote_text((*promised_values(catalogue), *current))


commands: list[click.Command] = [export]
