"""Lines of a CSV file as events, as a mapping declares."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any, Final, TypeAlias, get_args

from pydantic.fields import FieldInfo

from events.errors import EventsError
from events.identifiers import PseudonymousId
from events.importing.conversions import CONVERSIONS, Convert, choice_of, usual_conversion
from events.importing.finding import Aside, Finding, Found, Watch
from events.importing.mapping import CsvMapping, FieldRule
from events.importing.refusal import Refusal
from events.importing.stating import Origin, misstated, stated
from events.importing.table import Layout, Row, Table
from events.importing.written import WrittenError

__all__ = ["MappedReader", "PseudonymKeyMissingError", "Pseudonymise"]

LEFT_OUT: Final = "left out by the mapping (only)"
ADDED: Final = "added to the total of an earlier line"
SPOILT: Final = "part of totals, which are not sent before the refused lines are corrected"

_PSEUDONYM: Final[FieldInfo] = get_args(PseudonymousId)[-1]
"""Says of a field that it is a person's pseudonym: what is wrong there may be who it is."""

Pseudonymise: TypeAlias = Callable[[str], str]
"""Gives the pseudonym that stands for what identifies a person."""


class PseudonymKeyMissingError(EventsError):
    """A mapping makes pseudonyms, and nobody said with which key."""

    def __init__(self, title: str) -> None:
        super().__init__(
            f"--pseudonym-key: is missing, and needed for {title!r}: name the file of the key"
        )


@dataclass(slots=True)
class _Total:
    """What the lines of one total have in common, and how far it is added up."""

    origin: Origin
    fields: Mapping[str, object]
    amount: Any = 0
    counted: dict[str, int] = field(default_factory=dict)
    """What has been counted, by the line that it stood on."""
    further: list[int] = field(default_factory=list)


class MappedReader:
    """Reads lines by a mapping; `pseudonymise` is needed where the mapping makes pseudonyms.

    The constructor raises PseudonymKeyMissingError.
    """

    def __init__(self, mapping: CsvMapping, *, pseudonymise: Pseudonymise | None = None) -> None:
        if mapping.needs_key and pseudonymise is None:
            raise PseudonymKeyMissingError(mapping.title)
        self._mapping = mapping
        self._pseudonymise = pseudonymise or str  # Never called without a key: see above.
        fields = mapping.kind.model_fields
        self._converts = {
            name: _conversion(rule, fields[name].annotation)
            for name, rule in mapping.fields.items()
        }
        self._columns = {
            name: rule.columns[0] for name, rule in mapping.fields.items() if rule.columns
        }
        self._private = frozenset(
            column
            for name, rule in mapping.fields.items()
            if rule.pseudonym is not None or fields[name].description == _PSEUDONYM.description
            for column in rule.columns
        )

    @property
    def layout(self) -> Layout:
        """The columns that the mapping reads."""
        return self._mapping.layout

    def read(self, table: Table, time: datetime, watch: Watch | None = None) -> Iterator[Finding]:
        """Read the lines; totals come at the end, and only where no line was refused."""
        mapping = self._mapping
        totals: dict[tuple[object, ...], _Total] = {}
        spoilt = False
        for row in table.rows(watch):
            found = self._found(row, table, time, totals)
            if isinstance(found, list):
                spoilt = True
                yield from found
            elif found is not None:
                yield found
        for total in totals.values():
            if spoilt:
                yield from (Aside(line, SPOILT) for line in (total.origin.line, *total.further))
                continue
            fields = {**total.fields, str(mapping.total): total.amount}
            found = self._stated(fields, total.origin, time)
            yield from found if isinstance(found, list) else (found,)
            yield from (Aside(line, ADDED) for line in total.further)

    def rest(self) -> Iterator[Finding]:
        """Nothing: each file is complete in itself."""
        return iter(())

    def _found(
        self,
        row: Row | Refusal,
        table: Table,
        time: datetime,
        totals: dict[tuple[object, ...], _Total],
    ) -> Found | Aside | list[Refusal] | None:
        if isinstance(row, Refusal):
            return [row]
        if not self._is_taken(row):
            return Aside(row.line, LEFT_OUT)
        origin = Origin(table.name, row.line, row.cells, self._columns, self._private)
        fields: dict[str, object] = {}
        refusals: list[Refusal] = []
        for name, rule in self._mapping.fields.items():
            try:
                self._fill(fields, name, rule, row.cells)
            except _CellError as error:
                refusals.append(origin.refusal(error.column, error.problem, error.remedy))
        if refusals:
            return [*refusals, *misstated(self._mapping.kind, fields, origin)]
        if self._mapping.total is not None:
            return self._add(fields, origin, totals)
        return self._stated(fields, origin, time)

    def _stated(
        self, fields: Mapping[str, object], origin: Origin, time: datetime
    ) -> Found | list[Refusal]:
        return stated(self._mapping.kind, fields, origin, source=self._mapping.source, time=time)

    def _is_taken(self, row: Row) -> bool:
        return all(
            any(fnmatchcase(row.cells[column], pattern) for pattern in patterns)
            for column, patterns in self._mapping.only.items()
        )

    def _add(
        self, fields: dict[str, object], origin: Origin, totals: dict[tuple[object, ...], _Total]
    ) -> list[Refusal] | None:
        name = str(self._mapping.total)
        rule = self._mapping.fields[name]
        amount: Any = fields.pop(name)
        total = totals.setdefault(tuple(fields.values()), _Total(origin, fields))
        once = origin.cells[str(rule.of_each)]
        earlier = total.counted.setdefault(once, origin.line)
        if earlier != origin.line:
            remedy = "keep one of the two lines"
            return [origin.refusal(rule.of_each, f"was counted on line {earlier}", remedy)]
        total.amount += amount
        if total.origin is not origin:
            total.further.append(origin.line)
        return None

    def _fill(
        self, fields: dict[str, object], name: str, rule: FieldRule, cells: Mapping[str, str]
    ) -> None:
        """Fill one field, or leave it to its fact's default. Raises _CellError."""
        convert = self._converts[name]
        if rule.constant is not None:
            fields[name] = _converted(None, rule.constant, convert)
        elif rule.template is not None:
            fields[name] = convert(_filled(rule, cells))
        elif rule.each is not None:
            kind = self._mapping.kind.model_fields[name].annotation
            fields[name] = {
                _key(kind, key): _converted(column, _cell(cells, column, rule), convert)
                for key, column in rule.each.items()
            }
        elif rule.pseudonym is not None:
            text = _cell(cells, rule.pseudonym, rule)
            fields[name] = self._pseudonymise(str(text))
        else:
            column = str(rule.column or rule.total)
            optional = not self._mapping.kind.model_fields[name].is_required()
            if cells[column] or rule.default is not None or not optional:
                value = _cell(cells, column, rule)
                fields[name] = _converted(column, _translated(column, value, rule), convert)


