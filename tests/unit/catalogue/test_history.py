"""Figures over time."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from catalogue.history import History, Reading, Spell, StepFunction, keep_unchanged
from catalogue.model import Direction
from catalogue.progress import is_attained
from tests.support.figure_histories import FIRST_DAY, figure_histories

DAYS = [FIRST_DAY + timedelta(days=day) for day in range(-2, 34)]

any_day = st.sampled_from(DAYS)
steps = st.dictionaries(any_day.map(date.toordinal), st.integers(-5, 5), max_size=8)
targets = st.sampled_from([Fraction(0), Fraction(1, 2), Fraction(1), Fraction(2), Fraction(-1)])


def day(month: int, number: int) -> date:
    return date(2018, month, number)


@given(steps, any_day)
def test_a_step_function_adds_up_the_steps_so_far(changes: dict[int, int], on: date) -> None:
    so_far = sum(amount for ordinal, amount in changes.items() if ordinal <= on.toordinal())
    assert StepFunction.of(changes).at(on) == so_far


@given(steps, steps)
def test_step_functions_add_up(one: dict[int, int], other: dict[int, int]) -> None:
    total = StepFunction.of(one) + StepFunction.of(other)
    both = {ordinal: one.get(ordinal, 0) + other.get(ordinal, 0) for ordinal in {*one, *other}}
    assert total == StepFunction.of(both)


def test_what_expires_after_the_last_day_of_the_calendar_never_does() -> None:
    """A fact may be of the year 9999, and last for a year more."""
    last = date.max.toordinal()
    function = StepFunction.of({last: 2, last + 1: -2, last + 400: -1})

    assert (function.days, function.at(date.max)) == ((date.max,), 2)


CONNECTED = History(
    numerator=StepFunction((day(3, 1), day(9, 1)), (1, 3)),
    denominator=StepFunction((day(1, 1), day(12, 1)), (4, 0)),
    reports=(day(1, 1), day(3, 1), day(9, 1), day(12, 1)),
)
PAID = History(StepFunction((day(3, 1),), (1_000_050,)), None, (day(3, 1),), divisor=100)


def test_a_ratio_is_the_numerator_over_the_denominator() -> None:
    assert [CONNECTED.value(on) for on in (day(2, 1), day(10, 1))] == [0, Fraction(3, 4)]


def test_a_value_over_nothing_is_blank() -> None:
    assert CONNECTED.value(day(12, 1)) is None


def test_a_value_before_the_first_report_is_blank() -> None:
    assert [PAID.value(on) for on in (day(2, 28), day(3, 1))] == [None, Fraction("10000.50")]


def test_without_a_report_there_is_no_value() -> None:
    assert History().value(FIRST_DAY) is None


@given(figure_histories, any_day)
def test_the_curve_has_the_value_of_every_day(history: History, on: date) -> None:
    days, values = history.curve
    held = [value for day, value in zip(days, values, strict=True) if day <= on]
    exact = history.value(on)
    assert (held[-1] if held else None) == (None if exact is None else float(exact))


def test_a_reading_is_what_the_facts_add_up_to() -> None:
    assert [PAID.reading(on) for on in (day(2, 28), day(4, 1))] == [
        Reading(0, None, None),
        Reading(1_000_050, None, day(3, 1)),
    ]
    assert CONNECTED.reading(day(11, 1)) == Reading(3, 4, day(9, 1))


@given(figure_histories, targets, st.sampled_from(Direction))
def test_spells_are_the_days_on_which_the_target_is_held(
    history: History, target: Fraction, direction: Direction
) -> None:
    def held(on: date) -> bool:
        value = history.value(on)
        return value is not None and is_attained(value, target, direction)

    def within(spell: Spell, on: date) -> bool:
        start, end = spell
        return start <= on and (end is None or on < end)

    spells = history.spells(target, direction)
    assert [any(within(spell, on) for spell in spells) for on in DAYS] == list(map(held, DAYS))


def test_spells_of_different_targets_are_not_mixed_up() -> None:
    half, all_of_them = Fraction(1, 2), Fraction(1)
    assert CONNECTED.spells(half, Direction.RISING) == ((day(9, 1), day(12, 1)),)
    assert CONNECTED.spells(all_of_them, Direction.RISING) == ()
    assert CONNECTED.spells(half, Direction.FALLING) == ((day(1, 1), day(9, 1)),)
    assert CONNECTED.spells(half, Direction.RISING) == ((day(9, 1), day(12, 1)),)


def test_what_was_found_of_a_history_is_not_part_of_it() -> None:
    asked = History(CONNECTED.numerator, CONNECTED.denominator, CONNECTED.reports)
    asked.spells(Fraction(1), Direction.RISING)
    assert asked == History(CONNECTED.numerator, CONNECTED.denominator, CONNECTED.reports)


def test_a_history_that_did_not_change_is_kept_with_its_cache() -> None:
    one, other = History(StepFunction.of({1: 1})), History(StepFunction.of({1: 2}))
    before: dict[tuple[str, str | None], History] = {
        ("a", None): one,
        ("b", None): one,
        ("gone", None): one,
    }
    same, changed, new = History(StepFunction.of({1: 1})), other, History()
    after: dict[tuple[str, str | None], History] = {
        ("a", None): same,
        ("b", None): changed,
        ("c", None): new,
    }
    found = keep_unchanged(after, before)
    assert found[("a", None)] is one
    assert found[("b", None)] is changed
    assert found == after
