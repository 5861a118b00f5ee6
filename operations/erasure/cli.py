"""The command `smart-region erase`."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

import click

from boundary.terminal import echo
from broker.options import BROKER
from operations.options import SECONDS

if TYPE_CHECKING:
    from operations.erasure.procedure import Remains
    from streams.settings import Settings

__all__ = ["erase"]


@click.command()
# What is not UTF-8 is no pseudonym either, which says so with its line.
@click.argument("file", type=click.File(encoding="utf-8-sig", errors="replace"), default="-")
@click.option("--for-good", is_flag=True, help="Erase; without, only list what would be erased.")
@click.option(
    "--wait",
    "wait_seconds",
    type=SECONDS,
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="How long the workers may take to process what is sent.",
)
@BROKER
def erase(*, file: TextIO, for_good: bool, wait_seconds: float, bootstrap: str | None) -> None:
    """Erase what is kept about the pseudonyms of FILE.

    FILE has one a line; without it they come from standard input. Their facts are retracted, so
    that no figure counts them; the partitions with their records are rewritten without these;
    their states get tombstones. This cannot be undone. If it is interrupted, run it again. The
    workers have to run meanwhile, and to be restarted one after the other afterwards. Other
    records that name a pseudonym are listed, and stay: docs/retention.md.
    """
    from broker.writing import KafkaWriter
    from operations.erasure import procedure
    from operations.erasure.persons import Persons, read_pseudonyms
    from operations.programs.interruption import undone_by_signals
    from streams.settings import load_settings

    settings = load_settings(broker=bootstrap)
    persons = Persons(read_pseudonyms(file), settings.record_rules())
    traces = procedure.find_records(settings, persons)
    echo(
        f"{traces.records} records in {len(traces.partitions)} partitions are about"
        f" {len(traces.persons)} of {len(persons.pseudonyms)} pseudonyms"
    )
    _print_remains(procedure.find_remains(settings, persons, traces), settings)
    if not for_good:
        echo("nothing was done: add --for-good to erase them", err=True)
        return
    with (
        undone_by_signals("run it again"),
        KafkaWriter(settings.broker, security=settings.security()) as writer,
    ):
        erased = procedure.erase(settings, writer, persons, traces, wait_seconds=wait_seconds)
    echo(
        f"{erased.taken_back} facts taken back, {erased.copied} records of others copied,"
        f" {len(persons.pseudonyms)} states ended"
    )
    echo("now restart the workers one after the other: they forget at their start", err=True)


def _print_remains(remains: Remains, settings: Settings) -> None:
    """Print the other records that name the persons, and until when they are kept."""
    from events.topics import changelog_name
    from operations.erasure.persons import PERSONS

    if remains.states:
        changelog = changelog_name(settings.app_id, PERSONS)
        echo(
            f"{changelog}: {remains.states} records of their states: compacted within 7 days of"
            " --for-good"
        )
    for trace in remains.letters:
        echo(f"dead letter {trace}")
    for mention in remains.mentions:
        echo(f"{mention}: stays")
