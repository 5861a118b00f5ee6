"""The indicator fold: from entity states to figures, kept up to date by differences.

Each term of the catalogue turns one entity's state into dated steps (+1 lycée on 2017-03-01, −1 on
2018-06-30 …). A series is the sum of such steps, so the fold holds the figure of every day since
the programme began, and an entity's change costs only its own steps: new minus old.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from catalogue.terms import FREQUENCY_DAYS, Expiry, Mode, Term
from events.registry import facts_of
from streams.state import NO_DAYS, Cell, EntityState, latest_attributes

if TYPE_CHECKING:
    from events.registry import Family

__all__ = ["Contribution", "Fold", "Series", "SeriesKey", "Step", "contribution"]

#: Where an entity names no département, its figures count for the region alone.
NO_DEPARTMENT = ""
NO_CATEGORY = ""


class Step(NamedTuple):
    """A change of a term's figure: from `day` (proleptic ordinal) on, `amount` more."""

    department: str
    category: str
    day: int
    amount: int


class Contribution(NamedTuple):
    """One entity's steps, and the département and effective day of each fact looked at."""

    steps: list[Step]
    reports: list[tuple[str, int]]


class SeriesKey(NamedTuple):
    """One figure of one partition: a term (by its place in the fold), a département, a category."""

    term: int
    department: str
    category: str


class Series:
    """A figure over time, as the sum of its steps."""

    __slots__ = ("_as_of", "_total", "reports", "steps")

    def __init__(self) -> None:
        self.steps: dict[int, int] = {}
        self.reports: dict[int, int] = {}
        self._as_of = 0
        self._total = 0

    def add(self, day: int, amount: int) -> None:
        """Add `amount` from `day` on."""
        _bump(self.steps, day, amount)
        if day <= self._as_of:
            self._total += amount

    def report(self, day: int, count: int) -> None:
        """Note that `count` facts more (or fewer) took effect on `day`."""
        _bump(self.reports, day, count)

    def total(self, as_of: int) -> int:
        """Return the figure on a day; the cost is that of the days since the last call."""
        moved = as_of - self._as_of
        if 0 <= moved <= len(self.steps):
            self._total += sum(self.steps.get(day, 0) for day in range(self._as_of + 1, as_of + 1))
        elif moved:
            self._total = sum(amount for day, amount in self.steps.items() if day <= as_of)
        self._as_of = as_of
        return self._total

    def last_reported(self, as_of: int) -> int | None:
        """Return the latest day, up to `as_of`, on which a fact took effect."""
        if as_of in self.reports:
            return as_of
        return max((day for day in self.reports if day <= as_of), default=None)


class Fold:
    """Every series of the partitions that this worker owns."""

    def __init__(self, terms: Iterable[Term]) -> None:
        #: Each distinct term once: indicators that share a denominator share its series.
        self.terms: tuple[Term, ...] = tuple(dict.fromkeys(terms))
        #: Per family: each term's place, the term, and the facts on which it depends.
        self._of_family: dict[Family, list[tuple[int, Term, frozenset[str]]]] = defaultdict(list)
        for place, term in enumerate(self.terms):
            facts = frozenset((*term.facts, *term.unless, _defining_fact(term.family)))
            self._of_family[term.family].append((place, term, facts))
        self._series: dict[int, dict[SeriesKey, Series]] = defaultdict(dict)

    def replace(
        self, family: Family, partition: int, before: EntityState, after: EntityState
    ) -> None:
        """Take one entity's old contributions out and put its new ones in.

        A term none of whose facts changed is passed over; `with_cell` leaves those untouched.
        """
        changed = {
            fact for fact in before.keys() | after.keys() if before.get(fact) is not after.get(fact)
        }
        series = self._series[partition]
        for place, term, facts in self._of_family[family]:
            if changed.isdisjoint(facts):
                continue
            if before:
                _add(series, place, contribution(term, before), -1)
            _add(series, place, contribution(term, after), 1)

    def drop(self, family: Family, partition: int) -> None:
        """Forget a family's series of a partition that another worker owns now."""
        series = self._series.get(partition, {})
        places = {place for place, _, _ in self._of_family[family]}
        for key in [key for key in series if key.term in places]:
            del series[key]

    def series(self, partition: int) -> Mapping[SeriesKey, Series]:
        """Return a partition's series, but those of which nothing is left: they never were."""
        return {
            key: series
            for key, series in self._series.get(partition, {}).items()
            if series.steps or series.reports
        }

    def held(
        self, family: Family, partition: int
    ) -> dict[SeriesKey, tuple[dict[int, int], dict[int, int]]]:
        """Return all that one place holds, comparable with another fold's."""
        places = {place for place, _, _ in self._of_family[family]}
        return {
            key: (series.steps, series.reports)
            for key, series in self.series(partition).items()
            if key.term in places
        }


