"""From a cell's text to a value: as people write it in French files, read without guessing."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Final, TypeAlias, get_args, get_origin

from events.document import data_beside
from events.fact import bare_type
from events.identifiers import DEPARTMENTS, UAI_DEPARTMENTS, Department, commune_department
from events.observation import Territory
from events.territory import COMMUNE_LENGTH, TERRITORY

Convert: TypeAlias = Callable[[str], object]
"""Converts a cell's text. Raises ParsingError."""

UAI_LENGTH: Final = 8

_ISO_DAY: Final = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_FRENCH_DAY: Final = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})")
_QUARTER: Final = re.compile(
    r"[TQ]([1-4])[ -]?([0-9]{4})|([0-9]{4})[ -]?[TQ]([1-4])", re.IGNORECASE
)

# Groups of three digits may be set apart by a space, narrow or not, that does not break.
_NUMBER: Final = re.compile(
    r"[+-]?(?:[0-9]+|[0-9]{1,3}(?:[ \u00a0\u202f][0-9]{3})+)(?:[.,][0-9]+)?"
)
#: A thousand as English tables and some French ones write it, or one with three decimals.
_AMBIGUOUS: Final = re.compile(r"[+-]?[1-9][0-9]{0,2}[.,][0-9]{3}")
_SPACES: Final = re.compile(r"[ \u00a0\u202f]")

_FLAGS: Final = {
    **dict.fromkeys(("oui", "o", "vrai", "true", "1"), True),
    **dict.fromkeys(("non", "n", "faux", "false", "0"), False),
}


class ParsingError(ValueError):
    """A text that cannot be read: the problem, and what to write.

    `column` is None where it is of no single column.
    """

    def __init__(self, problem: str, remedy: str, *, column: str | None = None) -> None:
        self.column = column
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{problem}: {remedy}")


def read_day(text: str) -> date:
    """Read AAAA-MM-JJ or JJ/MM/AAAA. Raises ParsingError."""
    iso, french = _ISO_DAY.fullmatch(text), _FRENCH_DAY.fullmatch(text)
    if iso:
        year, month, day = map(int, iso.groups())
    elif french:
        day, month, year = map(int, french.groups())
    else:
        raise _unreadable(text, "day")
    try:
        return date(year, month, day)
    except ValueError:
        if french and month > 12 >= day:  # noqa: PLR2004 - the months of a year
            remedy = f"the day comes first, JJ/MM/AAAA: write {month:02}/{day:02}/{year:04}"
        else:
            remedy = "write it as 2020-12-31 or 31/12/2020"
        raise ParsingError("is not a day of the calendar", remedy) from None


def read_quarter(text: str) -> date:
    """Read a quarter (T3 2017, 2017-T3) as its last day. Raises ParsingError."""
    found = _QUARTER.fullmatch(text)
    if not found:
        raise ParsingError("is not a quarter", "write it as T3 2017")
    quarter, year = int(found[1] or found[4]), int(found[2] or found[3])
    try:
        return date(year, 3 * quarter, 31 if quarter in (1, 4) else 30)
    except ValueError:
        raise ParsingError("is not a quarter of the calendar", "write it as T3 2017") from None


def read_decimal(text: str) -> Decimal:
    """Read a number with a decimal comma or point; spaces may group its digits by three.

    Raises ParsingError.
    """
    if not _NUMBER.fullmatch(text):
        raise _unreadable(text, "number")
    return Decimal(_SPACES.sub("", text).replace(",", "."))


def write_decimal(number: Decimal) -> str:
    """Return a number's exact digits, with a decimal point and without trailing zeros."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def read_money(text: str) -> Decimal:
    """Read an amount of money; 1.250 may be a thousand, and is refused. Raises ParsingError."""
    _refuse_ambiguous(text)
    return read_decimal(text)


def read_whole(text: str) -> int:
    """Read a whole number; 12,0 is one, and 1,000 may be a thousand. Raises ParsingError."""
    _refuse_ambiguous(text)
    number = read_decimal(text)
    if number != number.to_integral_value():
        raise ParsingError("is not a whole number", "write it without decimals")
    return int(number)


def read_flag(text: str) -> bool:
    """Read oui or non, or another word of the same meaning. Raises ParsingError."""
    found = _FLAGS.get(text.casefold())
    if found is None:
        raise ParsingError("is neither yes nor no", "write oui or non")
    return found


def _refuse_ambiguous(text: str) -> None:
    """Refuse what groups thousands by a comma or a point, which marks decimals here."""
    if _AMBIGUOUS.fullmatch(text):
        decimal = write_decimal(read_decimal(text))
        remedy = f"write {text[:-4]}{text[-3:]}, or {decimal} if the last digits are decimals"
        raise ParsingError("may have thousands or three decimals", remedy)


def _unreadable(text: str, kind: str) -> ParsingError:
    found = (one for one in _patterns(kind) if one[0].fullmatch(text))
    _, problem, remedy = next(found)
    return ParsingError(problem, remedy)


@cache
def _patterns(kind: str) -> Sequence[tuple[re.Pattern[str], str, str]]:
    """Return what is no day or number, by conversions.yaml."""
    flags = re.IGNORECASE | re.DOTALL
    return [(re.compile(one, flags), *texts) for one, *texts in data_beside(__file__)[kind]]


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
    """Return the default conversion of a field's type."""
    kind = bare_type(kind)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return choice_of(kind)
    return _USUAL.get(kind, str)


def parts_of(kind: object) -> tuple[Convert, object] | None:
    """Return the conversion of a key and the type of a value, for a field of several numbers."""
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
    if len(text) == UAI_LENGTH and (found := UAI_DEPARTMENTS.get(text[:3])):
        return found
    raise _elsewhere("a UAI")


def _department_of_commune(text: str) -> Department:
    if len(text) == COMMUNE_LENGTH and text.startswith((*DEPARTMENTS,)):
        return commune_department(text)
    raise _elsewhere("an Insee commune code")


def _territory_of_commune(text: str) -> Territory:
    return Territory(f"D{_department_of_commune(text).value}")


def _elsewhere(what: str) -> ParsingError:
    problem = f"is not {what} of {TERRITORY.name}"
    return ParsingError(problem, "correct it, or leave such lines out")


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
"""By the name in a mapping; `euros` returns cents, `quarter` the quarter's last day."""
