"""Lines of a CSV file as events, by a mapping."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Final

from boundary.diagnostic import Diagnostic
from boundary.errors import SmartRegionError
from operations.importing.event_building import LineOrigin, event_of_line, refused_fields
from operations.importing.findings import Finding, FoundEvent, SkippedLine, Watch
from operations.importing.mapper import Mapper, Pseudonymise
from operations.importing.mapping import CsvMapping
from operations.importing.table import CsvRow, Table, TableLayout
from operations.importing.totals import Totals

__all__ = ["MappedReader", "PseudonymKeyMissingError"]

LEFT_OUT: Final = "left out by the mapping (only)"
ADDED: Final = "added to the total of an earlier line"
SPOILT: Final = "part of totals, which are not sent before the refused lines are corrected"


class PseudonymKeyMissingError(SmartRegionError):
    """A mapping makes pseudonyms, and no key is given."""

    def __init__(self, title: str) -> None:
        super().__init__(
            f"--pseudonym-key: is missing, and needed for {title!r}: name the file of the key"
        )


class MappedReader:
    """Reads lines by a mapping; `pseudonymise` is needed where the mapping makes pseudonyms.

    The constructor raises PseudonymKeyMissingError.
    """

    def __init__(self, mapping: CsvMapping, *, pseudonymise: Pseudonymise | None = None) -> None:
        if mapping.needs_key and pseudonymise is None:
            raise PseudonymKeyMissingError(mapping.title)
        self._mapping = mapping
        self._mapper = Mapper(mapping, pseudonymise or str)

    @property
    def layout(self) -> TableLayout:
        """Return the columns that the mapping reads."""
        return self._mapping.layout

    def read(self, table: Table, time: datetime, watch: Watch | None = None) -> Iterator[Finding]:
        """Yield what the lines are; totals come last, and only where no line was refused."""
        summed = self._mapping.total
        totals = None if summed is None else Totals(*summed)
        is_spoilt = False
        for row in table.rows(watch):
            if isinstance(row, Diagnostic):
                found: list[Finding] = [row]
            elif not self._is_taken(row):
                found = [SkippedLine(row.line, LEFT_OUT)]
            else:
                found = self._findings(row, table.name, time, totals)
            is_spoilt |= any(isinstance(one, Diagnostic) for one in found)
            yield from found
        for total in totals or ():
            if is_spoilt:
                yield from (SkippedLine(line, SPOILT) for line in total.lines)
            else:
                yield from self._events(total.fields, total.origin, time)
                yield from (SkippedLine(line, ADDED) for line in total.further)

    def rest(self) -> Iterator[Finding]:
        """Return nothing: each file is complete in itself."""
        return iter(())

    def _is_taken(self, row: CsvRow) -> bool:
        return all(
            any(fnmatchcase(row.cells[column], pattern) for pattern in patterns)
            for column, patterns in self._mapping.only.items()
        )

    def _findings(
        self, row: CsvRow, file: str, time: datetime, totals: Totals | None
    ) -> list[Finding]:
        mapper = self._mapper
        origin = LineOrigin(file, row.line, row.cells, mapper.columns, mapper.private)
        fields, problems = mapper.fill(row.cells)
        if problems:
            refusals = [origin.refusal(one.column, one.problem, one.remedy) for one in problems]
            return [*refusals, *refused_fields(self._mapping.kind, fields, origin)]
        if totals is not None:
            return [*totals.add(fields, origin)]
        return [*self._events(fields, origin, time)]

    def _events(
        self, fields: Mapping[str, object], origin: LineOrigin, time: datetime
    ) -> list[FoundEvent] | list[Diagnostic]:
        mapping = self._mapping
        found = event_of_line(mapping.kind, fields, origin, source=mapping.source, time=time)
        return found if isinstance(found, list) else [found]
