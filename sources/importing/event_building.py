"""The lines of a file as findings: events, skipped lines, and refusals by the file's columns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeAlias

from pydantic import ValidationError

from boundary.diagnostic import Diagnostic
from boundary.errors import SmartRegionError
from events.cloudevent import CloudEvent
from events.errors import ContractError, RefusalReason
from events.explanation import field_refusal
from events.fact import Fact
from events.person_data import find_person_data
from sources.client.protocol import event_by_content
from sources.importing.conversions import ParsingError
from sources.importing.table import Table, TableLayout

_LAST_CHANGE: Final = datetime(9999, 12, 31, tzinfo=UTC).timestamp()
_SEND: Final = re.compile(r"\Asend\b")
_FIELD_NAMED: Final = re.compile(r"`([a-z_.]+)`")


@dataclass(frozen=True, slots=True)
class FoundEvent:
    """The event of a line; of the first one where several lines make one event."""

    line: int
    event: CloudEvent
    added: str = ""
    """Why it was added although no line states it: one of a closed set of texts."""


@dataclass(frozen=True, slots=True)
class SkippedLine:
    """A correct line without an event of its own; `why` is one of a closed set of texts."""

    line: int
    why: str


Finding: TypeAlias = FoundEvent | SkippedLine | Diagnostic
"""A refused line may have several diagnostics, and nothing else."""


class FileReader:
    """Reads the lines of one kind of file."""

    layout: TableLayout
    """What the file's table must have."""

    def read(self, table: Table, time: datetime) -> Iterator[Finding]:
        """Yield the findings of a table that was recorded at a time."""
        raise NotImplementedError

    def rest(self) -> Iterator[Finding]:
        """Yield what is only known once all files have been read."""
        return iter(())


@dataclass(frozen=True, slots=True)
class LineOrigin:
    """A line of a file: its number, its cells, and the column of each field."""

    file: str
    line: int
    cells: Mapping[str, str]
    columns: Mapping[str, str]
    """Field, or part of one (`occupied_hours.company`) → its column.

    A constant has none, nor has a field that is made of several columns.
    """
    private: frozenset[str] = frozenset()
    """Columns that identify a person: their values are never repeated."""

    def refusal(self, column: str | None, problem: str, remedy: str) -> Diagnostic:
        """Return the refusal of a column's value; None: of the whole line."""
        value = None if column is None else self.cells.get(column) or None
        refusal = Diagnostic(
            (), problem, value, remedy, field=column, file=self.file, line=self.line
        )
        if column is None or value is None or not self._is_personal(column, value):
            return refusal
        return refusal.hide()

    def _is_personal(self, column: str, value: str) -> bool:
        """Return whether a column's value may identify a person."""
        if column in self.private or find_person_data(value) is not None:
            return True
        # The name of a field's column is no evidence: the field decides.
        return column not in self.columns.values() and find_person_data({column: ""}) is not None

    def contract_refusal(self, error: ContractError) -> Diagnostic:
        """Return a contract's refusal as one of the column that fills the fact's field."""
        field = _field(error.field)
        column = self.columns.get(error.field.removeprefix("data.")) or self.columns.get(field)
        problem = error.problem if column else f"{field} {error.problem}"
        # The reader edits a file, and sends no events.
        remedy = _SEND.sub("write", error.remedy)
        return self.refusal(column, self._in_columns(problem), self._in_columns(remedy))

    def _in_columns(self, text: str) -> str:
        """Return a contract's words with the file's columns for the fact's fields."""
        return _FIELD_NAMED.sub(lambda found: f"`{self.columns.get(found[1], found[1])}`", text)


def recorded_at(file: Path, given: datetime | None, *, now: datetime) -> datetime:
    """Return when the lines of a file were recorded: as given, or else its last change, in UTC.

    A file that is read again has the same time, and a corrected one a later time.
    Raises SmartRegionError.
    """
    changed = min(max(file.stat().st_mtime, 0.0), _LAST_CHANGE)  # A file system may have any.
    time = given or datetime.fromtimestamp(changed, UTC)
    if time > now:
        raise SmartRegionError(
            f"{file}: is from the future, value {time:%Y-%m-%dT%H:%M:%SZ} (the clock says"
            f" {now:%Y-%m-%dT%H:%M:%SZ}): say with --recorded-at when the file was made"
        )
    return time


def event_of_line(
    kind: type[Fact],
    fields: Mapping[str, object],
    origin: LineOrigin,
    *,
    source: str,
    time: datetime,
    problems: Iterable[ParsingError] = (),
) -> list[FoundEvent] | list[Diagnostic]:
    """Return the event of a line's fact, recorded at `time`; or all that is wrong with it.

    `problems` say why some fields could not be read; the others are checked all the same. The
    event's id is a digest of everything else in it: the same line of the same file is always the
    same event.
    """
    refusals = [origin.refusal(one.column, one.problem, one.remedy) for one in problems]
    try:
        fact = kind.model_validate(fields)
    except ValidationError as error:
        return [
            *refusals,
            *(
                origin.contract_refusal(field_refusal(details, ("data", *details["loc"]), kind))
                for details in error.errors(include_url=False)
                if not refusals or {*details["loc"][:1]} <= fields.keys()
            ),
        ]
    if refusals:
        return refusals
    personal = find_person_data({"type": kind.TYPE, "data": fact.model_dump(mode="json")})
    if personal is not None:
        problem = RefusalReason.PERSON_DATA.problem
        remedy = "remove it, or let the mapping make a pseudonym"
        return [origin.refusal(origin.columns.get(_field(personal)), problem, remedy)]
    try:
        event = event_by_content(fact, source=source, time=time)
    except ContractError:  # Its day is the only thing that the envelope can still refuse.
        problem = f"is after the day on which the file was last changed ({time:%Y-%m-%d})"
        remedy = "correct the day, or say with --recorded-at when the file was made"
        return [origin.refusal(origin.columns.get(kind.DAY), problem, remedy)]
    return [FoundEvent(origin.line, event)]


def _field(path: str) -> str:
    """Return the fact's field that a path in an event leads to."""
    return path.removeprefix("data.").partition(".")[0]
