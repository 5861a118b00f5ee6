"""The publication of counts of persons: at a declared step, each cell in multiples of `min_cell`.

A cell is the finest published count: one département's persons of one category. Its value is that
at the end of a period, withheld below `min_cell` and otherwise rounded to the nearest multiple of
it, a tie to the lower one. Every other figure about persons (a total, a share, a change, a
judgement) is computed from published cells only, so that no set of figures, over any number of
days, discloses more than the cells; and a published cell never changes by fewer than `min_cell`
persons. The reasons and limits are in docs/decisions/0025-persons-are-published-in-multiples.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from catalogue.reference_day import month_end_before
from catalogue.terms import Term

if TYPE_CHECKING:
    from catalogue.model import Catalogue, Indicator


class PublicationStep(StrEnum):
    """The period of publication: figures about persons are published at the end of each."""

    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    ANNUAL = "annual"

    @property
    def months(self) -> int:
        """The length of the period, in months of the calendar year."""
        return {self.MONTHLY: 1, self.QUARTERLY: 3, self.ANNUAL: 12}[self]


@dataclass(frozen=True, slots=True)
class Publication:
    """The publication rules of an indicator about persons.

    `delay_days` are the days from a period's end to its publication: facts that arrive later change
    published figures, by a multiple of `min_cell`. Of figures as known at the end of `known_on`, no
    period is published after that day.
    """

    min_cell: int
    step: PublicationStep
    delay_days: int
    known_on: date | None = None

    def count(self, persons: int) -> int:
        """Return a count as published: rounded, ties down, or 0 for one below `min_cell`."""
        if persons < self.min_cell:
            return 0
        return (persons + (self.min_cell - 1) // 2) // self.min_cell * self.min_cell

    def period_end(self, day: date) -> date:
        """Return the last day of a day's period."""
        if day.year == date.max.year:
            return date.max
        months = self.step.months
        return month_end_before(day, months=(day.month - 1) % months - (months - 1))

    def period_ends(self, days: Iterable[date]) -> tuple[date, ...]:
        """Return the last days of the periods of some ordered days, each once, if published."""
        ends: list[date] = []
        for day in days:
            if not ends or day > ends[-1]:
                ends.append(self.period_end(day))
        if self.known_on is None:
            return tuple(ends)
        last = self.day(self.known_on)
        return tuple(end for end in ends if end <= last)

    def before(self, end: date) -> date:
        """Return the last day of the period before the one that ends on a day."""
        return month_end_before(end, months=self.step.months)

    def published_on(self, day: date) -> date:
        """Return the first day on which the figure of a day, or of a later one, is published."""
        return self.period_end(day) + timedelta(days=self.delay_days)

    def known_through(self, known_on: date) -> date:
        """Return the last day whose records are in figures as known on a day.

        It is the day of the last publication: figures that followed the knowledge day by day would
        date each person's record to its day.
        """
        return self.published_on(self.day(known_on))

    def day(self, as_of: date) -> date:
        """Return the day of the published figures: the end of the last published period.

        It is the calendar's first day where no period is published.
        """
        if self.known_on is not None:
            as_of = min(as_of, self.known_on)
        if as_of.toordinal() <= self.delay_days:
            return date.min
        known = as_of - timedelta(days=self.delay_days)
        if self.period_end(known) == known:
            return known
        return month_end_before(known, months=(known.month - 1) % self.step.months + 1)


@dataclass(frozen=True, slots=True)
class PersonPart:
    """A term about persons, as cells of an indicator; `categories` None: all of them."""

    indicator: str
    categories: frozenset[str] | None = None


def counts_persons(indicator: Indicator) -> bool:
    """Return True for an indicator that counts facts about persons."""
    return any(term.family.about_persons for term in indicator.measure.terms)


def person_parts(catalogue: Catalogue, indicator: Indicator) -> tuple[PersonPart, ...] | None:
    """Return the cells whose sum is each term of an indicator with `min_cell`.

    A count has its own cells; a ratio has those of counts of the same facts, published by the same
    rules. None where a term has no such count.
    """
    if indicator.measure.denominator is None:
        return (PersonPart(indicator.id),)
    parts = [_part_of(catalogue, indicator, term) for term in indicator.measure.terms]
    found = tuple(part for part in parts if part is not None)
    return found if len(found) == len(parts) else None


def _part_of(catalogue: Catalogue, indicator: Indicator, term: Term) -> PersonPart | None:
    for count in catalogue.indicators:
        is_alike = (count.publication, count.grain) == (indicator.publication, indicator.grain)
        if is_alike and count.measure.denominator is None:
            part = _sum_of_cells(count, term)
            if part is not None:
                return part
    return None


def _sum_of_cells(count: Indicator, term: Term) -> PersonPart | None:
    """Return the cells of a count whose sum is a term; None where it is not such a sum."""
    counted = count.measure.numerator
    where = dict(term.where)
    chosen = None if counted.breakdown is None else where.pop(counted.breakdown, None)
    if where != dict(counted.where):
        return None
    if replace(term, where=()) != replace(counted, where=(), breakdown=None):
        return None
    return PersonPart(count.id, chosen)
