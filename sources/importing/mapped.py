"""Lines of a CSV file as events, by a mapping; some are added up, each line once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeAlias

from boundary.diagnostic import Diagnostic
from boundary.errors import SmartRegionError
from events.identifiers import is_pseudonymous
from sources.importing.conversions import (
    Convert,
    ParsingError,
    parts_of,
)
from sources.importing.event_building import (
    FileReader,
    Finding,
    FoundEvent,
    LineOrigin,
    SkippedLine,
    event_of_line,
)
from sources.importing.mapping import CsvMapping, FieldRule, folded
from sources.importing.table import CsvRow, Table

Pseudonymise: TypeAlias = Callable[[str], str]
"""Returns the pseudonym of what identifies a person."""
LEFT_OUT: Final = "left out by the mapping (only)"
ADDED: Final = "added to the total of an earlier line"
SPOILT: Final = "part of totals, which are not sent before the refused lines are corrected"


def _filled_by(name: str, rule: FieldRule) -> Iterator[tuple[str, str]]:
    """Yield the column that fills a field, or each of its parts; none where several fill it."""
    if rule.each is not None:
        yield from ((f"{name}.{key}", column) for key, column in rule.each.items())
    elif rule.total is not None:
        yield name, rule.total
    elif len(rule.columns) == 1:
        yield name, rule.columns[0]


def _cell(cells: Mapping[str, str], column: str, default: object = None) -> object:
    """Return the text of a cell, or the default for an empty one."""
    value = cells[column] or default
    if value is None:
        raise ParsingError("is empty", "fill it in, or remove the line", column=column)
    return value


def _translated(column: str, text: str, rule: FieldRule) -> object:
    if rule.values is None:
        return text
    word = folded(text)
    if word not in rule.words:
        remedy = f"write one of {', '.join(rule.values)}, or add it to the mapping's values"
        raise ParsingError("is not a value that the mapping knows", remedy, column=column)
    return rule.words[word]


def _converted(column: str | None, value: object, convert: Convert) -> object:
    """Convert text; a number, a day or a flag of the mapping is returned as it is."""
    if not isinstance(value, str):
        return value
    try:
        return convert(value)
    except ParsingError as error:
        error.column = column
        raise


@dataclass(slots=True)
class Totals:
    """Adds a field up over the lines whose other fields are the same."""

    name: str
    of_each: str
    """The column of what each total may count only once."""
    _totals: dict[tuple[object, ...], tuple[dict[str, Any], list[LineOrigin]]] = field(
        default_factory=dict
    )
    _counted: dict[object, int] = field(default_factory=dict)
    """A total and what it has counted → its line."""

    def add(self, fields: Mapping[str, Any], origin: LineOrigin) -> list[Diagnostic]:
        """Add a line; return the refusal of what has been counted before."""
        same = tuple(
            (*value.items(),) if isinstance(value, Mapping) else value
            for name, value in fields.items()
            if name != self.name
        )
        earlier = self._counted.setdefault((same, origin.cells[self.of_each]), origin.line)
        if earlier != origin.line:
            problem, remedy = f"was counted on line {earlier}", "keep one of the two lines"
            return [origin.refusal(self.of_each, problem, remedy)]
        total, lines = self._totals.setdefault(same, ({**fields, self.name: 0}, []))
        total[self.name] += fields[self.name]
        lines.append(origin)
        return []

    def __iter__(self) -> Iterator[tuple[Mapping[str, object], list[LineOrigin]]]:
        """Yield the fields and lines of each total, in the order of their first lines."""
        return iter(self._totals.values())


class MappedReader(FileReader):
    """Reads lines by a mapping; `pseudonymise` is needed where the mapping makes pseudonyms.

    The constructor raises SmartRegionError.
    """

    def __init__(self, mapping: CsvMapping, *, pseudonymise: Pseudonymise | None = None) -> None:
        if mapping.needs_key and pseudonymise is None:
            raise SmartRegionError(
                f"--pseudonym-key: is missing, and needed for {mapping.title!r}: name the file of"
                " the key"
            )
        self.layout = mapping.layout
        self._mapping = mapping
        self._pseudonymise = pseudonymise or str
        self._fields = mapping.kind.model_fields
        rules = mapping.fields.items()
        self._converts = {
            name: rule.conversion(self._fields[name].annotation) for name, rule in rules
        }
        self._columns = {
            path: column for name, rule in rules for path, column in _filled_by(name, rule)
        }
        self._private = frozenset(
            column
            for name, rule in rules
            if rule.pseudonym is not None or is_pseudonymous(self._fields[name])
            for column in rule.columns
        )

    def read(self, table: Table, time: datetime) -> Iterator[Finding]:
        """Yield the findings; totals come last, and only where no line was refused."""
        summed = self._mapping.total
        totals = None if summed is None else Totals(*summed)
        is_spoilt = False
        for row in table.rows():
            for finding in self._findings(row, table.name, time, totals):
                is_spoilt |= isinstance(finding, Diagnostic)
                yield finding
        for fields, lines in totals or ():
            if is_spoilt:
                yield from (SkippedLine(one.line, SPOILT) for one in lines)
            else:
                yield from self._events(fields, lines[0], time)
                yield from (SkippedLine(one.line, ADDED) for one in lines[1:])

    def _why_left_out(self, row: CsvRow) -> str:  # noqa: ARG002 - for subclasses
        """Return the reason why the mapping does not take a line."""
        return LEFT_OUT

    def _findings(
        self, row: CsvRow | Diagnostic, file: str, time: datetime, totals: Totals | None
    ) -> Sequence[Finding]:
        if isinstance(row, Diagnostic):
            return [row]
        if not self._mapping.takes(row.cells):
            return [SkippedLine(row.line, self._why_left_out(row))]
        origin = LineOrigin(file, row.line, row.cells, self._columns, self._private)
        fields, problems = self._fill(row.cells)
        if totals is not None and not problems:
            return totals.add(fields, origin)
        return self._events(fields, origin, time, problems)

    def _events(
        self,
        fields: Mapping[str, object],
        origin: LineOrigin,
        time: datetime,
        problems: Sequence[ParsingError] = (),
    ) -> list[FoundEvent] | list[Diagnostic]:
        source = self._mapping.source
        return event_of_line(
            self._mapping.kind, fields, origin, source=source, time=time, problems=problems
        )

    def _fill(self, cells: Mapping[str, str]) -> tuple[dict[str, object], list[ParsingError]]:
        """Return the fields that can be filled, and why the others cannot."""
        filled: dict[str, object] = {}
        problems: list[ParsingError] = []
        for name, rule in self._mapping.fields.items():
            try:
                filled.update(self._value(name, rule, cells))
            except ParsingError as error:
                problems.append(error)
        return filled, problems

    def _value(
        self, name: str, rule: FieldRule, cells: Mapping[str, str]
    ) -> Iterator[tuple[str, object]]:
        """Yield the field's name and value; nothing where the fact's default applies."""
        convert = self._converts[name]
        if rule.constant is not None:
            yield name, _converted(None, rule.constant, convert)
        elif rule.template is not None:
            is_blank = not any(cells[column] for column in rule.columns)
            if is_blank and not self._fields[name].is_required():
                return
            parts = {column: _cell(cells, column) for column in rule.columns}
            yield name, _converted(None, rule.made_of(parts), convert)
        elif rule.each is not None:
            choice, _ = parts_of(self._fields[name].annotation) or (str, None)
            yield (
                name,
                {
                    choice(key): _converted(column, _cell(cells, column, rule.default), convert)
                    for key, column in rule.each.items()
                },
            )
        elif rule.pseudonym is not None:
            yield name, self._pseudonymise(str(_cell(cells, rule.pseudonym)))
        else:
            column = str(rule.column or rule.total)
            if cells[column]:
                yield name, _converted(column, _translated(column, cells[column], rule), convert)
            elif rule.default is not None or self._fields[name].is_required():
                yield name, _converted(None, _cell(cells, column, rule.default), convert)
