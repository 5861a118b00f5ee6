"""A month, and the days between which its note says what changed."""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Self

from catalogue.formatting import MONTHS

_ISO: Final = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True)
class Month:
    """A month of a year."""

    year: int
    month: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the month that a text is: `2019-03`. Raises ValueError."""
        found = _ISO.fullmatch(text)
        if found is None or text.startswith("0000"):
            message = f"month: value {text[:80]!r} is no month: write it as 2019-03"
            raise ValueError(message)
        return cls(int(found[1]), int(found[2]))

    @classmethod
    def before(cls, day: date) -> Self:
        """Return the last month that was over before a day."""
        last = day.replace(day=1) - timedelta(days=1)
        return cls(last.year, last.month)

    @property
    def since(self) -> date:
        """The last day of the month before."""
        return date(self.year, self.month, 1) - timedelta(days=1)

    @property
    def until(self) -> date:
        """The last day."""
        return date(self.year, self.month, monthrange(self.year, self.month)[1])

    @property
    def text(self) -> str:
        """The month in French: `mars 2019`."""
        return f"{MONTHS[self.month - 1]} {self.year}"

    @property
    def of_text(self) -> str:
        """The month behind its preposition: `de mars 2019`, `d’avril 2019`."""
        return f"{'d’' if self.text[0] in 'ao' else 'de '}{self.text}"

    def __str__(self) -> str:
        """Write it in ISO form."""
        return f"{self.year:04}-{self.month:02}"
