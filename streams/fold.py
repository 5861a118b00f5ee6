"""The fold from entity states to figures, maintained incrementally.

Each term of the catalogue maps an entity's state to dated steps (+1 lycée on 2017-03-01, −1 on
2018-06-30 …). A series is the sum of such steps: it gives the figure of every day, and a change of
an entity costs only that entity's steps, new minus old.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from catalogue.terms import Term
from events.fact import Family
from streams.contribution import (
    Contribution,
    Counting,
    EntityView,
    Key,
    ViewTerms,
    contributions,
    contributions_of_first,
    first_difference,
    timeline,
)
from streams.state import EntityState

_Views: TypeAlias = "dict[EntityView, ViewTerms]"
#: The contributions that a change of one entity removes (-1) and adds (1), each after its day.
Difference: TypeAlias = "list[tuple[int, Contribution, int]]"
_SeriesByKey: TypeAlias = "defaultdict[Key, Series]"
_AmountsByKey: TypeAlias = "defaultdict[Key, defaultdict[int, int]]"
_NO_VIEWS: Mapping[str, Counting] = MappingProxyType({})
#: A contribution, its sign and the days of its cells.
_Alike: TypeAlias = "tuple[Contribution, int, list[int]]"


class SeriesKey(NamedTuple):
    """One figure of one partition: a term's index, a département, a category."""

    term: int
    department: str
    category: str


class Series:
    """A figure over time, as the sum of its steps."""

    __slots__ = ("_as_of", "_last", "_last_as_of", "_total", "reports", "steps", "version")
    version: int
    """The fold's version of the last change."""

    def __init__(self) -> None:
        self.steps: dict[int, int] = {}
        self.reports: dict[int, int] = {}
        self._as_of = 0
        self._total = 0
        self._last_as_of = 0
        self._last: int | None = None

    def add(self, amounts: Mapping[int, int], factor: int = 1) -> None:
        """Add amounts multiplied by a factor, each from its day on."""
        _bump(self.steps, amounts, factor)
        if self._as_of:
            added = sum(amount for day, amount in amounts.items() if day <= self._as_of)
            self._total += factor * added

    def report(self, counts: Mapping[int, int], factor: int = 1) -> None:
        """Add numbers of facts, by the day they took effect and multiplied by a factor."""
        _bump(self.reports, counts, factor)
        for day in counts:
            if day > self._last_as_of:
                continue
            if day in self.reports:
                self._last = day if self._last is None else max(self._last, day)
            elif day == self._last:
                self._last_as_of, self._last = 0, None  # The next call searches again.

    def total(self, as_of: int) -> int:
        """Return the figure on a day; the cost is proportional to the days since the last call."""
        moved = as_of - self._as_of
        if 0 <= moved <= len(self.steps):
            self._total += sum(self.steps.get(day, 0) for day in range(self._as_of + 1, as_of + 1))
        else:
            self._total = sum(amount for day, amount in self.steps.items() if day <= as_of)
        self._as_of = as_of
        return self._total

    def last_reported(self, as_of: int) -> int | None:
        """Return the latest day, up to `as_of`, on which a fact took effect.

        The cost is proportional to the days since the last call.
        """
        moved = as_of - self._last_as_of
        if 0 <= moved <= len(self.reports):
            since = range(as_of, self._last_as_of, -1)
            self._last = next((day for day in since if day in self.reports), self._last)
        else:
            self._last = max((day for day in self.reports if day <= as_of), default=None)
        self._last_as_of = as_of
        return self._last


