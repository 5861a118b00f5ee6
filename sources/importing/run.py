"""One import from its files to its tally: all files are checked, then their events sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from pathlib import Path
from typing import TypeAlias

from boundary.diagnostic import Diagnostic
from events.producers.ownership import Ownership
from sources.client import NullPublisher, Publisher
from sources.importing.event_building import recorded_at
from sources.importing.findings import FileReader
from sources.importing.journal import open_journal
from sources.importing.refusal import RefusalWriter, refusal_file
from sources.importing.sender import Sender, Tally
from sources.importing.table import open_table

OpenPublisher: TypeAlias = Callable[[], Publisher]
"""Opens the publisher of the events: of Kafka, or of the gateway."""


@dataclass(frozen=True, slots=True)
class Import:
    """The files and the options of one run."""

    files: Sequence[Path]
    destination: str
    """Where the events go, as the journal has it."""
    journal: Path
    recorded_at: datetime | None = None
    """When the files were made; None: when each was last changed."""
    refusals: Path | None = None
    dry_run: bool = False
    again: bool = False
    ownership: Ownership = field(default_factory=Ownership)
    """Who may report what: events of other sources are sent, and counted as refused later."""


def run_import(
    plan: Import,
    reader: FileReader,
    open_publisher: OpenPublisher,
    *,
    now: datetime,
    report: RefusalWriter,
    tally: Tally | None = None,
) -> Tally:
    """Import files: nothing is sent before each of them has been opened and its heading read.

    A dry run reads all and sends nothing, and opens no publisher. A given `tally` is kept up to
    date, for a caller that reports after an error. Raises SmartRegionError, and what opening the
    publisher raises.
    """
    tables = [
        (open_table(file, reader.layout), recorded_at(file, plan.recorded_at, now=now))
        for file in plan.files
    ]
    tally = tally or Tally()
    tally.empty = [table.file for table, _ in tables if next(table.rows(), None) is None]
    # What is sent of a file depends on what was said before it, and not on its name.
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
        sender = Sender(
            publisher, journal, on_refused=refuse, tally=tally, ownership=plan.ownership
        )
        for table, time in tables:
            sender.send(table.name, reader.read(table, time))
        sender.send("", reader.rest())
    return sender.tally
