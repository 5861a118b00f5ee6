"""The command `smart-region backfill`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from boundary.terminal import echo
from broker.options import BROKER
from events.options import day_option, output_option, refuse_future

if TYPE_CHECKING:
    from streams.settings import Settings

DAYS = {"d": 1, "w": 7}
#: Blocks of half a year or so; with promtool's own two hours it would read the file for each day.
PROMTOOL = "promtool tsdb create-blocks-from openmetrics --max-block-duration=8760h"


def _step(_: click.Context, __: click.Parameter, text: str) -> int:
    """Read a step: whole days or weeks, for a figure has one value a day."""
    matched = re.fullmatch(r"([1-9]\d{0,3})([dw])", text)
    if matched is None:
        raise click.BadParameter(f"{text!r} is no step: write days or weeks, as in 1d, 7d or 4w")
    return int(matched[1]) * DAYS[matched[2]]


@click.command()
@day_option("--from", "start", required=True, help="First day.")
@day_option("--to", "end", required=True, help="Last day.")
@click.option(
    "--step",
    default="1d",
    show_default=True,
    metavar="STEP",
    callback=_step,
    help="From one day to the next: 1d, 7d, 4w…",
)
@output_option(required=True, help="Where to write; - is the standard output.")
@BROKER
def backfill(
    *,
    start: datetime,
    end: datetime,
    step: int,
    out: Path,
    bootstrap: str | None,
) -> None:
    """Write the past years for Prometheus.

    Figures, targets and statuses are written as they were at midnight (UTC) of each day, as far as
    is known now. It is OpenMetrics text, of which promtool makes blocks for Prometheus.
    """
    from datetime import timedelta

    from boundary.interruption import rolled_back_on_signal
    from streams.settings import load_settings

    first, last = start.date(), end.date()
    if last < first:
        raise click.BadParameter(
            f"{last} is before --from {first}: give two days in order", param_hint="--to"
        )
    settings = load_settings(broker=bootstrap)
    refuse_future(last, settings.make_clock().today(), option="--to")
    days = [first + timedelta(days) for days in range(0, (last - first).days + 1, step)]
    # What is half made is gigabytes, beside the file.
    with rolled_back_on_signal("run it again"):
        _write(settings, days, out)
    _report("next, where Prometheus is:")
    _report(f"  {PROMTOOL} {out} blocks")
    _report("  mv blocks/* DATA_FOLDER")


def _report(line: str) -> None:
    echo(line, err=True)


def _write(settings: Settings, days: Sequence[date], out: Path) -> None:
    from itertools import chain

    from audit.backfill.series import BackfillSeries, OpenMetricsSpool
    from boundary.screen import progress_bar
    from boundary.whole_file import whole_file
    from catalogue.loader import load_catalogue
    from streams.topic_fold import fold_topics

    catalogue = load_catalogue(settings.catalogue)
    with whole_file(out) as stream, OpenMetricsSpool(_folder_of(out)) as spool:
        sums = fold_topics(settings, catalogue, report=_report)
        past = BackfillSeries(catalogue, sums, days)
        for series in chain(past.promised(), past.persons()):
            spool.add(*series)
        with progress_bar() as progress:
            for territory in progress.track(past.judged(), len(past), description="Judging"):
                for series in territory:
                    spool.add(*series)
        spool.write(stream)
    _report(f"{spool.samples} samples of {len(days)} days")


def _folder_of(out: Path) -> Path | None:
    """Spool beside the file, where there must be room for it; a pipe has no folder."""
    is_file = out.is_file() or not (out == Path("-") or out.exists())
    return out.resolve().parent if is_file else None
