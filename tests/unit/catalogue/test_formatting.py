"""How figures are written for people, whoever writes them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.formatting import (
    STATUSES,
    NumberFormat,
    day_text,
    days_text,
    is_plural,
    progress_text,
)
from catalogue.loader import load_catalogue
from catalogue.model import Direction, Unit
from catalogue.progress import MilestoneStatus

UP, DOWN = Direction.RISING, Direction.FALLING
#: As the workers sum cents over partitions: 6 862 000 euros, and a hair less.
A_HAIR_LESS = 6_861_999.999999999


def plain(text: str) -> str:
    return text.replace("\u202f", " ").replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("value", "written", "text"),
    [
        (None, NumberFormat(Unit.COUNT), "–"),
        (0.29, NumberFormat(Unit.RATIO, UP, 1), "29,0 %"),
        (0.9999, NumberFormat(Unit.RATIO, UP, 1), "99,9 %"),
        (0.0001, NumberFormat(Unit.RATIO, DOWN, 1), "0,1 %"),
        (1.0, NumberFormat(Unit.RATIO, UP, 1), "100,0 %"),
        (1234567.0, NumberFormat(Unit.COUNT), "1 234 567"),
        (6499999.99, NumberFormat(Unit.EUROS), "6 499 999 €"),
        (6499999.99, NumberFormat(Unit.EUROS, UP, 2), "6 499 999,99 €"),
        (6500000.0, NumberFormat(Unit.EUROS, UP, 2), "6 500 000 €"),
        (A_HAIR_LESS, NumberFormat(Unit.EUROS), "6 862 000 €"),
        (12.000000000000002, NumberFormat(Unit.COUNT, DOWN), "12"),
        (-1234.567891, NumberFormat(Unit.EUROS, UP, 2), "−1 234,57 €"),
        (21.375, NumberFormat(Unit.COUNT, DOWN, 2), "21,38"),
    ],
)
def test_a_value_is_never_shown_as_the_target_before_it_is(
    value: float | None, written: NumberFormat, text: str
) -> None:
    """It is cut on the side away from the target, but not by the inexactness of floats."""
    assert plain(written.text(value)) == text


@given(
    st.integers(-(10**9), 10**9),
    st.sampled_from([(Unit.RATIO, 1), (Unit.COUNT, 0), (Unit.EUROS, 0), (Unit.EUROS, 2)]),
    st.sampled_from(Direction),
)
def test_what_is_whole_in_the_last_digit_shown_is_shown_as_it_is(
    digits: int, unit: tuple[Unit, int], direction: Direction
) -> None:
    written = NumberFormat(unit[0], direction, unit[1])
    value = float(Fraction(digits, written.scale))
    assert written.cut(value) == Decimal(digits).scaleb(-written.decimals)


@pytest.mark.parametrize(
    ("rate", "of_a_count", "of_a_ratio"),
    [
        (None, "–", "–"),
        (29.0, "29 %", "29,0 %"),
        (100 * 0.29, "29 %", "29,0 %"),
        (97.89, "97 %", "97,8 %"),
        (99.99, "99 %", "99,9 %"),
        (100.0, "100 %", "100,0 %"),
    ],
)
def test_a_rate_is_cut_to_the_decimals_of_its_figure(
    rate: float | None, of_a_count: str, of_a_ratio: str
) -> None:
    catalogue = load_catalogue()
    for id_, text in (
        ("workstations_created", of_a_count),
        ("schools_connected_ratio", of_a_ratio),
    ):
        assert plain(progress_text(rate, catalogue.indicator(id_))) == text


@pytest.mark.parametrize(
    ("days", "text"), [(0, "0 jour"), (1, "1 jour"), (2, "2 jours"), (1204, "1 204 jours")]
)
def test_days_have_a_plural_from_two_on(days: int, text: str) -> None:
    assert plain(days_text(days)) == text


@pytest.mark.parametrize("sign", [1, -1])
def test_the_plural_begins_at_two(sign: int) -> None:
    numbers = (0, 1, Fraction(199, 100), 2, Fraction(21, 10), 1000)
    found = [is_plural(sign * number) for number in numbers]
    assert found == [False, False, False, True, True, True]


def test_a_day_is_written_as_in_french() -> None:
    assert (day_text(date(2020, 12, 31)), day_text(None)) == ("31/12/2020", "–")


def test_what_needs_people_is_worse_than_what_does_not() -> None:
    order = sorted(MilestoneStatus, key=lambda status: STATUSES[status].severity)
    assert order == [
        MilestoneStatus.ACHIEVED,
        MilestoneStatus.ON_TRACK,
        MilestoneStatus.UNREPORTED,
        MilestoneStatus.AT_RISK,
        MilestoneStatus.MISSED,
    ]
