"""Identifiers and quantities of the territory: schools, organisations, communes, days, money."""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Final, get_args

from pydantic import AfterValidator, Field, GetPydanticSchema
from pydantic import StringConstraints as Text
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError, core_schema

from events.territory import TERRITORY

FIRST_DAY: Final = date(2010, 1, 1)
"""No fact of this monitor took effect before this day."""

LARGEST_COUNT: Final = 10**9
LARGEST_CENTS: Final = 10**13
"""Bounds that keep any total of any entities exact in 64-bit integers and in SQL."""

LONGEST_TEXT: Final = 2000
"""The maximum length of a text for readers, in characters."""

# Control characters except the line feed, and those that change the direction of the text after
# them: a reader would see another text than the one that was sent.
_NOT_PLAIN: Final = r"\u0000-\u0009\u000B-\u001F\u007F-\u009F\u202A-\u202E\u2066-\u2069"

#: Letters and symbols without a glyph: Hangul fillers, the empty Braille pattern.
_INVISIBLE: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0")

UAI_LETTERS: Final = "ABCDEFGHJKLMNPRSTUVWXYZ"
ALSO_CHECKED: Final = "also checked: "
LA_POSTE: Final = "356000000"


_NUMBERS: Final = "two three four five six seven eight nine ten eleven twelve thirteen"


class Department(StrEnum):
    """The départements of the territory, by INSEE code."""

    locals().update({f"D{one.code}": one.code for one in TERRITORY.departments})


def _departments_in_words() -> str:
    """Return what contracts say of the départements: `The eight départements of Île-de-France…`."""
    number = dict(enumerate(_NUMBERS.split(), 2)).get(len(Department))
    named = f"The {number} départements" if number else "The département"
    return f"{named} of {TERRITORY.name}, by INSEE code."


Department.__doc__ = _departments_in_words()

DEPARTMENTS: Final = {department.value: department for department in Department}
UAI_DEPARTMENTS: Final = {one.uai_digits: DEPARTMENTS[one.code] for one in TERRITORY.departments}
"""By the three digits that the UAIs of a département begin with."""
_CODE_LENGTH: Final = len(TERRITORY.departments[0].code)


def uai_check_letter(digits: str) -> str:
    """Return the check letter of a UAI, from its seven digits: their number modulo 23."""
    return UAI_LETTERS[int(digits) % 23]


def example_uai(digits: str) -> str:
    """Return a well-formed UAI that begins with three digits."""
    return f"{digits}0419{uai_check_letter(f'{digits}0419')}"


def uai_department(uai: str) -> Department:
    """Return the département of a lycée's registration; `uai` is a valid one of the Région."""
    return UAI_DEPARTMENTS[uai[:3]]


def commune_department(insee: str) -> Department:
    """Return the département of a commune; `insee` is a valid commune code of the Région."""
    return DEPARTMENTS[insee[:_CODE_LENGTH]]


def also_checked(*rules: str) -> dict[str, Any]:
    """Return the `json_schema_extra` of rules that JSON Schema cannot express, by error type.

    The description has them for readers, and `$comment` for the compatibility check: a new rule
    would refuse events that were valid before.
    """
    return {"$comment": f"{ALSO_CHECKED}{', '.join(rules)}"}


def broken(rule: str, problem: str, remedy: str) -> PydanticCustomError:
    """Return the error of a rule that JSON Schema cannot express; see `also_checked`."""
    return PydanticCustomError(rule, problem, {"remedy": remedy})


def is_blank(text: str) -> bool:
    """Return whether a text has no visible character: no letter, digit, mark or symbol."""
    return not any(unicodedata.category(one)[0] in "LNPS" and one not in _INVISIBLE for one in text)


def not_blank(text: str) -> str:
    """Return a text with a visible character; raise PydanticCustomError for any other."""
    if is_blank(text):
        raise broken("blank", "has no visible character", "write a text that readers can see")
    return text


def _checked_uai(uai: str) -> str:
    expected = uai_check_letter(uai[:7])
    if uai[7] != expected:
        remedy = f"these seven digits end with {expected}: look for a mistyped digit"
        raise broken("uai_check_letter", "has a wrong check letter", remedy)
    return uai


