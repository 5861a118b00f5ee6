"""What the lines of a file are: events, skipped lines, refusals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias

from boundary.diagnostic import Diagnostic
from events.cloudevent import CloudEvent
from sources.importing.table import Table, TableLayout


@dataclass(frozen=True, slots=True)
class FoundEvent:
    """The event of a line; where several lines make one event, of the first of them."""

    line: int
    event: CloudEvent
    added: str = ""
    """Why it is there although no line says it: one of a closed set of texts."""


@dataclass(frozen=True, slots=True)
class SkippedLine:
    """A correct line that makes no event of its own; `why` is one of a closed set of texts."""

    line: int
    why: str


Finding: TypeAlias = FoundEvent | SkippedLine | Diagnostic
"""One line may have several refusals, and nothing else then."""


class FileReader(Protocol):
    """Reads the lines of one kind of file."""

    @property
    def layout(self) -> TableLayout:
        """Return what the file's table must have."""

    def read(self, table: Table, time: datetime) -> Iterator[Finding]:
        """Yield what the lines of a table are that was recorded at a time."""

    def rest(self) -> Iterator[Finding]:
        """Yield what follows once all files have been read."""
