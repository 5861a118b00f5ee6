"""From a cell's text to a value: as people write it in French files, read without guessing."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final, TypeAlias, get_args, get_origin

from events.fact import bare_type
from events.identifiers import Department
from events.observation import Territory

Convert: TypeAlias = Callable[[str], object]
"""Converts a cell's text. Raises ParsingError."""

UAI_LENGTH: Final = 8
COMMUNE_LENGTH: Final = 5

_ISO_DAY: Final = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_FRENCH_DAY: Final = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})")
_SERIAL_DAY: Final = re.compile(r"[34][0-9]{4}")
_QUARTER: Final = re.compile(
    r"[TQ]([1-4])[ -]?([0-9]{4})|([0-9]{4})[ -]?[TQ]([1-4])", re.IGNORECASE
)

# Groups of three digits may be set apart by a space, narrow or not, that does not break.
_NUMBER: Final = re.compile(
    r"[+-]?(?:[0-9]+|[0-9]{1,3}(?:[ \u00a0\u202f][0-9]{3})+)(?:[.,][0-9]+)?"
)
#: A thousand as English tables and some French ones write it, or one with three decimals.
_AMBIGUOUS: Final = re.compile(r"[+-]?[1-9][0-9]{0,2}[.,][0-9]{3}")
_SCIENTIFIC: Final = re.compile(r"[+-]?[0-9.,]+[Ee][+-]?[0-9]+")
_SPACES: Final = re.compile(r"[ \u00a0\u202f]")
_ABSENT: Final = frozenset({"-", "n/a", "na", "nd", "n.d.", "null", "none", "nan", "ns", "s", "x"})

_FLAGS: Final = {
    **dict.fromkeys(("oui", "o", "vrai", "true", "1"), True),
    **dict.fromkeys(("non", "n", "faux", "false", "0"), False),
}

HOW_A_DAY_IS_WRITTEN: Final = "write it as 2020-12-31 or 31/12/2020"
HOW_A_NUMBER_IS_WRITTEN: Final = "write digits with a decimal comma or point, as 1234,5 or 1234.5"


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
        raise _not_a_day(text)
    try:
        return date(year, month, day)
    except ValueError:
        if french and month > 12 >= day:  # noqa: PLR2004 - the months of a year
            remedy = f"the day comes first, JJ/MM/AAAA: write {month:02}/{day:02}/{year:04}"
        else:
            remedy = HOW_A_DAY_IS_WRITTEN
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
        raise _not_a_number(text)
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


def _not_a_day(text: str) -> ParsingError:
    if not text:
        return ParsingError("is empty", HOW_A_DAY_IS_WRITTEN)
    if _SERIAL_DAY.fullmatch(text):
        remedy = f"give the spreadsheet's column the format of a date; {HOW_A_DAY_IS_WRITTEN}"
        return ParsingError("is a spreadsheet's number of a day", remedy)
    return ParsingError("is not a day", HOW_A_DAY_IS_WRITTEN)


def _not_a_number(text: str) -> ParsingError:
    if not text:
        return ParsingError("is empty", HOW_A_NUMBER_IS_WRITTEN)
    if "%" in text or "€" in text:
        return ParsingError("has a unit", "write the number alone")
    if _SCIENTIFIC.fullmatch(text):
        remedy = "give the spreadsheet's column the format of a number, so that no digit is lost"
        return ParsingError("is in scientific notation", remedy)
    if "," in text and "." in text:
        remedy = f"remove what groups the thousands; {HOW_A_NUMBER_IS_WRITTEN}"
        return ParsingError("has a comma and a point", remedy)
    if text.casefold() in _ABSENT:
        return ParsingError("is not a number", "leave the cell empty where there is no value")
    return ParsingError("is not a number", HOW_A_NUMBER_IS_WRITTEN)


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
"""By the name in a mapping; `euros` returns cents, `quarter` the quarter's last day."""
