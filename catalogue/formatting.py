"""How figures are written for people: units, decimals, and how what is beyond them is cut.

Decided here once, for terminals, boards, alerts and reports. The last digit is cut, on the side
away from the target, never rounded: `100,0 %` is not read where 100 % is not attained. First a
float is taken for the decimal that it stands for: sums over partitions and products by 100 end a
hair beside it (6 861 999.999 999 999 for 6 862 000), and would be cut to a digit less. What is cut
for good is therefore more than a millionth of the last digit shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Final, Self

from catalogue.model import Direction, Unit

if TYPE_CHECKING:
    from datetime import date

    from catalogue.model import Indicator

__all__ = ["BLANK", "NARROW", "NO_BREAK", "NumberFormat", "day_text", "percent_text"]

BLANK: Final = "–"
"""What is not known; never a zero."""
NARROW: Final = "\u202f"
"""Between thousands."""
NO_BREAK: Final = "\u00a0"
"""Before a sign."""

_NOISE: Final = Decimal("0.000001")
_PERCENT: Final = 100


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """How a value is written; `decimals` are those of the percentage where it is a ratio."""

    unit: Unit
    direction: Direction = Direction.RISING
    decimals: int = 0

    @classmethod
    def of(cls, indicator: Indicator) -> Self:
        """Return an indicator's."""
        return cls(indicator.unit, indicator.direction, indicator.decimals)

    @property
    def scale(self) -> int:
        """How many of the last digit shown one unit is: 1000 of a ratio's tenths of a percent."""
        digits: int = 10**self.decimals
        return digits * (_PERCENT if self.unit is Unit.RATIO else 1)

    def cut(self, value: float) -> Decimal:
        """Give the number that is shown, in percent where it is a ratio."""
        rounding = ROUND_FLOOR if self.direction is Direction.RISING else ROUND_CEILING
        digits = (Decimal(repr(value)) * self.scale).quantize(_NOISE, ROUND_HALF_UP)
        return digits.to_integral_value(rounding).scaleb(-self.decimals)

    def cut_query(self, query: str) -> str:
        """Do as `cut` in PromQL, in whole numbers of the last digit shown: to be divided again."""
        rounding = "floor" if self.direction is Direction.RISING else "ceil"
        raised = query if self.scale == 1 else f"{self.scale} * {query}"
        return f"{rounding}(round({raised}, {_NOISE:f}))"

    def text(self, value: float | None) -> str:
        """Write a value in French: `98,7 %`, `1 145`, `6 500 000 €`."""
        if value is None:
            return BLANK
        digits = f"{self.cut(value):,}".replace(",", NARROW).replace(".", ",")
        sign = {Unit.RATIO: "%", Unit.EUROS: "€", Unit.COUNT: ""}[self.unit]
        return f"{digits}{NO_BREAK}{sign}" if sign else digits


def percent_text(rate: float | None) -> str:
    """Write a progress rate, which is in percent: cut, so that 100 % is all of the way."""
    return NumberFormat(Unit.RATIO).text(None if rate is None else rate / _PERCENT)


def day_text(day: date | None) -> str:
    """Write a day as French readers do: `31/12/2020`."""
    return BLANK if day is None else day.strftime("%d/%m/%Y")
