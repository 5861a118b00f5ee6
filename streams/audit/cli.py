"""The command `smart-region audit`."""

from __future__ import annotations

import json
import sys
from datetime import datetime

import click

__all__ = ["commands"]

DAY = click.DateTime(["%Y-%m-%d"])


@click.command()
@click.option("--as-of", type=DAY, metavar="DAY", help="Count as of this day, YYYY-MM-DD.")
@click.option(
    "--known-on", type=DAY, metavar="DAY", help="Only with what was recorded up to this day."
)
@click.option(
    "--against",
    "urls",
    multiple=True,
    metavar="URL",
    help="Compare with this worker's /metrics; give every worker of the monitor.",
)
@click.option("--bootstrap", metavar="HOST:PORT", help="The broker; default SMART_REGION_BROKER.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def audit(
    *,
    as_of: datetime | None,
    known_on: datetime | None,
    urls: tuple[str, ...],
    bootstrap: str | None,
    as_json: bool,
) -> None:
    """Count every figure again from the raw topics, by another road than the worker's.

    Without --as-of the day is the worker's where there is one to compare with, else the clock's.
    The exit status is 1 where a worker differs, and 2 where the broker or a worker cannot be read.
    """
    from rich.console import Console

    from catalogue.loader import load_catalogue
    from streams.audit.comparison import compare, workers_day
    from streams.audit.exposed import read_worker
    from streams.audit.reading import read_topics
    from streams.audit.recount import audit_records
    from streams.audit.report import audit_document, print_audit
    from streams.settings import load_settings

    if urls and known_on is not None:
        raise click.UsageError("a worker knows all records: leave out --known-on or --against")
    settings = load_settings(broker=bootstrap)
    token = settings.metrics_token()
    # Before all is read: a wrong address shows now.
    workers = [read_worker(url, token=token) for url in urls]
    if as_of is not None:
        day = as_of.date()
    else:
        day = workers_day(workers) if workers else settings.make_clock().today()
    counted = audit_records(
        read_topics(settings.broker, security=settings.security()),
        load_catalogue(settings.catalogue_folder),
        day,
        known_on.date() if known_on is not None else None,
        partitions=settings.partitions,
    )
    comparison = compare(counted, urls, token=token) if urls else None
    if as_json:
        document = audit_document(counted, comparison)
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        print_audit(counted, Console(highlight=False), comparison)
    if comparison is not None and comparison.differences:
        sys.exit(1)


commands = [audit]
