"""The territory that this process serves: a Région and its départements, from one file of data.

The patterns and codes of the contracts follow from it, so it is read once, at import.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_settings import BaseSettings

from boundary.diagnostic import Diagnostic, FieldPath
from boundary.settings import SETTINGS_CONFIG, read_settings, variable
from events.declaration import (
    InvalidDeclarationError,
    invalid,
    invalid_model,
    read_model,
)
from events.document import read_document

FILE: Final = Path(__file__).parents[1] / "catalogue/territory.yaml"
"""The shipped territory, which lies beside the programmes that promise something for it."""

COMMUNE_LENGTH: Final = 5
_RUN: Final = 3
"""From how many following digits on a pattern names only the first and the last."""


def _department_code(code: str) -> str:
    if not re.fullmatch(r"[0-9]{2}|2[AB]|97[0-9]", code):
        raise invalid("is not a département", code, "write its INSEE code, quoted: '35', '2A'")
    return code


def _region_code(code: str) -> str:
    if not re.fullmatch(r"[0-9]{2}", code):
        raise invalid("is not a Région", code, "write its two digits, quoted: '53'")
    return code


def _digits_of_uai(digits: str) -> str:
    if not re.fullmatch(r"[0-9]{3}", digits):
        remedy = "write the three digits that its UAIs begin with, quoted: '620' for 2A"
        raise invalid("is not the beginning of a UAI", digits, remedy)
    return digits


def _runs(numbers: str) -> list[tuple[int, int]]:
    """Return the first and the last number of each range; of a single number it is both."""
    parts = [part.partition("-") for part in numbers.split()]
    return [(int(first), int(last or first)) for first, _, last in parts]


def _numbers(text: str) -> str:
    parts = text.split()
    remedy = "write numbers and ranges in ascending order: '1-16 18'"
    if not all(re.fullmatch(r"[0-9]{1,3}(-[0-9]{1,3})?", part) for part in parts):
        raise invalid("has other parts than numbers", text, remedy)
    ends = list(chain.from_iterable(_runs(text)))
    if ends != sorted(ends):
        raise invalid("is not in ascending order", text, remedy)
    return text


def _commune_code(code: str) -> str:
    if not re.fullmatch(r"([0-9]{2}|2[AB])[0-9]{3}", code):
        raise invalid("is not a commune", code, "write its INSEE code, quoted: '75056'")
    return code


def _codes(prefix: str, numbers: str) -> tuple[str, ...]:
    width = COMMUNE_LENGTH - len(prefix)
    return tuple(
        f"{prefix}{number:0{width}d}"
        for first, last in _runs(numbers)
        for number in range(first, last + 1)
    )


Name = Annotated[str, Field(min_length=1, max_length=100)]
Numbers = Annotated[str, AfterValidator(_numbers)]
Commune = Annotated[str, AfterValidator(_commune_code)]
Latitude = Annotated[float, Field(ge=-90, le=90)]
Longitude = Annotated[float, Field(ge=-180, le=180)]


class _TerritoryModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ignored_types=(cached_property,))


class DeclaredDepartment(_TerritoryModel):
    """A département of the Région."""

    code: Annotated[str, AfterValidator(_department_code)]
    """Its INSEE code."""
    name: Name
    uai: Annotated[str, AfterValidator(_digits_of_uai)] | None = None
    """The three digits that its lycées' UAIs begin with; by default its code, with a 0 before."""
    nuts: str | None = None
    """Its code in the EU's NUTS, for the open-data catalogue."""
    marker: tuple[Latitude, Longitude] | None = None
    """Where the boards mark it: degrees (WGS 84)."""
    communes: Numbers = ""
    """The ends of its communes' codes, as numbers and ranges."""

    @property
    def uai_digits(self) -> str:
        """The three digits that its lycées' UAIs begin with."""
        return self.uai or self.code.zfill(3)


