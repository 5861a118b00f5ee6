"""Small histories of figures: values that rise, fall, vanish and return within some days."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from fractions import Fraction

from hypothesis import strategies as st

from catalogue.history import History, Reading, StepFunction

#: Drawn histories begin here or up to `_SPAN` days later.
FIRST_DAY = date(2018, 1, 1)
_SPAN = 30

_days = st.integers(FIRST_DAY.toordinal(), FIRST_DAY.toordinal() + _SPAN)


def _steps(amounts: st.SearchStrategy[int]) -> st.SearchStrategy[dict[int, int]]:
    return st.dictionaries(_days, amounts, max_size=8)


def _history(
    numerator: dict[int, int], denominator: dict[int, int] | None, more: set[int], divisor: int
) -> History:
    """Every step is a report; some reports change nothing."""
    reports = sorted({*numerator, *(denominator or {}), *more})
    return History(
        numerator=StepFunction.of(numerator),
        denominator=None if denominator is None else StepFunction.of(denominator),
        reports=tuple(map(date.fromordinal, reports)),
        divisor=divisor,
    )


_numerators = _steps(st.integers(-2, 3))
_denominators = _steps(st.integers(-2, 4))
_more = st.sets(_days, max_size=3)

#: A denominator may be 0 for a while, and even negative, since it is a sum of steps.
ratio_histories = st.builds(_history, _numerators, _denominators, _more, st.just(1))
additive_histories = st.builds(_history, _numerators, st.none(), _more, st.sampled_from((1, 100)))
figure_histories = st.one_of(ratio_histories, additive_histories)


def history_of(
    value: Callable[[int], int | Fraction],
    *,
    since: date,
    days: int,
    denominator: int | None = None,
) -> History:
    """Return the history of a figure that `value` gives for each day counted from `since`.

    It is reported each day; over a denominator the value is a fraction of it.
    """
    totals = {
        since + timedelta(days=day): value(day) * (denominator or 1) for day in range(days + 1)
    }
    whole = {day: int(total) for day, total in totals.items()}
    if whole != totals:
        raise ValueError(totals)
    return History(
        numerator=StepFunction(tuple(whole), tuple(whole.values())),
        denominator=None if denominator is None else StepFunction((since,), (denominator,)),
        reports=tuple(whole),
    )


def reported(reading: Reading, *, divisor: int = 1) -> History:
    """Return the history of a figure with a single report, that of a reading."""
    day = reading.last_reported
    if day is None:
        return History(denominator=None if reading.denominator is None else StepFunction())
    under = reading.denominator
    return History(
        numerator=StepFunction((day,), (reading.numerator,)),
        denominator=None if under is None else StepFunction((day,), (under,)),
        reports=(day,),
        divisor=divisor,
    )
