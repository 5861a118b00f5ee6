"""Figures over time: what an indicator came to on every day, and when it held a target."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from functools import cached_property
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Final, TypeAlias

from catalogue.model import Direction
from catalogue.progress import Number, is_attained
from events.observation import Territory

if TYPE_CHECKING:
    from catalogue.model import TrendWindow
    from catalogue.publication import Publication
    from catalogue.trend import Trend

__all__ = ["COUNTRY", "Histories", "History", "Reading", "Spell", "StepFunction"]

COUNTRY: Final = Territory.COUNTRY.value

_LAST = date.max.toordinal()

Spell: TypeAlias = tuple[date, date | None]
"""The first day on which something held, and the first day on which it no longer did, if any."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the facts add up to on a day, for one indicator and one territory.

    `numerator` and `denominator` are the sums of the measure's terms, before its divisor;
    `last_reported` is the latest effective day, up to that day, of the facts behind them.
    """

    numerator: int
    denominator: int | None = None
    last_reported: date | None = None


@dataclass(frozen=True, slots=True)
class StepFunction:
    """A whole number over time: `totals[i]` from `days[i]` on, 0 before the first day."""

    days: tuple[date, ...] = ()
    totals: tuple[int, ...] = ()

    @classmethod
    def of(cls, steps: Mapping[int, int]) -> StepFunction:
        """Add up steps: by how much the number changes on a day (proleptic ordinal).

        What expires after the last day of the calendar, never does.
        """
        changes = sorted((day, amount) for day, amount in steps.items() if amount and day <= _LAST)
        return cls(
            days=tuple(date.fromordinal(day) for day, _ in changes),
            totals=tuple(accumulate(amount for _, amount in changes)),
        )

    def at(self, day: date) -> int:
        """The number on a day."""
        place = bisect_right(self.days, day)
        return self.totals[place - 1] if place else 0

    def change(self, since: date, until: date) -> int:
        """By how much the number on `until` differs from that on `since`."""
        return self.at(until) - self.at(since)

    def published(self, by: Publication) -> StepFunction:
        """Give a count of persons as it is published, on the last day of each period."""
        steps: dict[int, int] = {}
        shown = 0
        for end in sorted({by.period_end(day) for day in self.days}):
            rounded = by.count(self.at(end))
            steps[end.toordinal()], shown = rounded - shown, rounded
        return StepFunction.of(steps)

    def __add__(self, other: StepFunction) -> StepFunction:
        steps = Counter(dict(self._steps()))
        steps.update(dict(other._steps()))
        return StepFunction.of(steps)

    def _steps(self) -> Iterator[tuple[int, int]]:
        for day, (before, after) in zip(self.days, pairwise((0, *self.totals)), strict=True):
            yield day.toordinal(), after - before


@dataclass(frozen=True)
class History:
    """An indicator's figure in one territory, on every day.

    `numerator` and `denominator` are the sums of the measure's terms, `reports` the days, in order,
    on which facts behind them took effect. Without a denominator the value is
    `numerator / divisor`.

    With a `publication` they are published counts of persons, known on the last days of periods: a
    count of 0 is then any below its `min_cell`, which is withheld, and so is a ratio over or of 0.
    """

    numerator: StepFunction = StepFunction()
    denominator: StepFunction | None = None
    reports: tuple[date, ...] = ()
    divisor: int = 1
    publication: Publication | None = None
    #: A target's spells, found once: a history never changes.
    _spells: dict[tuple[Number, Direction], tuple[Spell, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    #: Its trends, by window, reference day and whether it stands still, found once as well.
    trends: dict[tuple[TrendWindow, date, bool], Trend | None] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def value(self, day: date) -> Fraction | None:
        """The figure on a day; None over nothing, before the first report, and where withheld."""
        if not self.reports or day < self.reports[0]:
            return None
        numerator = self.numerator.at(day)
        if self.publication is not None and not numerator:
            return None
        under = self.divisor if self.denominator is None else self.denominator.at(day)
        return Fraction(numerator, under) if under else None

    def at_least(self, day: date) -> Fraction | None:
        """The figure on a day; of a withheld count 0, which no target tells apart from it."""
        is_withheld_count = self.denominator is None and self.withholds(day)
        return Fraction(0) if is_withheld_count else self.value(day)

    def withholds(self, day: date) -> bool:
        """Tell whether there is a figure on a day that is not published: of too few persons."""
        reported = bool(self.reports) and self.reports[0] <= day
        return self.publication is not None and reported and self.value(day) is None

    def reading(self, day: date) -> Reading:
        """What the facts add up to on a day."""
        place = bisect_right(self.reports, day)
        return Reading(
            numerator=self.numerator.at(day),
            denominator=None if self.denominator is None else self.denominator.at(day),
            last_reported=self.reports[place - 1] if place else None,
        )

    def last_change(self, day: date) -> date | None:
        """The last day, up to a day, on which a fact took effect or the figure may have changed.

        None before the first report.
        """
        place = bisect_right(self._moves, day)
        last = self._moves[place - 1] if place else None
        return last if last is not None and self.reports and self.reports[0] <= last else None

    def spells(self, target: Number, direction: Direction) -> tuple[Spell, ...]:
        """The spells, in order, through which the figure was at a target or beyond it.

        A day without a value does not hold it.
        """
        found = self._spells.get((target, direction))
        if found is None:
            found = self._spells[target, direction] = tuple(self._find(target, direction))
        return found

    def _find(self, target: Number, direction: Direction) -> Iterator[Spell]:
        start: date | None = None
        for day in self._changes():
            value = self.at_least(day)
            held = value is not None and is_attained(value, target, direction)
            if held and start is None:
                start = day
            elif start is not None and not held:
                yield start, day
                start = None
        if start is not None:
            yield start, None

    @cached_property
    def _moves(self) -> list[date]:
        return sorted({*self.reports, *self._changes()})

    def _changes(self) -> list[date]:
        """The days on which the value may change."""
        days = {*self.reports[:1], *self.numerator.days}
        if self.denominator is not None:
            days.update(self.denominator.days)
        return sorted(days)


Histories: TypeAlias = Mapping[tuple[str, str | None], History]
"""By indicator id and département; None is the region, `COUNTRY` the country, for comparison."""
