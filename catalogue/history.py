"""Figures over time: an indicator's value on every day, and the spells at or beyond a target."""

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

from catalogue.model import Direction, Promise, TrendWindow
from catalogue.progress import Number, is_attained
from catalogue.publication import Publication
from events.observation import Territory

if TYPE_CHECKING:
    from catalogue.trend import Trend

COUNTRY: Final = Territory.COUNTRY.value

_LAST = date.max.toordinal()

Spell: TypeAlias = tuple[date, date | None]
"""The first day of a spell, and the first day after it; None while it lasts."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The sums of one indicator in one territory on a day.

    `numerator` and `denominator` are the sums of the measure's terms, before its divisor;
    `last_reported` is the latest effective day, up to that day, of their facts.
    """

    numerator: int
    denominator: int | None = None
    last_reported: date | None = None


@dataclass(frozen=True, slots=True)
class StepFunction:
    """An integer over time: `totals[i]` from `days[i]` on, 0 before the first day."""

    days: tuple[date, ...] = ()
    totals: tuple[int, ...] = ()

    @classmethod
    def of(cls, steps: Mapping[int, int]) -> StepFunction:
        """Return the sum of steps: changes of the number by day (proleptic ordinal).

        Steps after the last day of the calendar are ignored.
        """
        changes = sorted((day, amount) for day, amount in steps.items() if amount and day <= _LAST)
        return cls(
            days=tuple(date.fromordinal(day) for day, _ in changes),
            totals=tuple(accumulate(amount for _, amount in changes)),
        )

    def at(self, day: date) -> int:
        """Return the number on a day."""
        index = bisect_right(self.days, day)
        return self.totals[index - 1] if index else 0

    def change(self, since: date, until: date) -> int:
        """Return the number on `until` minus that on `since`."""
        return self.at(until) - self.at(since)

    def published(self, by: Publication) -> StepFunction:
        """Return a count of persons as published, on the last day of each period."""
        steps: dict[int, int] = {}
        shown = 0
        for end in by.period_ends(self.days):
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

    `numerator` and `denominator` are the sums of the measure's terms, `reports` the ordered
    effective days of their facts. Without a denominator the value is
    `numerator / divisor`.

    With a `publication` they are published counts of persons, on the last days of periods. A count
    of 0 is then any count below `min_cell`: it is withheld, and so is a ratio with it. `withheld`
    is how many persons the withheld cells of a count are at most.
    """

    numerator: StepFunction = StepFunction()
    denominator: StepFunction | None = None
    reports: tuple[date, ...] = ()
    divisor: int = 1
    publication: Publication | None = None
    withheld: StepFunction | None = None
    #: The spells by target and direction, cached: a history is immutable.
    _spells: dict[tuple[Number, Direction], tuple[Spell, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    #: The trends by window, reference day and `carries_forward`, cached as well.
    trends: dict[tuple[TrendWindow, date, bool], Trend | None] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    #: Whether milestones were at risk on days, cached as well: each takes a judgement.
    at_risk: dict[tuple[Promise, date], bool] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def value(self, day: date) -> Fraction | None:
        """Return the figure on a day; None over 0, before the first report, or where withheld."""
        terms = self._terms(day)
        return None if terms is None else Fraction(*terms)

    def _terms(self, day: date) -> tuple[int, int] | None:
        if not self.reports or day < self.reports[0]:
            return None
        numerator = self.numerator.at(day)
        if self.publication is not None and not numerator:
            return None
        under = self.divisor if self.denominator is None else self.denominator.at(day)
        return (numerator, under) if under else None

    @cached_property
    def curve(self) -> tuple[list[date], list[float | None]]:
        """The days on which the value may change, and the value from each of them on, for charts.

        Before the first of them there is none.
        """
        days = self.changes()
        terms = map(self._terms, days)
        return days, [None if one is None else one[0] / one[1] for one in terms]

    def at_least(self, day: date) -> Fraction | None:
        """Return the figure on a day, or 0 for a withheld count: no target distinguishes them."""
        is_withheld_count = self.denominator is None and self.withholds(day)
        return Fraction(0) if is_withheld_count else self.value(day)

    def attains(self, day: date, target: Number, direction: Direction) -> bool | None:
        """Return whether the figure of a day is at a target or beyond it; None where not known.

        Persons are at least as many as are published. A target that they are not to exceed is
        attained where those of withheld cells could not exceed it.
        """
        known = self.at_least(day)
        if known is None:
            return None
        if not is_attained(known, target, direction):
            return False
        if self.withheld is None:
            return True
        return is_attained(known + self.withheld.at(day), target, direction) or None

    def withholds(self, day: date) -> bool:
        """Return True where the figure of a day is withheld: it counts too few persons."""
        reported = bool(self.reports) and self.reports[0] <= day
        return self.publication is not None and reported and self.value(day) is None

    def reading(self, day: date) -> Reading:
        """Return the sums on a day."""
        index = bisect_right(self.reports, day)
        return Reading(
            numerator=self.numerator.at(day),
            denominator=None if self.denominator is None else self.denominator.at(day),
            last_reported=self.reports[index - 1] if index else None,
        )

    def last_change(self, day: date) -> date | None:
        """Return the last day, up to a day, on which a fact took effect or the figure may change.

        None before the first report.
        """
        index = bisect_right(self._change_days, day)
        last = self._change_days[index - 1] if index else None
        return last if last is not None and self.reports and self.reports[0] <= last else None

    def spells(self, target: Number, direction: Direction) -> tuple[Spell, ...]:
        """Return the ordered spells during which the figure is at a target or beyond it.

        A day without a value ends a spell, and so does one on which that is not known.
        """
        found = self._spells.get((target, direction))
        if found is None:
            found = self._spells[target, direction] = tuple(self._find(target, direction))
        return found

    def _find(self, target: Number, direction: Direction) -> Iterator[Spell]:
        start: date | None = None
        days = self.changes()
        if self.withheld is not None:
            days = sorted({*days, *self.withheld.days})
        for day in days:
            held = self.attains(day, target, direction) is True
            if held and start is None:
                start = day
            elif start is not None and not held:
                yield start, day
                start = None
        if start is not None:
            yield start, None

    @cached_property
    def _change_days(self) -> list[date]:
        return sorted({*self.reports, *self.changes()})

    def changes(self) -> list[date]:
        """Return the days on which the value may change."""
        days = {*self.reports[:1], *self.numerator.days}
        if self.denominator is not None:
            days.update(self.denominator.days)
        return sorted(days)


Histories: TypeAlias = Mapping[tuple[str, str | None], History]
"""By indicator id and département; None is the Région, `COUNTRY` the country, for comparison."""


def keep_unchanged(histories: Histories, before: Histories) -> Histories:
    """Return histories, those equal to what they were before as the same objects.

    What is cached with them is then not computed again.
    """
    return {
        key: old if (old := before.get(key)) == history else history
        for key, history in histories.items()
    }
