"""Days, numbers and flags as people write them, and the conversions that a mapping may name."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.school import SchoolKind
from sources.importing.conversions import (
    CONVERSIONS,
    ParsingError,
    choice_of,
    read_day,
    read_decimal,
    read_whole,
    usual_conversion,
    write_decimal,
)
from tests.support.golden import check_golden

WRONG = {
    "day": (
        *("", "2020-02-30", "12/31/2020", "31/12/20", "2020/12/31", "31-12-2020", "43831"),
        *("2020-12-31 00:00:00", "décembre", "\uff12020-12-31"),
    ),
    "decimal": (
        *("", "45 %", "12 €", "1,5E+05", "1.234,5", "12 34", "1,2,3", "n/a", "NaN", "Infinity"),
        *("٣", "1_000"),
    ),
    "whole": ("1,5", "1,000", "1.000", "-12.500"),
    "euros": ("0,001", "1,000", "-12.500"),
    "quarter": ("T5 2017", "T3", "", "T1 0000"),
    "flag": ("x",),
    "department_of_uai": ("0330419Y", "77"),
    "territory_of_commune": ("2A004",),
}
"""Conversions → what they refuse: nothing is guessed."""


def test_what_cannot_be_read_is_refused_with_what_to_write() -> None:
    """The golden file has the refusal of each text in WRONG."""
    lines = []
    for name, texts in WRONG.items():
        for text in texts:
            with pytest.raises(ParsingError) as refused:
                CONVERSIONS[name](text)
            lines.append(f"{name} {text!a}: {refused.value}\n")
    check_golden(Path(__file__).with_name("conversions.txt"), "".join(lines))


@given(st.dates())
def test_a_day_is_read_in_both_forms_with_or_without_zeros(day: date) -> None:
    assert read_day(day.isoformat()) == day
    assert read_day(f"{day.day:02}/{day.month:02}/{day.year:04}") == day
    assert read_day(f"{day.day}/{day.month}/{day.year:04}") == day


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**9)))
def test_a_number_is_read_with_comma_or_point(number: Decimal) -> None:
    text = f"{number:f}"
    assert read_decimal(text) == read_decimal(text.replace(".", ",")) == number


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6))
def test_a_number_is_written_as_it_is_read(number: Decimal) -> None:
    text = write_decimal(number)
    assert read_decimal(text) == number
    assert not ("." in text and text.endswith(("0", ".")))


@pytest.mark.parametrize("space", [" ", "\u00a0", "\u202f"], ids=["space", "no-break", "narrow"])
def test_digits_may_be_grouped_by_a_space(space: str) -> None:
    """As French spreadsheets show numbers."""
    assert read_decimal(f"-1{space}234{space}567,5") == Decimal("-1234567.5")


@pytest.mark.parametrize("text", ["1000.000", "1 000,000", "0,000"])
def test_three_decimals_that_group_nothing_are_read(text: str) -> None:
    assert read_whole(text) in (0, 1000)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("text", "Évry", "Évry"),
        ("upper", "0750419y", "0750419Y"),
        ("lower", "OUI", "oui"),
        ("whole", "1 200,00", 1200),
        ("decimal", "1,5", Decimal("1.5")),
        ("euros", "1 234,5", 123450),
        ("day", "31/12/2020", date(2020, 12, 31)),
        ("quarter", "T3 2017", date(2017, 9, 30)),
        ("quarter", "2017-T4", date(2017, 12, 31)),
        ("quarter", "t1 2018", date(2018, 3, 31)),
        ("quarter", "2018Q2", date(2018, 6, 30)),
        ("flag", "Oui", True),
        ("flag", "VRAI", True),
        ("flag", "0", False),
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
