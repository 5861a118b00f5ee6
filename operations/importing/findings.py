"""What the lines of a file turn out to be: events, lines left aside, refusals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Protocol, TypeAlias

from boundary.diagnostic import Diagnostic
from events.cloudevent import CloudEvent
from operations.importing.table import Table, TableLayout

__all__ = ["FileReader", "Finding", "FoundEvent", "LineNote", "SkippedLine", "Watch"]

Watch: TypeAlias = Callable[[BinaryIO], BinaryIO]
"""Wraps a file that is read, to show how far."""


@dataclass(frozen=True, slots=True)
class FoundEvent:
    """An event that a line holds; of an event that several lines make, the first of them."""

    line: int
    event: CloudEvent


@dataclass(frozen=True, slots=True)
class SkippedLine:
    """A right line that makes no event of its own, and why not: a closed set of words."""

    line: int
    why: str


@dataclass(frozen=True, slots=True)
class LineNote:
    """What was changed of a right line on its way, beside what becomes of it: a closed set."""

    line: int
    what: str


Finding: TypeAlias = FoundEvent | SkippedLine | Diagnostic | LineNote
"""One line may have several refusals, and nothing else then."""


class FileReader(Protocol):
    """Knows what the lines of a kind of file mean."""

    @property
    def layout(self) -> TableLayout:
        """What the file's table must look like."""

    def read(self, table: Table, time: datetime, watch: Watch | None = None) -> Iterator[Finding]:
        """Read a table that was recorded at a time."""

    def rest(self) -> Iterator[Finding]:
        """Find what is known only once all files have been read."""
