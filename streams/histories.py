"""The histories of indicators and their parts by category, from the sums of all partitions."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import reduce
from itertools import product
from operator import add
from typing import Final, TypeAlias

from catalogue.history import COUNTRY, Histories, History, StepFunction
from catalogue.model import Catalogue, Grain, Indicator
from catalogue.publication import PersonPart, Publication
from catalogue.terms import Measure
from events.identifiers import Department
from streams.contribution import NO_CATEGORY, NO_DEPARTMENT
from streams.dated_sums import DatedSeries, DatedSums

Part: TypeAlias = tuple[str, str | None, str]
"""An indicator's id, a département or None for the region, a category of the breakdown."""

Parts: TypeAlias = "Mapping[Part, StepFunction]"

ExactPersons: TypeAlias = "Mapping[str, Mapping[tuple[str, str], int]]"
"""Persons by indicator, and then by département and category ("" for none)."""

_Cells: TypeAlias = "dict[tuple[str, str], StepFunction]"
"""Persons by département and category ("" for none)."""

#: A ratio is withheld while its withheld cells could exceed this part (1 / n) of its whole.
_WITHHELD_PART: Final = 10


def histories_of(sums: DatedSums, catalogue: Catalogue, known_on: date | None = None) -> Histories:
    """Return every indicator's history, for the Région and its départements.

    A comparison adds the history of the country. Histories about persons are the published ones;
    `known_on` bounds them if the sums are as known on a past day. The cost is proportional to the
    number of steps, not of entities.
    """
    totals = _Sums(sums, catalogue)
    found: dict[tuple[str, str | None], History] = {}
    for indicator in catalogue.indicators:
        if indicator.publication is None:
            for department in indicator.territories:
                found[indicator.id, department] = totals.history(indicator.measure, department)
        if indicator.comparison is not None:
            # An entity without département counts for the Région; here it is the country itself.
            found[indicator.id, COUNTRY] = totals.history(indicator.comparison, None)
    cells = _published_cells(sums, catalogue, known_on)
    for identifier, parts in catalogue.person_parts.items():
        indicator = catalogue.indicator(identifier)
        publication = _publication(indicator, known_on)
        # All territories use the Région's days, so as not to disclose a département without any.
        reports = totals.reports(indicator.measure, None)
        ends = publication.period_ends(reports)
        for department in indicator.territories:
            found[identifier, department] = _published_history(
                catalogue, cells, parts, department, ends, publication
            )
    return found


def region_reports_of(sums: DatedSums, catalogue: Catalogue) -> Mapping[str, tuple[date, ...]]:
    """Return the days of facts about persons in the Région, by indicator, as workers show them."""
    totals = _Sums(sums, catalogue)
    counted = (one for one in catalogue.indicators if one.publication is not None)
    return {one.id: totals.reports(one.measure, None) for one in counted}


def categories_of(sums: DatedSums, catalogue: Catalogue, known_on: date | None = None) -> Parts:
    """Return the parts by category of every indicator with a breakdown.

    They are parts of the numerator, before its divisor. Parts about persons are the published ones,
    as in `histories_of`.
    """
    found: dict[tuple[int, str | None, str], list[DatedSeries]] = defaultdict(list)
    for key, series in sums.all_series():
        for territory in {key.department, None} if key.category != NO_CATEGORY else ():
            found[key.term, territory, key.category].append(series)
    terms = sums.indexes
    counted = {
        (indicator.id, department, category): _total(
            found.get((terms[indicator.measure.numerator], department, category), ())
        )
        for indicator in catalogue.indicators
        if indicator.publication is None
        for department in indicator.territories
        for category in indicator.categories
    }
    return {**counted, **person_categories_of(sums, catalogue, known_on)}


def person_categories_of(
    sums: DatedSums, catalogue: Catalogue, known_on: date | None = None
) -> Parts:
    """Return the published number of persons by territory and category; 0 if it is withheld."""
    cells = _published_cells(sums, catalogue, known_on)
    return {
        (identifier, department, category): _sum(
            total for cell, total in own.items() if cell[1] == category and _is_in(cell, department)
        )
        for identifier, own in cells.items()
        for department in catalogue.indicator(identifier).territories
        for category in catalogue.indicator(identifier).categories
    }


class _Sums:
    """Every term's sum over the partitions, and its reports, for each territory."""

    def __init__(self, sums: DatedSums, catalogue: Catalogue) -> None:
        self._terms = sums.indexes
        self._series: dict[tuple[int, str | None], list[DatedSeries]] = defaultdict(list)
        apart = {
            self._terms[measure.numerator]
            for one in catalogue.indicators
            for measure in (one.measure, one.comparison)
            if measure is not None and not measure.additive
        }
        for key, series in sums.all_series():
            # An observation of a département is not part of the observation of the Région.
            own: set[str | None] = {key.department or None}
            for territory in own if key.term in apart else {key.department, None}:
                self._series[key.term, territory].append(series)
        self._functions = {key: _total(series) for key, series in self._series.items()}

    def history(self, measure: Measure, department: str | None) -> History:
        """Return a measure's history in one territory."""
        numerator, *denominator = (
            self._functions.get((self._terms[term], department), StepFunction())
            for term in measure.terms
        )
        return History(
            numerator,
            denominator[0] if denominator else None,
            self.reports(measure, department),
            measure.divisor,
        )

    def reports(self, measure: Measure, department: str | None) -> tuple[date, ...]:
        """Return the ordered days on which facts of a measure took effect."""
        keys = [(self._terms[term], department) for term in measure.terms]
        days = sorted(
            {day for key in keys for one in self._series.get(key, ()) for day in one.reports}
        )
        return tuple(map(date.fromordinal, days))


