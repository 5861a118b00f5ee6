"""One import: check all files, then send their events; the tally is printed in any case."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any, Final, TypeAlias

from boundary.diagnostic import Diagnostic
from boundary.settings import read_settings, variable
from boundary.settings_folder import settings_folder
from boundary.terminal import counted, echo, echo_lines
from boundary.text_templates import filled
from broker.options import quiet_client
from events.producers.model import ProducersSettings, load_producers
from events.producers.ownership import Ownership
from sources.client import NullPublisher, Publisher
from sources.emitting.options import GatewayChoice, destination_of, open_publisher
from sources.importing.event_building import FileReader, recorded_at
from sources.importing.journal import open_journal
from sources.importing.refusal import RefusalWriter, refusal_file
from sources.importing.sender import Sender, Tally
from sources.importing.table import open_table

MOST_SHOWN: Final = 20
"""Refusals on the screen; the file of --refusals has all of them."""
JOURNAL: Final = "imports.sqlite3"
OpenPublisher: TypeAlias = Callable[[], Publisher]
"""Opens the publisher of the events: of Kafka, or of the gateway."""


@dataclass(frozen=True, slots=True)
class Import:
    """The files and the options of one run."""

    files: Sequence[Path]
    destination: str
    """Where the events go, as the journal names it."""
    journal: Path
    recorded_at: datetime | None = None
    """When the files were made; None: when each was last changed."""
    refusals: Path | None = None
    dry_run: bool = False
    again: bool = False
    ownership: Ownership = field(default_factory=Ownership)
    """Who owns which facts: the tally counts events of others, which workers will refuse."""


def run_import(
    plan: Import,
    reader: FileReader,
    open_publisher: OpenPublisher,
    *,
    now: datetime,
    report: RefusalWriter,
    tally: Tally,
) -> None:
    """Import files; nothing is sent before the headings of all of them have been read.

    A dry run reads everything, sends nothing and opens no publisher. `tally` is kept up to date,
    for a caller that reports after an error. Raises SmartRegionError, and what opening the
    publisher raises.
    """
    tables = [
        (open_table(file, reader.layout), recorded_at(file, plan.recorded_at, now=now))
        for file in plan.files
    ]
    tally.empty = [table.file for table, _ in tables if next(table.rows(), None) is None]
    # Files are sent in the order in which they were recorded, whatever their names.
    tables.sort(key=itemgetter(1))
    with ExitStack() as stack:
        write = None
        if plan.refusals:
            read = (*plan.files, plan.journal)
            write = stack.enter_context(refusal_file(plan.refusals, read=read))

        def refuse(refusal: Diagnostic) -> None:
            if write is not None:
                write(refusal)
            report(refusal)

        journal = stack.enter_context(
            open_journal(plan.journal, plan.destination, again=plan.again, rehearsal=plan.dry_run)
        )
        publisher = stack.enter_context(NullPublisher() if plan.dry_run else open_publisher())
        sender = Sender(publisher, journal, refuse, tally, plan.ownership)
        for table, time in tables:
            sender.send(table.name, reader.read(table, time))
        sender.send("", reader.rest())


def carry_out(
    reader: FileReader,
    *,
    files: tuple[Path, ...],
    bootstrap: str | None,
    gateway: GatewayChoice | None,
    recorded_at: datetime | None,
    journal: Path | None,
    **how: Any,
) -> Tally:
    """Import files by a command's options; the tally is printed in any case."""
    quiet_client()
    declared = read_settings(ProducersSettings, own=variable("producers"))
    plan = Import(
        files=files,
        destination=destination_of(bootstrap, gateway),
        journal=journal or settings_folder() / JOURNAL,
        recorded_at=recorded_at and recorded_at.replace(tzinfo=UTC),
        ownership=load_producers(declared.producers).ownership,
        **how,
    )
    tally = Tally()
    shown = 0

    def report(refusal: Diagnostic) -> None:
        nonlocal shown
        shown += 1
        if shown <= MOST_SHOWN:
            echo(refusal, err=True)

    try:
        opened = partial(open_publisher, bootstrap, gateway)
        run_import(plan, reader, opened, now=datetime.now(UTC), report=report, tally=tally)
    finally:
        if tally.lines or tally.empty:  # Not where the files could not even be opened.
            _print_tally(tally, plan)
    return tally


def _print_tally(tally: Tally, plan: Import) -> None:
    if tally.problems.total() > MOST_SHOWN:
        found = tally.problems.total()
        where = f"see {plan.refusals}" if plan.refusals else "see all of them with --refusals FILE"
        echo(f"… {counted(found - MOST_SHOWN, 'fault')} more: {where}", err=True)
    text = filled("sources.importing", "tally.txt", tally=tally, plan=plan)
    echo_lines(text.rstrip("\n"))
