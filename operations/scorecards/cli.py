"""The command `smart-region producers report`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from boundary.terminal import echo
from broker.options import BROKER
from events.options import OUT, file_option

if TYPE_CHECKING:
    from operations.scorecards.report import Format


@click.group()
def producers() -> None:
    """Declare the producers of events, and report to them on what they sent."""


@producers.command()
@click.option("--producer", "only", metavar="ID", help="Only on this one, to be sent to it.")
@click.option("--references", is_flag=True, help="Also list references of facts to unknown things.")
@file_option(
    "--sirets", help="With --references: the organisations that are known, a SIRET a line."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "csv"]),
    default="text",
    show_default=True,
)
@OUT
@BROKER
def report(
    *,
    only: str | None,
    references: bool,
    sirets: Path | None,
    form: Format,
    out: Path,
    bootstrap: str | None,
) -> None:
    """Report what was accepted and refused of each producer.

    Its lateness and its silence are reported too. Everything is counted anew from the event
    topics and the dead letters: a crash, a restart or a duplicate record changes nothing.
    """
    from boundary.whole_file import whole_file
    from broker.reading import Extent, read_topics
    from events.dead_letters import read_dead_letters
    from events.producers.model import load_producers
    from events.topics import DEAD_LETTERS
    from operations.scorecards.classification import classify_records
    from operations.scorecards.references import read_sirets
    from operations.scorecards.report import report_on, report_text
    from streams.decisions import read_decisions
    from streams.settings import load_settings

    if sirets is not None and not references:
        raise click.UsageError("--sirets lists known references: add --references")
    settings = load_settings(broker=bootstrap)
    declared = load_producers(settings.producers)
    known = None if sirets is None else read_sirets(sirets)
    security = settings.security()
    extent = Extent()
    records = classify_records(
        read_topics(settings.broker, security=security, extent=extent),
        read_dead_letters(
            read_topics(settings.broker, topics=[DEAD_LETTERS], security=security),
            on_foreign_record=lambda _: None,
        ),
        partitions=settings.partitions,
        rules=settings.record_rules(),
        skipped=read_decisions(settings.broker, security=security).skipped,
    )
    made = report_on(
        records,
        declared,
        settings.make_clock().today(),
        only=only,
        references=references,
        sirets=known,
    )
    for line in extent.lines():
        echo(line, err=True)
    with whole_file(out) as stream:
        stream.write(report_text(made, form).encode())
