"""Days, numbers and flags as people write them."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.importing.parsing import (
    ParsingError,
    read_day,
    read_decimal,
    read_flag,
    read_money,
    read_quarter,
    read_whole,
    write_decimal,
)


def problem(read: Callable[[str], object], text: str) -> str:
    """Return what a reader refuses."""
    with pytest.raises(ParsingError) as refused:
        read(text)
    return str(refused.value)


@given(st.dates())
def test_a_day_is_read_in_both_forms(day: date) -> None:
    assert read_day(day.isoformat()) == day
    assert read_day(f"{day.day:02}/{day.month:02}/{day.year:04}") == day


def test_a_french_day_may_lack_its_zeros() -> None:
    """As spreadsheets often show it."""
    assert read_day("1/2/2020") == date(2020, 2, 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "is empty"),
        ("2020-02-30", "is not a day of the calendar: write it as 2020-12-31 or 31/12/2020"),
        ("12/31/2020", "the day comes first, JJ/MM/AAAA: write 31/12/2020"),
        ("31/12/20", "is not a day: write it as"),
        ("2020/12/31", "is not a day"),
        ("31-12-2020", "is not a day"),
        ("43831", "is a spreadsheet's number of a day"),
        ("2020-12-31 00:00:00", "is not a day"),
        ("décembre", "is not a day: write it as"),
        ("\uff12020-12-31", "is not a day"),
    ],
)
def test_another_day_is_refused_with_what_to_write(text: str, expected: str) -> None:
    assert expected in problem(read_day, text)


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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "is empty"),
        ("45 %", "has a unit: write the number alone"),
        ("12 €", "has a unit"),
        ("1,5E+05", "is in scientific notation"),
        ("1.234,5", "has a comma and a point"),
        ("12 34", "is not a number"),
        ("1,2,3", "is not a number"),
        ("n/a", "leave the cell empty where there is no value"),
        ("NaN", "leave the cell empty"),
        ("Infinity", "is not a number"),
        ("٣", "is not a number"),
        ("1_000", "is not a number"),
    ],
)
def test_another_number_is_refused_with_what_to_write(text: str, expected: str) -> None:
    """Nothing is guessed."""
    assert expected in problem(read_decimal, text)


def test_a_whole_number_has_no_decimals_that_count() -> None:
    assert read_whole("1 200,00") == 1200
    assert problem(read_whole, "1,5") == "is not a whole number: write it without decimals"


@pytest.mark.parametrize("read", [read_whole, read_money])
@pytest.mark.parametrize(
    ("text", "meant"), [("1,000", "1000, or 1"), ("1.000", "1000, or 1"), ("-12.500", "-12500")]
)
def test_thousands_that_may_be_decimals_are_not_guessed(
    read: Callable[[str], object], text: str, meant: str
) -> None:
    """As English tables group digits: a number a thousand times too small would be a figure."""
    assert problem(read, text).startswith(f"may have thousands or three decimals: write {meant}")


@pytest.mark.parametrize("text", ["1000.000", "1 000,000", "0,000"])
def test_three_decimals_that_group_nothing_are_read(text: str) -> None:
    assert read_whole(text) in (0, 1000)


@pytest.mark.parametrize(
    ("text", "last_day"),
    [
        ("T3 2017", date(2017, 9, 30)),
        ("2017-T4", date(2017, 12, 31)),
        ("t1 2018", date(2018, 3, 31)),
        ("2018Q2", date(2018, 6, 30)),
    ],
)
def test_a_quarter_is_its_last_day(text: str, last_day: date) -> None:
    assert read_quarter(text) == last_day


@pytest.mark.parametrize("text", ["T5 2017", "T3", "", "T1 0000"])
def test_another_quarter_is_refused(text: str) -> None:
    assert problem(read_quarter, text).endswith("write it as T3 2017")


@pytest.mark.parametrize(("text", "flag"), [("Oui", True), ("0", False), ("VRAI", True)])
def test_a_flag_is_read(text: str, *, flag: bool) -> None:
    """In French, and as spreadsheets write it."""
    assert read_flag(text) is flag


def test_another_flag_is_refused() -> None:
    """A cross may mean either."""
    assert problem(read_flag, "x") == "is neither yes nor no: write oui or non"