class _CellError(Exception):
    """What is wrong with a cell."""

    def __init__(self, column: str | None, problem: str, remedy: str) -> None:
        self.column = column
        self.problem = problem
        self.remedy = remedy
        super().__init__(column, problem, remedy)


def _conversion(rule: FieldRule, kind: object) -> Convert:
    if rule.convert is not None:
        return CONVERSIONS[rule.convert]
    if rule.each is not None:
        _, kind = get_args(kind)
        kind = get_args(kind)[0] if get_args(kind) else kind  # Annotated.
    return usual_conversion(kind)


def _key(kind: object, key: str) -> object:
    keys = get_args(kind)[0]
    return choice_of(keys)(key) if isinstance(keys, type) and issubclass(keys, StrEnum) else key


def _cell(cells: Mapping[str, str], column: str, rule: FieldRule) -> object:
    """What stands in a column, or the rule's default for an empty cell."""
    if cells[column]:
        return cells[column]
    if rule.default is None:
        raise _CellError(column, "is empty", "fill it in, or remove the line")
    return rule.default


def _translated(column: str, value: object, rule: FieldRule) -> object:
    if rule.values is None or not isinstance(value, str):
        return value
    known = {_folded(word): meaning for word, meaning in rule.values.items()}
    if _folded(value) not in known:
        remedy = f"write one of {', '.join(rule.values)}, or add it to the mapping's values"
        raise _CellError(column, "is not a value that the mapping knows", remedy)
    return known[_folded(value)]


def _folded(word: str) -> str:
    """Let case and the form of an apostrophe make no difference between words."""
    return word.casefold().replace("\u2019", "'")


def _converted(column: str | None, value: object, convert: Convert) -> object:
    """Convert text; what a mapping gives as a number, a day or a flag is one already."""
    if not isinstance(value, str):
        return value
    try:
        return convert(value)
    except WrittenError as error:
        raise _CellError(column, error.problem, error.remedy) from None


def _filled(rule: FieldRule, cells: Mapping[str, str]) -> str:
    text = str(rule.template)
    for column in rule.columns:
        text = text.replace(f"{{{column}}}", str(_cell(cells, column, rule)))
    return text