def exact_persons(sums: DatedSums, catalogue: Catalogue, as_of: date) -> ExactPersons:
    """Return the exact number of persons in each cell on a day, by indicator.

    It is neither rounded nor withheld: use it for comparisons only, never for display.
    """
    return {
        indicator: {cell: count for cell, total in cells.items() if (count := total.at(as_of))}
        for indicator, cells in _exact_cells(sums, catalogue).items()
    }


def _exact_cells(sums: DatedSums, catalogue: Catalogue) -> dict[str, _Cells]:
    counts = [
        one
        for one in catalogue.indicators
        if one.publication is not None and one.measure.denominator is None
    ]
    terms = sums.indexes
    by_term = {terms[one.measure.numerator]: one for one in counts}
    parts: dict[tuple[str, str, str], list[DatedSeries]] = defaultdict(list)
    for key, series in sums.all_series():
        indicator = by_term.get(key.term)
        if indicator is not None:
            row = key.department if indicator.grain is Grain.DEPARTMENT else NO_DEPARTMENT
            parts[indicator.id, row, key.category].append(series)
    found: dict[str, _Cells] = {one.id: {} for one in counts}
    for (indicator_id, row, category), own in parts.items():
        found[indicator_id][row, category] = _total(own)
    return found


def _total(parts: Iterable[DatedSeries]) -> StepFunction:
    """Return the sum of series, one at a time: reading their steps may take memory."""
    steps: dict[int, int] = {}
    for series in parts:
        for day, amount in series.steps.items():
            steps[day] = steps.get(day, 0) + amount
    return StepFunction.of(steps)


def _published_cells(
    sums: DatedSums, catalogue: Catalogue, known_on: date | None
) -> dict[str, _Cells]:
    found: dict[str, _Cells] = {}
    for indicator, cells in _exact_cells(sums, catalogue).items():
        publication = _publication(catalogue.indicator(indicator), known_on)
        found[indicator] = {cell: exact.published(publication) for cell, exact in cells.items()}
    return found


def _publication(indicator: Indicator, known_on: date | None) -> Publication:
    publication = indicator.publication
    assert publication is not None  # noqa: S101 - called only for indicators about persons
    return replace(publication, known_on=known_on)


def _published_history(
    catalogue: Catalogue,
    cells: Mapping[str, _Cells],
    parts: tuple[PersonPart, ...],
    department: str | None,
    ends: tuple[date, ...],
    publication: Publication,
) -> History:
    """Return the history of a sum of published cells: a territory discloses only its cells."""
    sums = [
        _sum(
            cells[part.indicator][cell]
            for cell in cells[part.indicator]
            if _is_in(cell, department) and (part.categories is None or cell[1] in part.categories)
        )
        for part in parts
    ]
    numerator, *denominators = sums
    whole = parts[-1]
    count = catalogue.indicator(whole.indicator)
    declared = _declared_cells(count, whole, department)
    withheld = _withheld(
        [cells[count.id].get(cell, StepFunction()) for cell in declared], publication
    )
    if denominators:
        known = _where_known(denominators[0], withheld)
        return History(numerator, known, ends, publication=publication)
    return History(numerator, None, ends, publication=publication, withheld=withheld)


def _declared_cells(
    count: Indicator, part: PersonPart, department: str | None
) -> list[tuple[str, str]]:
    """Return the cells whose sum is a territory's figure, including those without persons."""
    rows = [NO_DEPARTMENT]
    if count.grain is Grain.DEPARTMENT:
        rows = [code.value for code in Department if department in (None, code.value)]
    columns = part.categories or count.categories or (NO_CATEGORY,)
    return list(product(rows, sorted(columns)))


def _withheld(cells: Sequence[StepFunction], publication: Publication) -> StepFunction:
    """Return the maximum number of persons in those of some cells that are withheld."""
    most = publication.min_cell - 1
    steps = Counter({date.min.toordinal(): len(cells) * most})
    for cell in cells:
        is_shown = False
        for day, total in zip(cell.days, cell.totals, strict=True):
            if bool(total) is not is_shown:
                is_shown = not is_shown
                steps[day.toordinal()] += -most if is_shown else most
    return StepFunction.of(steps)


def _where_known(whole: StepFunction, withheld: StepFunction) -> StepFunction:
    """Return a denominator that is 0 while withheld cells could change it considerably."""
    steps: dict[int, int] = {}
    shown = 0
    for day in sorted({*whole.days, *withheld.days}):
        total = whole.at(day)
        known = total if withheld.at(day) * _WITHHELD_PART <= total else 0
        steps[day.toordinal()], shown = known - shown, known
    return StepFunction.of(steps)


def _is_in(cell: tuple[str, str], department: str | None) -> bool:
    return department is None or cell[0] == department


def _sum(functions: Iterable[StepFunction]) -> StepFunction:
    return reduce(add, functions, StepFunction())