def contribution(term: Term, state: EntityState) -> Contribution:
    """Return what one entity contributes to a term.

    In a `replace` term each cell sets the entity's level until the next cell or its own expiry; in
    an `add` term each cell adds its amount, until its own expiry.
    """
    cells = _cells_in_order(term, state)
    steps: list[Step] = []
    reports: list[tuple[str, int]] = []
    if not cells:
        return Contribution(steps, reports)
    borrowed = latest_attributes(state, _defining_fact(term.family))
    replaces = term.mode == Mode.REPLACE
    last = len(cells) - 1
    for position, (day, _, _, _, _, counts, cell) in enumerate(cells):
        department = _attribute(cell, "department", borrowed) or NO_DEPARTMENT
        reports.append((department, day))
        if not counts:
            continue
        ends = None if term.expires is None else _expiry_day(term.expires, day, cell, borrowed)
        if replaces and position < last:
            following = cells[position + 1][0]
            ends = following if ends is None else min(ends, following)
            if ends == day:
                continue
        for category, amount in _amounts(term, cell, borrowed):
            steps.append(Step(department, category, day, amount))
            if ends is not None:
                steps.append(Step(department, category, ends, -amount))
    return Contribution(steps, reports)


def _cells_in_order(
    term: Term, state: EntityState
) -> list[tuple[int, int, str, str, int, bool, Cell]]:
    """Return the cells that a term looks at, as they took effect and then as recorded.

    The running number keeps the order total: two cells themselves do not compare.
    """
    cells: list[tuple[int, int, str, str, int, bool, Cell]] = []
    for counts, facts in ((True, term.facts), (False, term.unless)):
        for fact in facts:
            for day, cell in state.get(fact, NO_DAYS).items():
                if cell.attributes is not None:
                    cells.append(
                        (_ordinal(day), cell.time, cell.source, cell.id, len(cells), counts, cell)
                    )
    cells.sort()
    return cells


def _add(series: dict[SeriesKey, Series], place: int, contributed: Contribution, sign: int) -> None:
    for department, category, day, amount in contributed.steps:
        _at(series, SeriesKey(place, department, category)).add(day, sign * amount)
    for department, day in contributed.reports:
        _at(series, SeriesKey(place, department, NO_CATEGORY)).report(day, sign)


def _expiry_day(expiry: Expiry, day: int, cell: Cell, borrowed: Mapping[str, Any]) -> int | None:
    """Return the first day on which the cell no longer counts, or None where it always does."""
    lasts = expiry.days
    if expiry.by is not None:
        lasts = FREQUENCY_DAYS.get(str(_attribute(cell, expiry.by, borrowed)))
    return None if lasts is None else day + lasts + expiry.grace_days + 1


def _amounts(term: Term, cell: Cell, borrowed: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    for field, values in term.where:
        if _text(_attribute(cell, field, borrowed)) not in values:
            return
    amount: Any = 1 if term.amount is None else _attribute(cell, term.amount, borrowed)
    if isinstance(amount, dict):
        if term.breakdown is not None:
            yield from amount.items()
            return
        amount = sum(amount.values())
    if amount:
        category = NO_CATEGORY
        if term.breakdown is not None:
            category = _text(_attribute(cell, term.breakdown, borrowed))
        yield category, amount


def _attribute(cell: Cell, name: str, borrowed: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
    attributes = cell.attributes or {}
    return attributes[name] if name in attributes else borrowed.get(name)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


@lru_cache(maxsize=16_384)
def _ordinal(day: str) -> int:
    return date.fromisoformat(day).toordinal()


@lru_cache
def _defining_fact(family: Family) -> str:
    return facts_of(family)[0].NAME


def _at(series: dict[SeriesKey, Series], key: SeriesKey) -> Series:
    found = series.get(key)
    if found is None:
        found = series[key] = Series()
    return found


def _bump(amounts: dict[int, int], day: int, amount: int) -> None:
    total = amounts.get(day, 0) + amount
    if total:
        amounts[day] = total
    else:
        amounts.pop(day, None)
