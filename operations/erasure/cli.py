"""The command `smart-region erase`."""

from __future__ import annotations

from typing import TextIO

import click

from boundary.terminal import counted, echo
from broker.options import BROKER
from events.options import seconds_option


@click.command()
# What is not UTF-8 is no pseudonym either, which says so with its line.
@click.argument("file", type=click.File(encoding="utf-8-sig", errors="replace"), default="-")
@click.option("--for-good", is_flag=True, help="Erase; without, only list what would be erased.")
@seconds_option(
    "--wait",
    "wait_seconds",
    default=60.0,
    help="How long the workers may take to process what is sent.",
)
@BROKER
def erase(*, file: TextIO, for_good: bool, wait_seconds: float, bootstrap: str | None) -> None:
    """Erase everything kept about the pseudonyms in FILE.

    FILE has one a line; without it they come from standard input. Their facts are retracted, so
    that no figure counts them; the partitions with their records are rewritten without these.
    This cannot be undone. If it is interrupted, run it again. The workers have to run meanwhile;
    within a minute they forget what was erased. Other records that name a pseudonym are listed,
    and stay: docs/retention.md.
    """
    from boundary.interruption import rolled_back_on_signal
    from broker.writing import KafkaWriter
    from operations.erasure import procedure
    from operations.erasure.persons import Persons, read_pseudonyms
    from streams.decisions import read_decisions
    from streams.settings import load_settings

    settings = load_settings(broker=bootstrap)
    pseudonyms = read_pseudonyms(file)
    procedure.verify_partitions(settings)
    skipped = read_decisions(settings.broker, security=settings.security()).skipped
    persons = Persons(pseudonyms, settings.record_rules(), skipped)
    traces = procedure.find_records(settings, persons)
    echo(
        f"{traces.records} records in {len(traces.partitions)} partitions are about"
        f" {len(traces.persons)} of {len(persons.pseudonyms)} pseudonyms"
    )
    remains = procedure.find_remains(settings, persons, traces)
    for changelog in remains.changelogs:
        echo(f"{changelog}: has states of persons, from before 1.0: delete this topic")
    for trace in remains.letters:
        echo(f"dead letter {trace}")
    for mention in remains.mentions:
        echo(f"{mention}: names one, and stays")
    if lost := procedure.not_copied(traces, settings.partitions):
        echo(
            f"{counted(lost, 'other record')} of these partitions will be gone too: unreadable,"
            " larger than any event, or passed over; no reader accepts them"
        )
    if not for_good:
        echo("nothing was done: add --for-good to erase them", err=True)
        return
    with (
        rolled_back_on_signal("run it again"),
        KafkaWriter(settings.broker, security=settings.security()) as writer,
    ):
        erased = procedure.erase(settings, writer, persons, traces, wait_seconds=wait_seconds)
        discarded = procedure.discard_letters(settings, writer, remains.letters)
    echo(f"{erased.taken_back} facts taken back, {erased.copied} records of others copied")
    if discarded:
        echo(f"{counted(discarded, 'dead letter')} discarded: no replay sends them again")