class DeclaredTerritory(_TerritoryModel):
    """A Région, its départements, and where they are."""

    code: Annotated[str, AfterValidator(_region_code)]
    """Its INSEE code."""
    name: Name
    of_name: Name | None = None
    """The same in French after a noun, as `d’Île-de-France`."""
    nuts: str | None = None
    latitude: tuple[Latitude, Latitude] | None = None
    """The whole degrees from and up to which positions are; None accepts all."""
    longitude: tuple[Longitude, Longitude] | None = None
    outlines: Path | None = None
    """File of the départements' outlines; a file's path is relative to this one."""
    commune_outlines: Path | None = None
    """File of the communes' names and outlines."""
    departments: Annotated[tuple[DeclaredDepartment, ...], Field(min_length=1)]
    arrondissements: Mapping[Commune, Numbers] = {}
    """The ends of the codes that some communes are divided into, by the whole commune's code."""
    merged_into: Mapping[Commune, Commune] = {}
    """Communes that merged, and the one whose code remains."""

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        mistakes = []
        for index, one in enumerate(self.departments):
            where = ("departments", index)
            earlier = self.departments[:index]
            if one.code in {other.code for other in earlier}:
                remedy = "keep one of the two"
                mistakes.append(Diagnostic((*where, "code"), "is there twice", one.code, remedy))
            if len(one.code) != len(self.departments[0].code):
                remedy = f"write codes as long as {self.departments[0].code}"
                problem = "has another length than the first"
                mistakes.append(Diagnostic((*where, "code"), problem, one.code, remedy))
            if not one.uai_digits.isdecimal():
                remedy = "write the three digits that its UAIs begin with, as '620' for 2A"
                mistakes.append(Diagnostic((*where, "uai"), "is missing", None, remedy))
        too_long = (
            (path, code)
            for path, codes in self._listed()
            for code in codes
            if len(code) > COMMUNE_LENGTH
        )
        for path, code in too_long:
            remedy = f"write the {COMMUNE_LENGTH - len(self.departments[0].code)} last digits"
            mistakes.append(Diagnostic(path, "makes a code that is too long", code, remedy))
        for name in ("latitude", "longitude"):
            bounds = getattr(self, name)
            if bounds is not None and not bounds[0] < bounds[1]:
                remedy = "write the smaller number first, as [48, 50]"
                mistakes.append(Diagnostic((name,), "is empty", list(bounds), remedy))
        if mistakes:
            raise invalid_model(DeclaredTerritory, mistakes)
        return self

    def _listed(self) -> Iterator[tuple[FieldPath, tuple[str, ...]]]:
        """Yield each list of communes or arrondissements with its path."""
        for index, one in enumerate(self.departments):
            yield ("departments", index, "communes"), self.communes[one.code]
        for whole, codes in self.divided.items():
            yield ("arrondissements", whole), codes

    @property
    def example_commune(self) -> str:
        """The code of a commune of the first département, where its communes are declared."""
        first = self.departments[0]
        return next(iter(self.communes[first.code] or _codes(first.code, "1")))

    @property
    def words(self) -> Mapping[str, str]:
        """What texts say of it, in French: names and codes, as `$REGION` in our files of data."""
        codes = [one.code for one in self.departments]
        return {
            "REGION": self.name,
            "OF_REGION": self.of_name or f"de la Région {self.name}",
            "REGION_CODE": f"R{self.code}",
            "FIRST_DEPARTMENT": codes[0],
            "LAST_DEPARTMENT": codes[-1],
            "SOME_DEPARTMENT": codes[:2][-1],
        }

    @cached_property
    def communes(self) -> Mapping[str, tuple[str, ...]]:
        """The codes of communes and arrondissements by département, in their order."""
        return {one.code: _codes(one.code, one.communes) for one in self.departments}

    @cached_property
    def divided(self) -> Mapping[str, tuple[str, ...]]:
        """The codes of the arrondissements by the whole commune's code."""
        length = len(self.departments[0].code)
        return {one: _codes(one[:length], ends) for one, ends in self.arrondissements.items()}

    @property
    def uai_pattern(self) -> str:
        """The pattern of the three digits that a UAI begins with."""
        digits = [one.uai_digits for one in self.departments]
        zero = "0" if all(one.startswith("0") for one in digits) else ""
        return f"{zero}({'|'.join(one.removeprefix(zero) for one in digits)})"

    @property
    def commune_pattern(self) -> str:
        """The pattern of a commune's code."""
        rest = COMMUNE_LENGTH - len(self.departments[0].code)
        return f"({'|'.join(one.code for one in self.departments)})[0-9]{{{rest}}}"

    @property
    def position_pattern(self) -> str:
        """The pattern of `latitude,longitude`: two numbers in the wrong order do not fit."""
        latitude = _degrees(self.latitude, "[0-9]{1,2}")
        return rf"{latitude}\.[0-9]{{1,6}},{_degrees(self.longitude, '[0-9]{1,3}')}\.[0-9]{{1,6}}"


def _degrees(bounds: tuple[float, float] | None, any_number: str) -> str:
    """Return the pattern of what stands before the point of numbers within bounds."""
    if bounds is None:
        return f"-?{any_number}"
    first, last = bounds
    whole = range(int(first // 1), -int(-last // 1))
    ends: dict[str, str] = {}
    # -4.5 is between -5 and -4, and its digits before the point are -4.
    for text in dict.fromkeys(str(one) if one >= 0 else f"-{-one - 1}" for one in whole):
        ends[text[:-1]] = ends.get(text[:-1], "") + text[-1]
    parts = [start + _digit(digits) for start, digits in ends.items()]
    return parts[0] if len(parts) == 1 else f"({'|'.join(parts)})"


def _digit(digits: str) -> str:
    if len(digits) == 1:
        return digits
    ordered = "".join(sorted(digits))
    return f"[{ordered}]" if len(digits) < _RUN else f"[{ordered[0]}-{ordered[-1]}]"


class TerritorySettings(BaseSettings):
    """Which territory is served."""

    model_config = SETTINGS_CONFIG

    territory: Path | None = None
    """File of the Région and its départements to use instead of the shipped one, Île-de-France.
    Give all programs the same one, or they accept different events."""


def read_territory(file: Path | None = None) -> DeclaredTerritory:
    """Return the territory of a file, by default the shipped one.

    Raises InvalidDeclarationError with all errors: file, line, field, value, remedy.
    """
    file = FILE if file is None else file
    document = read_document(file)
    found, diagnostics = read_model(document, DeclaredTerritory)
    if found is None:
        raise InvalidDeclarationError(diagnostics)
    paths = {
        name: file.parent / path
        for name in ("outlines", "commune_outlines")
        if (path := getattr(found, name)) is not None
    }
    missing = [
        document.locate(
            Diagnostic((name,), "is not there", str(getattr(found, name)), "correct the path")
        )
        for name, path in paths.items()
        if not path.is_file()
    ]
    if missing:
        raise InvalidDeclarationError(missing)
    return found.model_copy(update=paths)


TERRITORY: Final = read_territory(
    read_settings(TerritorySettings, own=variable("territory")).territory
)
"""The one that this process serves. Raises SettingsError, InvalidDeclarationError at import."""
