"""From the fold of all partitions to each indicator's history, and its tables of persons."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date
from typing import TYPE_CHECKING, TypeAlias

from catalogue.assessment import territories
from catalogue.history import COUNTRY, History, StepFunction
from catalogue.model import Grain
from catalogue.suppression import published
from streams.contribution import NO_CATEGORY, NO_DEPARTMENT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from catalogue.history import Histories
    from catalogue.model import Catalogue
    from catalogue.suppression import Place
    from catalogue.terms import Measure, Term
    from streams.fold import Series, SeriesKey
    from streams.holdings import Holdings

__all__ = ["Part", "PersonTable", "categories_of", "histories_of", "person_tables"]

Part: TypeAlias = tuple[str, str | None, str]
"""An indicator's id, a département or None for the region, a category of the breakdown."""

PersonTable: TypeAlias = "Mapping[Place, int | None]"
"""Persons by département and category, None for all of them; a suppressed cell is None."""


def histories_of(holdings: Holdings, catalogue: Catalogue) -> Histories:
    """Add up the partitions: every indicator's history, for the region and its départements.

    And the whole country's, where that is shown.

    The cost is that of the fold's steps, whatever the number of entities behind them.
    """
    steps: dict[tuple[int, str | None], Counter[int]] = defaultdict(Counter)
    reports: dict[tuple[int, str | None], set[int]] = defaultdict(set)
    terms = _places(holdings)
    apart = {
        terms[measure.numerator]
        for one in catalogue.indicators
        for measure in (one.measure, one.comparison)
        if measure is not None and not measure.additive
    }
    for key, series in _all_series(holdings):
        # What was observed in a département is no part of what was observed in the region.
        own: set[str | None] = {key.department or None}
        for place in own if key.term in apart else {key.department, None}:
            total = steps[key.term, place]
            for day, amount in series.steps.items():
                total[day] += amount
            reports[key.term, place].update(series.reports)
    functions = {place: StepFunction.of(total) for place, total in steps.items()}
    found: dict[tuple[str, str | None], History] = {}

    def history(measure: Measure, department: str | None) -> History:
        keys = [(terms[term], department) for term in measure.terms]
        numerator, *denominator = (functions.get(key, StepFunction()) for key in keys)
        days = sorted(set[int]().union(*(reports.get(key, ()) for key in keys)))
        return History(
            numerator,
            denominator[0] if denominator else None,
            tuple(map(date.fromordinal, days)),
            measure.divisor,
        )

    for indicator in catalogue.indicators:
        for department in territories(indicator):
            found[indicator.id, department] = history(indicator.measure, department)
        if indicator.comparison is not None:
            # An entity of no département is counted for the region; here it is the country alone.
            found[indicator.id, COUNTRY] = history(indicator.comparison, None)
    return found


def categories_of(holdings: Holdings, catalogue: Catalogue) -> Mapping[Part, StepFunction]:
    """Add up the partitions by category, for the indicators that are broken down.

    The parts of a numerator, before its divisor; an indicator with `min_cell` has none here, but
    tables of persons.
    """
    steps: dict[tuple[int, str | None, str], Counter[int]] = defaultdict(Counter)
    for key, series in _all_series(holdings):
        for place in {key.department, None} if key.category != NO_CATEGORY else ():
            total = steps[key.term, place, key.category]
            for day, amount in series.steps.items():
                total[day] += amount
    terms = _places(holdings)
    return {
        (indicator.id, department, category): StepFunction.of(
            steps.get((terms[indicator.measure.numerator], department, category), {})
        )
        for indicator in catalogue.indicators
        if indicator.min_cell is None
        for department in territories(indicator)
        for category in indicator.categories
    }


def person_tables(holdings: Holdings, catalogue: Catalogue, as_of: date) -> dict[str, PersonTable]:
    """Give the tables of the indicators with `min_cell` on a day, as they may be shown, by id.

    Persons of no département have a row of their own (""), which is no place to show but keeps
    them from being what is left over; an indicator of the region's grain has no other row.
    """
    day, terms = as_of.toordinal(), _places(holdings)
    tables: dict[str, PersonTable] = {}
    for indicator in catalogue.indicators:
        if indicator.min_cell is None:
            continue
        term = terms[indicator.measure.numerator]
        cells: Counter[tuple[str, str]] = Counter()
        for key, series in _all_series(holdings):
            if key.term == term:
                row = key.department if indicator.grain is Grain.DEPARTMENT else NO_DEPARTMENT
                cells[row, key.category] += series.total(day)
        tables[indicator.id] = published(cells, indicator.min_cell)
    return tables


def _all_series(holdings: Holdings) -> Iterator[tuple[SeriesKey, Series]]:
    for partition in sorted({partition for _, partition in holdings.places()}):
        yield from holdings.fold.series(partition).items()


def _places(holdings: Holdings) -> dict[Term, int]:
    return {term: place for place, term in enumerate(holdings.fold.terms)}
