"""How counts of persons are published: at a declared step, each cell in multiples of `min_cell`.

A cell is a count that nothing finer is told of: one département's persons of one category. It is
published as it stood at the end of a period, withheld below `min_cell` and else rounded to the
nearest multiple of it. Every other figure about persons (a total, a share, a change, a judgement)
is computed from published cells alone, so that no set of figures, of however many days, tells more
than the cells do; and a published cell never changes by fewer than `min_cell` persons.
docs/decisions/0025-persons-are-published-in-multiples.md says why, and what that leaves open.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from catalogue.reference_day import month_end_before

if TYPE_CHECKING:
    from catalogue.model import Catalogue, Indicator
    from catalogue.terms import Term

__all__ = ["PersonPart", "Publication", "PublicationStep", "counts_persons", "person_parts"]


class PublicationStep(StrEnum):
    """How often figures about persons are published: at the end of each such period."""

    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    ANNUAL = "annual"

    @property
    def months(self) -> int:
        """The length of the period, in months of the calendar year."""
        return {self.MONTHLY: 1, self.QUARTERLY: 3, self.ANNUAL: 12}[self]


@dataclass(frozen=True, slots=True)
class Publication:
    """The rules by which an indicator about persons is published.

    `delay_days` are those from a period's end to its publication: what is told later than that
    changes published figures when it comes, by a multiple of `min_cell`.
    """

    min_cell: int
    step: PublicationStep
    delay_days: int

    def count(self, persons: int) -> int:
        """Round persons as published: 0 stands for any number below `min_cell`, withheld."""
        if persons < self.min_cell:
            return 0
        return (persons + (self.min_cell - 1) // 2) // self.min_cell * self.min_cell

    def period_end(self, day: date) -> date:
        """Give the last day of the period that a day is in."""
        if day.year == date.max.year:
            return date.max
        months = self.step.months
        return month_end_before(day, months=(day.month - 1) % months - (months - 1))

    def day(self, as_of: date) -> date:
        """Give the day whose figures are shown: the end of the last period that is published.

        The calendar's first day where there is none.
        """
        if as_of.toordinal() <= self.delay_days:
            return date.min
        known = as_of - timedelta(days=self.delay_days)
        if self.period_end(known) == known:
            return known
        return month_end_before(known, months=(known.month - 1) % self.step.months + 1)


@dataclass(frozen=True, slots=True)
class PersonPart:
    """A term about persons, as cells of an indicator that counts them; None: of all categories."""

    indicator: str
    categories: frozenset[str] | None = None


def counts_persons(indicator: Indicator) -> bool:
    """Tell whether an indicator is made of facts about persons."""
    return any(term.family.about_persons for term in indicator.measure.terms)


def person_parts(catalogue: Catalogue, indicator: Indicator) -> tuple[PersonPart, ...] | None:
    """Give what each term of an indicator with `min_cell` is added up from: a count's cells.

    A count is of its own; a ratio is of the counts that are published of the same facts, by the
    same rules. None where there are none for one of its terms.
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
    """Give the cells of a count that a term is the sum of; None where it is no such sum."""
    counted = count.measure.numerator
    where = dict(term.where)
    chosen = None if counted.breakdown is None else where.pop(counted.breakdown, None)
    if where != dict(counted.where):
        return None
    if replace(term, where=()) != replace(counted, where=(), breakdown=None):
        return None
    return PersonPart(count.id, chosen)