class Fold:
    """The series of all owned partitions."""

    def __init__(self, terms: Iterable[Term]) -> None:
        #: Each distinct term once: indicators that share a denominator share its series.
        self.terms: tuple[Term, ...] = tuple(dict.fromkeys(terms))
        self.indexes = {term: index for index, term in enumerate(self.terms)}
        #: By family: the views of all entities.
        self._views: dict[Family, _Views] = defaultdict(dict)
        #: By family and entity: the views restricted to some entities.
        self._own_views: dict[Family, dict[str, _Views]] = defaultdict(lambda: defaultdict(dict))
        for term, index in self.indexes.items():
            view = EntityView.of(term)
            if view.entities is None:
                self._views[term.family].setdefault(view, ViewTerms(view)).add(index, term)
            for entity in view.entities or ():
                own = self._own_views[term.family][entity]
                own.setdefault(view, ViewTerms(view)).add(index, term)
        self._counting: dict[Family, dict[str, Counting]] = {
            family: _by_fact(views.values()) for family, views in self._views.items()
        }
        #: By partition. The keys are plain tuples, which are faster: each step creates one.
        self._series: dict[int, _SeriesByKey] = defaultdict(lambda: defaultdict(Series))
        self.version = 0
        """A number that grows with each change, including changes of data kept beside the fold."""
        self._dropped: dict[int, int] = {}

    def replace(
        self, family: Family, partition: int, entity: str, before: EntityState, after: EntityState
    ) -> None:
        """Remove one entity's old contributions and add its new ones."""
        self.apply(partition, [self.difference(family, entity, before, after)])

    def difference(
        self, family: Family, entity: str, before: EntityState, after: EntityState
    ) -> Difference:
        """Return the difference that `replace` applies; every error is raised here.

        Skips views without a changed fact (`process` keeps unchanged facts identical), and the past
        that both states share.
        """
        if not before and len(after) == 1:
            ((fact, days),) = after.items()
            if len(days) == 1:
                ((day, cell),) = days.items()
                if not self.has_own_views(family):
                    counting = self.counting(family, fact)
                else:
                    counting = _by_fact(self._views_of(family, entity).values()).get(fact, ())
                return contributions_of_first(counting, day, cell[3])
        views = self._views_of(family, entity)
        changed = [fact for fact, days in after.items() if before.get(fact) is not days]
        changed += before.keys() - after.keys()
        found: Difference = []
        for view, terms in views.items():
            if view.depends_on.isdisjoint(changed):
                continue
            old, new = timeline(view, before), timeline(view, after)
            since = first_difference(old, new)
            found.extend(contributions(terms, old, since, -1))
            found.extend(contributions(terms, new, since))
        return found

    def counting(self, family: Family, fact: str) -> Counting:
        """Return the views of all of a family's entities that read a fact."""
        return self._counting.get(family, _NO_VIEWS).get(fact, ())

    def has_own_views(self, family: Family) -> bool:
        """Return True if some terms of a family read only some of its entities."""
        return family in self._own_views

    def apply(self, partition: int, differences: Iterable[Difference]) -> None:
        """Apply the result of `difference` for each of several entities.

        Equal contributions of many entities are added to a series at once.
        """
        alike, own_steps, own_reports = _gathered(differences)
        if not (alike or own_steps or own_reports):
            return
        series, version = self._series[partition], self.touch()
        for (steps, reports), sign, days in alike:
            counts = Counter(days)
            for key, after, amount in steps:
                one = series[key]
                one.version = version
                one.add({day + after: n for day, n in counts.items()}, sign * amount)
            for key in reports:
                one = series[key]
                one.version = version
                one.report(counts, sign)
        for key, amounts in own_steps.items():
            one = series[key]
            one.version = version
            one.add(amounts)
        for key, amounts in own_reports.items():
            one = series[key]
            one.version = version
            one.report(amounts)

    def touch(self) -> int:
        """Count a change, and return the version that includes it."""
        self.version += 1
        return self.version

    def drop(self, family: Family, partition: int) -> None:
        """Drop a family's series in a revoked partition."""
        self._dropped[partition] = self.touch()
        series = self._series[partition]
        indexes = self._indexes_of(family)
        for key in [key for key in series if key[0] in indexes]:
            del series[key]

    def adopt(self, family: Family, partition: int, other: Fold) -> None:
        """Take over a family's series in a partition from a fold of the same terms."""
        series, version, indexes = self._series[partition], self.touch(), self._indexes_of(family)
        for key, one in other._series[partition].items():
            if key[0] in indexes:
                one.version = version
                series[key] = one

    def series(self, partition: int) -> Mapping[SeriesKey, Series]:
        """Return a partition's series, without the empty ones."""
        return {
            SeriesKey(*key): series
            for key, series in self._series[partition].items()
            if series.steps or series.reports
        }

    def is_kept_since(self, version: int, partition: int) -> bool:
        """Return whether no series of a partition was dropped since a version."""
        return self._dropped.get(partition, 0) <= version

    def changed(self, partition: int, since: int) -> Iterator[tuple[SeriesKey, Series]]:
        """Yield the series of a partition that changed since a version, including empty ones."""
        for key, series in self._series[partition].items():
            if series.version > since:
                yield SeriesKey(*key), series

    def contents(
        self, family: Family, partition: int
    ) -> dict[SeriesKey, tuple[dict[int, int], dict[int, int]]]:
        """Return the steps and reports of one family and partition, to compare two folds."""
        indexes = self._indexes_of(family)
        return {
            key: (series.steps, series.reports)
            for key, series in self.series(partition).items()
            if key.term in indexes
        }

    def _views_of(self, family: Family, entity: str) -> _Views:
        own = self._own_views.get(family, {}).get(entity)
        return self._views[family] if own is None else self._views[family] | own

    def _indexes_of(self, family: Family) -> set[int]:
        return {index for term, index in self.indexes.items() if term.family is family}


def _by_fact(views: Iterable[ViewTerms]) -> dict[str, Counting]:
    found: dict[str, list[tuple[ViewTerms, bool]]] = defaultdict(list)
    for terms in views:
        for fact, counts in terms.view.counts.items():
            found[fact].append((terms, counts))
    return dict(found)


def _gathered(
    differences: Iterable[Difference],
) -> tuple[Iterable[_Alike], _AmountsByKey, _AmountsByKey]:
    """Return contributions that many entities share; by key, the steps and reports of the rest."""
    alike: dict[tuple[int, int], _Alike] = {}
    own_steps: _AmountsByKey = defaultdict(lambda: defaultdict(int))
    own_reports: _AmountsByKey = defaultdict(lambda: defaultdict(int))
    for difference in differences:
        for day, contribution, sign in difference:
            steps, reports = contribution
            if type(steps) is tuple:
                signed = sign, id(contribution)
                known = alike.get(signed)
                if known is None:
                    alike[signed] = contribution, sign, [day]
                else:
                    known[2].append(day)
                continue
            for key, after, amount in steps:
                own_steps[key][day + after] += sign * amount
            for key in reports:
                own_reports[key][day] += sign
    return alike.values(), own_steps, own_reports


def _bump(sums: dict[int, int], amounts: Mapping[int, int], factor: int) -> None:
    for day, amount in amounts.items():
        total = sums.get(day, 0) + factor * amount
        if total:
            sums[day] = total
        else:
            sums.pop(day, None)
