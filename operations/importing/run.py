"""One import from its files to its account: checked first, then carried, each line told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

from boundary.diagnostic import Diagnostic
from operations.client import NullPublisher, Publisher
from operations.importing.event_building import recorded_at
from operations.importing.findings import FileReader, Watch
from operations.importing.journal import open_journal
from operations.importing.refusal import RefusalWriter, refusal_file
from operations.importing.sender import Sender, Tally
from operations.importing.wrong_file import opened

__all__ = ["Import", "OpenRoad", "empty_files", "run_import"]

OpenRoad: TypeAlias = Callable[[], Publisher]
"""Opens what the events are sent through: Kafka, or the gateway."""


@dataclass(frozen=True, slots=True)
class Import:
    """What one run is asked to do."""

    files: Sequence[Path]
    destination: str
    """Where the events go, as the journal remembers it."""
    journal: Path
    recorded_at: datetime | None = None
    """When the files were made; None: when each was last changed."""
    refusals: Path | None = None
    dry_run: bool = False
    again: bool = False


def empty_files(plan: Import, reader: FileReader) -> Iterator[Path]:
    """Name the files that have a heading and no line. Raises what opening a table raises."""
    for file in plan.files:
        if not opened(file, reader.layout).has_lines():
            yield file


def run_import(
    plan: Import,
    reader: FileReader,
    open_road: OpenRoad,
    *,
    now: datetime,
    tell: RefusalWriter,
    watch: Watch | None = None,
    tally: Tally | None = None,
) -> Tally:
    """Import files: nothing is sent before each of them has been opened and its heading read.

    A dry run reads all and sends nothing, and needs no road. A given `tally` is kept up to date,
    for a caller that reports after an error. Raises what opening a table, the
    journal and the road raises, WrongFileError, RecordedAheadError, and ImportInterruptedError.
    """
    tables = [
        (opened(file, reader.layout), recorded_at(file, plan.recorded_at, now=now))
        for file in plan.files
    ]
    with ExitStack() as stack:
        write = stack.enter_context(refusal_file(plan.refusals)) if plan.refusals else None

        def refuse(refusal: Diagnostic) -> None:
            if write is not None:
                write(refusal)
            tell(refusal)

        journal = stack.enter_context(
            open_journal(plan.journal, plan.destination, again=plan.again, rehearsal=plan.dry_run)
        )
        publisher = stack.enter_context(NullPublisher() if plan.dry_run else open_road())
        carrier = Sender(publisher, journal, on_refused=refuse, tally=tally)
        for table, time in tables:
            carrier.carry(table.name, reader.read(table, time, watch))
        carrier.carry("", reader.rest())
    return carrier.tally
