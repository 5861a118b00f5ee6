"""The fields of a fact, filled from a row's cells by the rules of a mapping."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from events.identifiers import is_pseudonymous
from sources.importing.conversions import CONVERSIONS, Convert, parts_of, usual_conversion
from sources.importing.mapping import CsvMapping, FieldRule, folded
from sources.importing.parsing import ParsingError

Pseudonymise: TypeAlias = Callable[[str], str]
"""Returns the pseudonym that stands for what identifies a person."""


class Mapper:
    """Fills the fields of a mapping's fact."""

    def __init__(self, mapping: CsvMapping, pseudonymise: Pseudonymise) -> None:
        self._rules = mapping.fields
        self._pseudonymise = pseudonymise
        self._fields = mapping.kind.model_fields
        self._converts = {
            name: _conversion(rule, self._fields[name].annotation)
            for name, rule in mapping.fields.items()
        }
        self.columns: Mapping[str, str] = {
            path: column
            for name, rule in mapping.fields.items()
            for path, column in _filled_by(name, rule)
        }
        """Field, or part of one, → the column that fills it; as in `LineOrigin`."""
        self.private = frozenset(
            column
            for name, rule in mapping.fields.items()
            if rule.pseudonym is not None or is_pseudonymous(self._fields[name])
            for column in rule.columns
        )
        """Columns of which nothing may be repeated."""

    def fill(self, cells: Mapping[str, str]) -> tuple[dict[str, object], list[ParsingError]]:
        """Return the fields that can be filled, and why the others cannot."""
        filled: dict[str, object] = {}
        problems: list[ParsingError] = []
        for name, rule in self._rules.items():
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


def _filled_by(name: str, rule: FieldRule) -> Iterator[tuple[str, str]]:
    """Yield the column that fills a field, or each of its parts; none where several fill it."""
    if rule.each is not None:
        yield from ((f"{name}.{key}", column) for key, column in rule.each.items())
    elif rule.total is not None:
        yield name, rule.total
    elif len(rule.columns) == 1:
        yield name, rule.columns[0]


def _conversion(rule: FieldRule, kind: object) -> Convert:
    if rule.convert is not None:
        return CONVERSIONS[rule.convert]
    parts = parts_of(kind)
    return usual_conversion(kind if parts is None else parts[1])


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
