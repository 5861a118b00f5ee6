"""Lines of a CSV file as events, by a mapping; some are added up, each line once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from boundary.diagnostic import Diagnostic
from boundary.errors import SmartRegionError
from sources.importing.event_building import LineOrigin, event_of_line, refused_fields
from sources.importing.findings import Finding, FoundEvent, SkippedLine
from sources.importing.mapper import Mapper, Pseudonymise
from sources.importing.mapping import CsvMapping
from sources.importing.table import CsvRow, Table, TableLayout

LEFT_OUT: Final = "left out by the mapping (only)"
ADDED: Final = "added to the total of an earlier line"
SPOILT: Final = "part of totals, which are not sent before the refused lines are corrected"


@dataclass(slots=True)
class Total:
    """The fields that the lines of one total have in common, and their sum so far."""

    origin: LineOrigin
    """The first of its lines."""
    name: str
    """The field that is added up."""
    others: Mapping[str, object]
    amount: Any = 0
    further: list[int] = field(default_factory=list)
    """Its other lines."""
    counted: dict[str, int] = field(default_factory=dict)
    """What has been counted → its line."""

    @property
    def fields(self) -> Mapping[str, object]:
        """Return all fields of its fact."""
        return {**self.others, self.name: self.amount}

    @property
    def lines(self) -> list[int]:
        """Return all its lines."""
        return [self.origin.line, *self.further]


class Totals:
    """Adds a field up over the lines whose other fields are the same.

    `of_each` is the column of what may be counted only once in each total.
    """

    def __init__(self, name: str, of_each: str) -> None:
        self._name = name
        self._of_each = of_each
        self._totals: dict[tuple[object, ...], Total] = {}

    def add(self, fields: Mapping[str, object], origin: LineOrigin) -> list[Diagnostic]:
        """Add a line; return the refusal of what has been counted before."""
        others = {name: value for name, value in fields.items() if name != self._name}
        same = tuple(
            (*value.items(),) if isinstance(value, Mapping) else value for value in others.values()
        )
        total = self._totals.setdefault(same, Total(origin, self._name, others))
        earlier = total.counted.setdefault(origin.cells[self._of_each], origin.line)
        if earlier != origin.line:
            problem, remedy = f"was counted on line {earlier}", "keep one of the two lines"
            return [origin.refusal(self._of_each, problem, remedy)]
        total.amount += fields[self._name]
        if total.origin is not origin:
            total.further.append(origin.line)
        return []

    def __iter__(self) -> Iterator[Total]:
        """Yield the totals, in the order of their first lines."""
        return iter(self._totals.values())


class MappedReader:
    """Reads lines by a mapping; `pseudonymise` is needed where the mapping makes pseudonyms.

    `why_left_out` names the reason why the mapping does not take a line.

    The constructor raises SmartRegionError.
    """

    def __init__(
        self,
        mapping: CsvMapping,
        *,
        pseudonymise: Pseudonymise | None = None,
        why_left_out: Callable[[CsvRow], str] = lambda _row: LEFT_OUT,
    ) -> None:
        if mapping.needs_key and pseudonymise is None:
            raise SmartRegionError(
                f"--pseudonym-key: is missing, and needed for {mapping.title!r}: name the file of"
                " the key"
            )
        self._mapping = mapping
        self._why_left_out = why_left_out
        self._mapper = Mapper(mapping, pseudonymise or str)

    @property
    def layout(self) -> TableLayout:
        """Return the columns that the mapping reads."""
        return self._mapping.layout

    def read(self, table: Table, time: datetime) -> Iterator[Finding]:
        """Yield what the lines are; totals come last, and only where no line was refused."""
        summed = self._mapping.total
        totals = None if summed is None else Totals(*summed)
        is_spoilt = False
        for row in table.rows():
            if isinstance(row, Diagnostic):
                found: list[Finding] = [row]
            elif not self._mapping.takes(row.cells):
                found = [SkippedLine(row.line, self._why_left_out(row))]
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
