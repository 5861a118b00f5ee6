"""The conversions that a mapping may name, from a cell's text to a field's value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final, TypeAlias, get_args, get_origin

from events.fact import bare_type
from events.identifiers import Department
from events.observation import Territory
from sources.importing.parsing import (
    ParsingError,
    read_day,
    read_decimal,
    read_flag,
    read_money,
    read_quarter,
    read_whole,
)

Convert: TypeAlias = Callable[[str], object]
"""Raises ParsingError where the text is not what it should be."""

UAI_LENGTH: Final = 8
COMMUNE_LENGTH: Final = 5


def choice_of(choices: type[StrEnum]) -> Convert:
    """Return a conversion to one of the codes of a closed list."""

    def convert(text: str) -> StrEnum:
        try:
            return choices(text)
        except ValueError:
            remedy = f"write one of {', '.join(choices)}, or translate it in the mapping (values)"
            raise ParsingError("is not one of the known values", remedy) from None

    return convert


def usual_conversion(kind: object) -> Convert:
    """Return the conversion of a field of a type, where a mapping names no other."""
    kind = bare_type(kind)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return choice_of(kind)
    return _USUAL.get(kind, str)


def parts_of(kind: object) -> tuple[Convert, object] | None:
    """Return, of a field of several numbers, the conversion of a key and the type of a value."""
    if get_origin(kind) is not Mapping:
        return None
    key, value = get_args(kind)
    return usual_conversion(key), bare_type(value)


def _euros(text: str) -> int:
    cents = read_money(text) * 100
    if cents != cents.to_integral_value():
        raise ParsingError("has fractions of a cent", "write euros with at most two decimals")
    return int(cents)


def _department_of_uai(text: str) -> Department:
    return _department(text[1:3], fits=len(text) == UAI_LENGTH, what="a UAI")


def _department_of_commune(text: str) -> Department:
    return _department(text[:2], fits=len(text) == COMMUNE_LENGTH, what="an Insee commune code")


def _territory_of_commune(text: str) -> Territory:
    return Territory(f"D{_department_of_commune(text).value}")


def _department(code: str, *, fits: bool, what: str) -> Department:
    try:
        if fits:
            return Department(code)
    except ValueError:
        pass
    raise ParsingError(f"is not {what} of Île-de-France", "correct it, or leave such lines out")


_USUAL: Final[Mapping[object, Convert]] = {
    bool: read_flag,
    int: read_whole,
    Decimal: read_decimal,
    date: read_day,
}

CONVERSIONS: Final[Mapping[str, Convert]] = {
    "text": str,
    "upper": str.upper,
    "lower": str.lower,
    "whole": read_whole,
    "decimal": read_decimal,
    "euros": _euros,
    "day": read_day,
    "quarter": read_quarter,
    "flag": read_flag,
    "department_of_uai": _department_of_uai,
    "department_of_commune": _department_of_commune,
    "territory_of_commune": _territory_of_commune,
}
"""By name; `euros` gives cents, `quarter` the quarter's last day."""
