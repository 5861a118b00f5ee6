"""The formatting of figures for people: units, decimals and truncation.

It is defined here once, for terminals, boards, alerts and reports. The last digit is truncated away
from the target and never rounded: `100,0 %` is not displayed where 100 % is not attained. Before
that a float is rounded to a millionth of the last digit: sums over partitions and products by 100
differ slightly from the exact decimal (6 861 999.999 999 999 for 6 862 000), and truncation would
display one less.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Final, Self

from catalogue.model import Direction, Indicator, Unit
from catalogue.progress import MilestoneStatus


@dataclass(frozen=True, slots=True)
class StatusStyle:
    """A status in words. The mark comes first: colour is never the only carrier of meaning."""

    severity: int
    """From 1 (nothing to do) to 5 (too late): the worst of several statuses is their highest."""
    mark: str
    word: str
    """French, as it is said of one milestone."""
    colour: str
    """A colour of Grafana's palette, distinct also to readers who confuse red and green."""
    terminal: str
    """The same for a terminal, as rich names it."""

    @property
    def text(self) -> str:
        """The mark and the word."""
        return f"{self.mark} {self.word}"


STATUSES: Mapping[MilestoneStatus, StatusStyle] = MappingProxyType(
    {
        MilestoneStatus.ACHIEVED: StatusStyle(1, "✔", "atteint", "blue", "bold green"),
        MilestoneStatus.ON_TRACK: StatusStyle(2, "●", "en bonne voie", "green", "green"),
        MilestoneStatus.UNREPORTED: StatusStyle(3, "?", "non renseigné", "purple", "magenta"),
        MilestoneStatus.AT_RISK: StatusStyle(4, "▲", "à risque", "orange", "yellow"),
        MilestoneStatus.MISSED: StatusStyle(5, "✖", "manqué", "red", "bold red"),
    }
)


MONTHS: Final = (
    *("janvier", "février", "mars", "avril", "mai", "juin"),
    *("juillet", "août", "septembre", "octobre", "novembre", "décembre"),
)
BLANK: Final = "–"
"""The text of an unknown value, which is never zero."""
MINUS: Final = "−"
"""The sign of a number below zero; a hyphen would be broken from it at a line's end."""
NARROW: Final = "\u202f"
"""The thousands separator."""
NO_BREAK: Final = "\u00a0"
"""The space before a unit's sign."""

_NOISE: Final = Decimal("0.000001")
_PERCENT: Final = 100
_PLURAL: Final = 2


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """The format of a value; of a ratio, `decimals` are those of the percentage."""

    unit: Unit
    direction: Direction = Direction.RISING
    decimals: int = 0

    @classmethod
    def of(cls, indicator: Indicator) -> Self:
        """Return an indicator's format."""
        return cls(indicator.unit, indicator.direction, indicator.decimals)

    @property
    def scale(self) -> int:
        """The number of last digits in one unit: 1000 tenths of a percent in a ratio."""
        digits: int = 10**self.decimals
        return digits * (_PERCENT if self.unit is Unit.RATIO else 1)

    def cut(self, value: float) -> Decimal:
        """Return the truncated number, in percent where it is a ratio."""
        rounding = ROUND_FLOOR if self.direction is Direction.RISING else ROUND_CEILING
        digits = (Decimal(repr(value)) * self.scale).quantize(_NOISE, ROUND_HALF_UP)
        return digits.to_integral_value(rounding).scaleb(-self.decimals)

    def cut_query(self, query: str) -> str:
        """Return the PromQL of `cut`, in integers of the last digit, to be divided by `scale`."""
        rounding = "floor" if self.direction is Direction.RISING else "ceil"
        raised = query if self.scale == 1 else f"{self.scale} * {query}"
        return f"{rounding}(round({raised}, {_NOISE:f}))"

    def text(self, value: float | None) -> str:
        """Return a value as French text: `98,7 %`, `1 145`, `6 500 000 €`."""
        if value is None:
            return BLANK
        number = f"{self.cut(value):,}"
        if self.unit is Unit.EUROS:  # Cents, where there are any.
            number = number.removesuffix(f".{'0' * self.decimals}")
        digits = number.replace(",", NARROW).replace(".", ",").replace("-", MINUS)
        sign = {Unit.RATIO: "%", Unit.EUROS: "€", Unit.COUNT: ""}[self.unit]
        return f"{digits}{NO_BREAK}{sign}" if sign else digits


def decimal_text(number: Decimal, decimals: int = 0) -> str:
    """Return a number exactly, with at least so many decimals, as French text: `1 500,50`."""
    whole, _, rest = f"{abs(number):f}".partition(".")
    rest = rest.rstrip("0").ljust(decimals, "0")
    sign = MINUS if number < 0 else ""
    return f"{sign}{count_text(int(whole))}{f',{rest}' if rest else ''}"


def count_text(number: Fraction | int) -> str:
    """Return a number as French text, cut to a whole one: `1 145`."""
    return f"{int(number):,}".replace(",", NARROW)


def is_plural(number: Fraction | int) -> bool:
    """Return whether a French noun after a number is in the plural: from two on, as it is shown."""
    return not -_PLURAL < number < _PLURAL


def days_text(days: int) -> str:
    """Return a number of days as French text: `0 jour`, `1 jour`, `1 204 jours`."""
    return f"{count_text(days)}{NO_BREAK}{'jours' if is_plural(days) else 'jour'}"


def progress_text(rate: float | None, indicator: Indicator) -> str:
    """Return the text of a progress rate in percent, truncated: 100 % only when complete.

    It has a ratio's own decimals: the two stand side by side, and are often the same number.
    """
    decimals = indicator.decimals if indicator.unit is Unit.RATIO else 0
    number = NumberFormat(Unit.RATIO, decimals=decimals)
    return number.text(None if rate is None else rate / _PERCENT)


def long_day_text(day: date) -> str:
    """Return a day as it is read in a sentence: `1er mars 2020`."""
    number = "1er" if day.day == 1 else str(day.day)
    return f"{number}{NO_BREAK}{MONTHS[day.month - 1]}{NO_BREAK}{day.year}"


def day_text(day: date | None) -> str:
    """Return a day as French text: `31/12/2020`."""
    return BLANK if day is None else day.strftime("%d/%m/%Y")
