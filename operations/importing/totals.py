"""Numbers of many lines added up, each line once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from boundary.diagnostic import Diagnostic
from operations.importing.event_building import LineOrigin

__all__ = ["Total", "Totals"]


@dataclass(slots=True)
class Total:
    """The fields that the lines of one total have in common, and their sum so far."""

    origin: LineOrigin
    """The first of its lines."""
    name: str
    """The field that is added up."""
    others: Mapping[str, object]
    amount: Any = 0
    further: list[int] = field(default_factory=list)
    """Its other lines."""
    counted: dict[str, int] = field(default_factory=dict)
    """What has been counted → its line."""

    @property
    def fields(self) -> Mapping[str, object]:
        """Return all fields of its fact."""
        return {**self.others, self.name: self.amount}

    @property
    def lines(self) -> list[int]:
        """Return all its lines."""
        return [self.origin.line, *self.further]


class Totals:
    """Adds a field up over the lines whose other fields are the same.

    `of_each` is the column of what may be counted only once in each total.
    """

    def __init__(self, name: str, of_each: str) -> None:
        self._name = name
        self._of_each = of_each
        self._totals: dict[tuple[object, ...], Total] = {}

    def add(self, fields: Mapping[str, object], origin: LineOrigin) -> list[Diagnostic]:
        """Add a line; return the refusal of what has been counted before."""
        others = {name: value for name, value in fields.items() if name != self._name}
        total = self._totals.setdefault(tuple(others.values()), Total(origin, self._name, others))
        earlier = total.counted.setdefault(origin.cells[self._of_each], origin.line)
        if earlier != origin.line:
            problem, remedy = f"was counted on line {earlier}", "keep one of the two lines"
            return [origin.refusal(self._of_each, problem, remedy)]
        total.amount += fields[self._name]
        if total.origin is not origin:
            total.further.append(origin.line)
        return []

    def __iter__(self) -> Iterator[Total]:
        """Yield the totals, in the order of their first lines."""
        return iter(self._totals.values())
