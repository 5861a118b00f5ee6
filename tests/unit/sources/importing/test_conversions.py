"""Conversions that a mapping may name."""

from datetime import date
from decimal import Decimal

import pytest

from events.school import SchoolKind
from sources.importing.conversions import CONVERSIONS, choice_of, usual_conversion
from sources.importing.parsing import ParsingError


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("text", "Évry", "Évry"),
        ("upper", "0750419y", "0750419Y"),
        ("lower", "OUI", "oui"),
        ("whole", "1 200", 1200),
        ("decimal", "1,5", Decimal("1.5")),
        ("euros", "1 234,5", 123450),
        ("day", "31/12/2020", date(2020, 12, 31)),
        ("quarter", "T1 2018", date(2018, 3, 31)),
        ("flag", "oui", True),
        ("department_of_uai", "0770419Y", "77"),
        ("department_of_commune", "95002", "95"),
        ("territory_of_commune", "95002", "D95"),
    ],
)
def test_every_conversion_converts(name: str, text: str, value: object) -> None:
    assert CONVERSIONS[name](text) == value


def test_every_conversion_is_tested() -> None:
    (mark,) = test_every_conversion_converts.pytestmark  # type: ignore[attr-defined]
    assert {case[0] for case in mark.args[1]} == set(CONVERSIONS)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("euros", "0,001", "has fractions of a cent"),
        ("department_of_uai", "0330419Y", "is not a UAI of Île-de-France"),
        ("department_of_uai", "77", "is not a UAI of Île-de-France"),
        ("territory_of_commune", "2A004", "is not an Insee commune code of Île-de-France"),
    ],
)
def test_what_cannot_be_converted_is_refused(name: str, text: str, expected: str) -> None:
    with pytest.raises(ParsingError, match=expected):
        CONVERSIONS[name](text)


def test_a_closed_list_is_reported() -> None:
    """And that the mapping may translate."""
    with pytest.raises(ParsingError, match="write one of general_technological, vocational, poly"):
        choice_of(SchoolKind)("LEGT")


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (int, "1", 1),
        (bool, "non", False),
        (SchoolKind, "vocational", SchoolKind.VOCATIONAL),
        (SchoolKind | None, "vocational", SchoolKind.VOCATIONAL),
        (int | None, "1", 1),
    ],
)
def test_a_field_has_its_usual_conversion(kind: object, text: str, value: object) -> None:
    """By what it is in the contract; text where nothing else is known."""
    assert usual_conversion(kind)(text) == value
    assert usual_conversion(dict)("as it is") == "as it is"
