"""Axes: round values and days, and where they are in a chart."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import islice, pairwise
from typing import Final

from catalogue.formatting import day_text
from report.charts.labels import EM, text_width

LARGEST: Final = 1e15
"""What is larger has no exact whole number beside it, and is not drawn."""

_TRIED_STEPS: Final = 24
_SMALLEST: Final = 1e-9
_MOST_TICKS: Final = 6
#: Axes begin at 0 unless the lowest value is beyond this part of the highest.
_ZOOM: Final = 0.7
_MONTHS: Final = (
    "janv.",
    "févr.",
    "mars",
    "avr.",
    "mai",
    "juin",
    "juil.",
    "août",
    "sept.",
    "oct.",
    "nov.",
    "déc.",
)
_MONTHS_OF_A_YEAR: Final = 12
#: In months: up to 500 years.
_STEPS: Final = (1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200, 2400, 6000)
#: Between two labels of days, in em.
_APART: Final = 0.8


@dataclass(frozen=True, slots=True)
class Scale:
    """Where values, or days by their ordinal, are on a line from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Return the place of a value, at most at an end of the line."""
        if self.high <= self.low:
            return self.start
        part = min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)
        return self.start + part * (self.end - self.start)

    def on(self, day: date) -> float:
        """Return the place of a day."""
        return self.at(day.toordinal())


@dataclass(frozen=True, slots=True)
class Tick:
    """A round value, or the ordinal of a day, and its label."""

    value: float
    text: str


def is_drawable(value: float | None) -> bool:
    """Return True for a known value that has a place on an axis."""
    return value is not None and math.isfinite(value) and abs(value) <= LARGEST


def value_ticks(values: Sequence[float], text: Callable[[float], str]) -> list[Tick]:
    """Return round values, the first at or below all values and the last at or above them.

    They include 0, unless all values are close to each other and far from it. No two have the same
    text: a step too small for the text's decimals would repeat it.
    """
    low, high = _span(values)
    found: list[Tick] = []
    for step in islice(_round_steps((high - low) / _MOST_TICKS), _TRIED_STEPS):
        first, last = math.floor(Decimal(low) / step), math.ceil(Decimal(high) / step)
        if last - first >= _MOST_TICKS:
            continue
        found = [Tick(float(i * step), text(float(i * step))) for i in range(first, last + 1)]
        if len({tick.text for tick in found}) == len(found):
            break
    texts = [""] + [tick.text for tick in found]
    return [
        tick if tick.text not in texts[: index + 1] else Tick(tick.value, "")
        for index, tick in enumerate(found)
    ]


def _span(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values, default=0.0), max(values, default=0.0)
    if high - low <= _SMALLEST or 0 < low < _ZOOM * high or low < _ZOOM * low < high < 0:
        low, high = min(low, 0.0), max(high, 0.0)
    return (low, high) if high - low > _SMALLEST else (low, low + 1)


def _round_steps(least: float) -> Iterator[Decimal]:
    """Yield 1, 2 and 5 times powers of ten, from one that is not above `least`."""
    power = Decimal(10) ** math.floor(math.log10(least))
    while True:
        yield from (power, 2 * power, 5 * power)
        power *= 10


def day_ticks(first: date, last: date, width: float) -> list[Tick]:
    """Return first days of years or months whose labels fit side by side into a width.

    Where there are fewer than two, as in a few weeks, both ends are labelled.
    """
    for step in _STEPS:
        ticks = list(_firsts(first, last, step))
        if len(ticks) <= 1:
            break
        span = last.toordinal() - first.toordinal()
        apart = min(b.value - a.value for a, b in pairwise(ticks))
        widest = max(text_width(tick.text) for tick in ticks)
        if apart / span * width >= (widest + _APART) * EM:
            return ticks
    ends = [first] if first == last else [first, last]
    return [Tick(day.toordinal(), day_text(day)) for day in ends]


def _firsts(first: date, last: date, step: int) -> Iterator[Tick]:
    start = first.year * _MONTHS_OF_A_YEAR + first.month - 1 + (first.day > 1)
    for month in range(-(-start // step) * step, last.year * _MONTHS_OF_A_YEAR + last.month, step):
        year, index = divmod(month, _MONTHS_OF_A_YEAR)
        if not date.min.year <= year <= date.max.year:
            continue
        day = date(year, index + 1, 1)
        name = f"{year}" if step % _MONTHS_OF_A_YEAR == 0 else f"{_MONTHS[index]}\u00a0{year}"
        yield Tick(day.toordinal(), name)