def _checked_siret(siret: str) -> str:
    # Luhn; La Poste has its own rule, since it has more establishments than Luhn numbers.
    digits = [int(digit) for digit in siret]
    luhn = sum(digits[1::2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[0::2])
    if luhn % 10 and not (siret.startswith(LA_POSTE) and sum(digits) % 5 == 0):
        remedy = "copy the 14 digits again from the organisation's Sirene notice"
        raise broken("siret_check", "fails its check (Luhn)", remedy)
    return siret


# The format requires a calendar day; the pattern requires 2010-01-01 or later.
_DAY_PATTERN: Final = "^(20[1-9][0-9]|2[1-9][0-9]{2}|[3-9][0-9]{3})-[0-9]{2}-[0-9]{2}$"


#: Makes a date's JSON form exactly YYYY-MM-DD (pydantic also takes a number of seconds).
_ISO_DAY: Final = GetPydanticSchema(
    lambda *_: core_schema.json_or_python_schema(
        json_schema=core_schema.chain_schema(
            [
                core_schema.str_schema(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$"),
                core_schema.date_schema(ge=FIRST_DAY, strict=False),
            ]
        ),
        python_schema=core_schema.date_schema(ge=FIRST_DAY, strict=True),
    ),
    lambda *_: {"type": "string", "format": "date", "pattern": _DAY_PATTERN},
)

Uai = Annotated[
    str,
    Text(pattern=f"^{TERRITORY.uai_pattern}[0-9]{{4}}[{UAI_LETTERS}]$"),
    AfterValidator(_checked_uai),
    Field(
        description=(
            f"UAI of a lycée of {TERRITORY.name}: 7 digits and a check letter"
            f" (that of {UAI_LETTERS} at their number modulo 23)"
        ),
        examples=[example_uai(TERRITORY.departments[0].uai_digits)],
        json_schema_extra=also_checked("uai_check_letter"),
    ),
]
Siret = Annotated[
    str,
    Text(pattern="^[0-9]{14}$"),
    AfterValidator(_checked_siret),
    Field(
        description="SIRET of an organisation: 14 digits, the last one their check (Luhn)",
        examples=["23750007900312"],
        json_schema_extra=also_checked("siret_check"),
    ),
]
CommuneCode = Annotated[
    str,
    Text(pattern=f"^{TERRITORY.commune_pattern}$"),
    Field(
        description=f"INSEE code of a commune of {TERRITORY.name}",
        examples=[TERRITORY.example_commune],
    ),
]
_POSITION: Final = "48.854722,2.360833"
Position = Annotated[
    str,
    Text(pattern=f"^({TERRITORY.position_pattern})?$"),
    Field(
        description=(
            "WGS 84 latitude and longitude in degrees, with a comma between them and 1 to 6"
            " decimals each; an empty text where it is not known"
        ),
        examples=[_POSITION if re.fullmatch(TERRITORY.position_pattern, _POSITION) else ""],
    ),
]
EntityId = Annotated[
    str,
    Text(pattern="^[A-Za-z0-9._:-]{1,64}$"),
    Field(description="identifier: 1 to 64 letters, digits and . _ : -", examples=["site-041"]),
]
PseudonymousId = Annotated[
    str,
    Text(pattern="^[a-z0-9-]{16,64}$"),
    Field(
        description=(
            "pseudonym of a person: 16 to 64 lower-case letters, digits and hyphens;"
            " the gateway takes those that `smart-region pseudonymise` makes"
        ),
        examples=["k1-9d5ed678fe57bcca610140957afab571"],
    ),
]
Label = Annotated[
    str,
    Text(min_length=1, max_length=200),
    # It alone decides. The pattern is for others, whose `\S` may differ from ours.
    AfterValidator(not_blank),
    Field(
        description="text for readers: 1 to 200 characters, not blank",
        json_schema_extra={"pattern": r"\S"},
    ),
]
PlainText = Annotated[
    str,
    Text(
        max_length=LONGEST_TEXT,
        pattern=rf"^[^{_NOT_PLAIN}]*[^\s{_NOT_PLAIN}][^{_NOT_PLAIN}]*$",
    ),
    AfterValidator(not_blank),
    Field(
        description=(
            f"plain text for readers: 1 to {LONGEST_TEXT} characters, not blank; of control"
            " characters the line feed only"
        ),
        json_schema_extra=also_checked("blank"),
    ),
]
Role = Annotated[
    str,
    Text(max_length=100, pattern=rf"^[^\n{_NOT_PLAIN}]*[^\s{_NOT_PLAIN}][^\n{_NOT_PLAIN}]*$"),
    AfterValidator(not_blank),
    Field(
        description="a role, not a person's name: 1 to 100 characters in one line, not blank",
        json_schema_extra=also_checked("blank"),
    ),
]
Count = Annotated[
    int, Field(ge=0, le=LARGEST_COUNT, description=f"a whole number from 0 to {LARGEST_COUNT}")
]
PositiveCount = Annotated[
    int, Field(gt=0, le=LARGEST_COUNT, description=f"a whole number from 1 to {LARGEST_COUNT}")
]
Cents = Annotated[
    int,
    Field(gt=0, le=LARGEST_CENTS, description=f"euro cents, a whole number up to {LARGEST_CENTS}"),
]
Day = Annotated[date, _ISO_DAY, Field(description="a day, YYYY-MM-DD, from 2010-01-01 on")]


def is_pseudonymous(field: FieldInfo) -> bool:
    """Return True for a pseudonym's field: an invalid value may identify the person."""
    described: FieldInfo = get_args(PseudonymousId)[-1]
    return field.description == described.description


def is_label(field: FieldInfo) -> bool:
    """Return True for a free-text field, which may have any words."""
    return field.description in _FREE_TEXTS


_FREE_TEXTS: Final = frozenset(get_args(kind)[-1].description for kind in (Label, PlainText, Role))
