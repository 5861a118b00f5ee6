"""The contribution of one entity to figures: the dated steps of each term of the catalogue."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache
from itertools import groupby, takewhile
from operator import eq, itemgetter
from typing import Any, Final, NamedTuple, TypeAlias

from catalogue.terms import FREQUENCY_DAYS, Expiry, Term, TermMode
from catalogue.vocabulary import DEPARTMENT
from events.fact import Family
from events.registry import BORROWING, facts_of
from streams.state import NO_DAYS, EntityState, attributes_by_day

#: The département of an entity that has none: it counts for the Région only.
NO_DEPARTMENT = ""
NO_CATEGORY = ""

#: A term's index, a département and a category.
Key: TypeAlias = tuple[int, str, str]

#: A change of a figure: its key, the days until it begins, and its amount.
Step: TypeAlias = tuple[Key, int, int]

#: The cells of one entity in a view, by effective day and then by time. Per cell: its day
#: (proleptic ordinal), time, source and id; a running number, which makes the order total; True
#: where it counts, False where it only ends an earlier one; its attributes, with inherited ones.
Timeline: TypeAlias = list[tuple[int, int, str, str, int, bool, Mapping[str, Any]]]


#: The steps of a cell, in days since its own; the keys, without category, for which it is a report.
#: The steps are a tuple if many entities share the contribution, a list if it belongs to one cell.
Contribution: TypeAlias = tuple[Sequence[Step], Sequence[Key]]

#: The maximum number of combinations of values that are remembered.
_MOST_REMEMBERED: Final = 4_096


@dataclass(frozen=True)
class EntityView:
    """The facts and entities that a term reads; terms with one view share a timeline."""

    family: Family
    facts: tuple[str, ...]
    unless: tuple[str, ...]
    entities: frozenset[str] | None = None
    among: EntityView | None = None
    """If set, entities count only while they count in this view."""

    @classmethod
    def of(cls, term: Term) -> EntityView:
        """Return a term's view."""
        among = None if term.among is None else cls.of(term.among)
        return cls(term.family, term.facts, term.unless, term.entities, among)

    @cached_property
    def reads(self) -> frozenset[str]:
        """The facts in the timeline."""
        own = frozenset((*self.facts, *self.unless))
        return own if self.among is None else own | self.among.reads

    @cached_property
    def counts(self) -> Mapping[str, bool]:
        """By fact in the timeline: whether an entity whose only cell is of this fact counts."""
        own = {**dict.fromkeys(self.facts, True), **dict.fromkeys(self.unless, False)}
        if self.among is None:
            return own
        members = self.among.counts
        return {fact: own.get(fact, False) and members.get(fact, False) for fact in self.reads}

    @cached_property
    def depends_on(self) -> frozenset[str]:
        """The facts whose change may change the timeline."""
        return self.reads | {self.defining_fact}

    @cached_property
    def defining_fact(self) -> str:
        """The fact that defines the family's entities."""
        return facts_of(self.family)[0].NAME


class _Given(NamedTuple):
    """What a cell contributes to one term."""

    key: Key
    amount: str | None
    """The field of the amount; None for 1."""
    divided: bool
    """True if a mapping in that field is split by its keys."""
    lasts: int | None
    """For how many days it lasts; None for unlimited."""
    replaces: bool
    """True if the next cell ends it."""


class _Selection(NamedTuple):
    """What cells with the same département and values contribute to the terms of a view."""

    given: Sequence[_Given]
    reports: Sequence[Key]
    last: Contribution | None
    """The contribution of the last cell of a timeline, if no amount comes from a field."""


class ViewTerms:
    """The terms that share one view.

    The contribution of a cell depends on a few of its values, which have few combinations: it is
    computed once per combination.
    """

    def __init__(self, view: EntityView, terms: Iterable[tuple[int, Term]] = ()) -> None:
        """Create one; each term is preceded by its index."""
        self.view = view
        self._terms: list[tuple[int, Term]] = []
        self._read: tuple[str, ...] = (DEPARTMENT,)
        #: By whether the cell counts, then by its département and values, all text or None: no
        #: value of another type equals one of these.
        self._of_texts: Mapping[bool, dict[tuple[Any, ...], _Selection]] = {True: {}, False: {}}
        self._remembered: dict[tuple[str | bool, ...], _Selection] = {}
        for index, term in terms:
            self.add(index, term)

    def add(self, index: int, term: Term) -> None:
        """Add a term of the view."""
        self._terms.append((index, term))
        by = None if term.expires is None else term.expires.by
        named = (*(field for field, _ in term.where), term.breakdown, by)
        self._read = tuple(dict.fromkeys((*self._read, *filter(None, named))))
        self._remembered.clear()
        for selections in self._of_texts.values():
            selections.clear()

    def contribution(
        self, attributes: Mapping[str, Any], following: int | None, *, counts: bool
    ) -> Contribution:
        """Return what a cell contributes to the terms.

        `following` is the number of days until the next cell, None for the last one. A cell that
        does not count contributes only a report.
        """
        given, reports, last = self._selection(attributes, counts=counts)
        if last is not None and (following is None or not counts):
            return last
        return _steps(given, attributes, following), reports

    def _selection(self, attributes: Mapping[str, Any], *, counts: bool) -> _Selection:
        found = tuple(map(attributes.get, self._read))
        of_texts = self._of_texts[counts]
        try:
            return of_texts[found]
        except (KeyError, TypeError):  # A mapping or a list raises TypeError.
            pass
        selection = self._selection_of(attributes, counts=counts)
        if all(value is None or type(value) is str for value in found):
            if len(of_texts) >= _MOST_REMEMBERED:
                of_texts.clear()
            of_texts[found] = selection
        return selection

    def _selection_of(self, attributes: Mapping[str, Any], *, counts: bool) -> _Selection:
        texts = {field: _text(attributes.get(field)) for field in self._read}
        key: tuple[str | bool, ...] = (counts, *texts.values())
        known = self._remembered.get(key)
        if known is None:
            if len(self._remembered) >= _MOST_REMEMBERED:
                self._remembered.clear()
            known = self._remembered[key] = self._select(texts, counts=counts)
        return known

    def _select(self, texts: Mapping[str, str], *, counts: bool) -> _Selection:
        department = texts[DEPARTMENT]
        given = tuple(
            _Given(
                (index, department, texts[term.breakdown] if term.breakdown else NO_CATEGORY),
                term.amount,
                term.breakdown is not None,
                None if term.expires is None else _lasts(term.expires, texts),
                term.mode is TermMode.REPLACE,
            )
            for index, term in self._terms
            if counts
            and all(texts[field] in accepted for field, accepted in term.where)
            and all(texts[field] for field in term.needed)
        )
        reports = tuple(
            (index, department, NO_CATEGORY)
            for index, term in self._terms
            if department != NO_DEPARTMENT or DEPARTMENT not in term.needed
        )
        is_fixed = all(one.amount is None for one in given)
        last = (tuple(_steps(given, {}, None)), reports) if is_fixed else None
        return _Selection(given, reports, last)


def timeline(view: EntityView, state: EntityState) -> Timeline:
    """Return the timeline of an entity in a view, in which `BORROWING` facts have all fields."""
    if view.among is None:
        return _cells(view, state)
    return _common(_cells(view, state), _cells(view.among, state))


def _cells(view: EntityView, state: EntityState) -> Timeline:
    """Return the cells of a view's own facts."""
    seen: Timeline = []
    if view.reads.isdisjoint(state):
        return seen
    definitions = attributes_by_day(state, view.defining_fact)
    for counts, facts in ((True, view.facts), (False, view.unless)):
        for fact in facts:
            borrows = definitions and fact in BORROWING
            for day, (time, source, id_, own) in state.get(fact, NO_DAYS).items():
                if own is not None:
                    attributes = {**_in_force(definitions, day), **own} if borrows else own
                    seen.append((_ordinal(day), time, source, id_, len(seen), counts, attributes))
    seen.sort()
    return seen


def _in_force(definitions: Sequence[tuple[str, Mapping[str, Any]]], day: str) -> Mapping[str, Any]:
    """Return the last attributes up to a day, or else the first."""
    position = bisect_right(definitions, day, key=itemgetter(0))
    return definitions[max(position - 1, 0)][1]


def _common(own: Timeline, members: Timeline) -> Timeline:
    """Combine two timelines of an entity: a cell counts while both count.

    A cell in both timelines becomes one. It has the attributes of the last cell of `own` so far;
    before the first, those of its own fact.
    """
    record = itemgetter(slice(1, 5))  # Day, time, source and id.
    cells = [(True, *cell) for cell in own] + [(False, *cell) for cell in members]
    seen: Timeline = []
    counts = is_member = False
    described: Mapping[str, Any] | None = None
    for (day, time, source, id_), alike in groupby(sorted(cells, key=record), record):
        for is_own, *_, cell_counts, attributes in alike:
            if is_own:
                counts, described = cell_counts, attributes
            else:
                is_member = cell_counts
        if described is not None:
            attributes = described
        seen.append((day, time, source, id_, len(seen), counts and is_member, attributes))
    return seen


def first_difference(left: Timeline, right: Timeline) -> int:
    """Return the first position from which the contributions of two timelines may differ.

    It precedes the first difference: how long a cell counts depends on the next one.
    """
    alike = list(takewhile(bool, map(eq, left, right)))
    return max(len(alike) - 1, 0)


def contributions(
    terms: ViewTerms, seen: Timeline, since: int = 0, sign: int = 1
) -> Iterator[tuple[int, Contribution, int]]:
    """Yield what an entity's cells contribute to the terms of a view, from a position on.

    Each contribution comes with the day of its cell (proleptic ordinal) and the sign. In a
    `replace` term, each cell sets the entity's level until the next cell or its own expiry; in an
    `add` term, each cell adds its amount until its own expiry.
    """
    last = len(seen) - 1
    for position in range(since, last + 1):
        day, _, _, _, _, counts, attributes = seen[position]
        following = seen[position + 1][0] - day if position < last else None
        yield day, terms.contribution(attributes, following, counts=counts), sign


#: For a fact: the terms of each view that reads it, and whether its cells count there.
Counting: TypeAlias = Sequence[tuple[ViewTerms, bool]]


def contributions_of_first(
    counting: Counting, day: str, attributes: Mapping[str, Any] | None
) -> list[tuple[int, Contribution, int]]:
    """Return what an entity's first cell contributes: `contributions` of a timeline of one cell.

    `counting` belongs to its fact.
    """
    if attributes is None:
        return []
    ordinal = _ordinal(day)
    return [
        (ordinal, terms.contribution(attributes, None, counts=counts), 1)
        for terms, counts in counting
    ]


def _steps(
    given: Sequence[_Given], attributes: Mapping[str, Any], following: int | None
) -> list[Step]:
    steps: list[Step] = []
    for key, field, divided, lasts, replaces in given:
        ends = lasts
        if replaces and following is not None:
            ends = following if lasts is None else min(lasts, following)
            if not ends:
                continue
        amount: Any = 1 if field is None else attributes.get(field)
        parts = _parts(key, amount, divided=divided) if isinstance(amount, dict) else None
        for one, part in ((key, amount),) if parts is None else parts:
            if part:
                steps.append((one, 0, part))
                if ends is not None:
                    steps.append((one, ends, -part))
    return steps


def _parts(key: Key, amount: Mapping[str, Any], *, divided: bool) -> Iterable[tuple[Key, Any]]:
    """Return the parts of a mapping with their keys, or its sum if it is not divided."""
    if divided:
        index, department, _ = key
        return [((index, department, category), part) for category, part in amount.items()]
    return ((key, sum(amount.values())),)


def _lasts(expiry: Expiry, texts: Mapping[str, str]) -> int | None:
    """Return the number of days that a cell counts, including its own; None for unlimited."""
    lasts = expiry.days if expiry.by is None else FREQUENCY_DAYS.get(texts[expiry.by])
    return None if lasts is None else lasts + expiry.grace_days + 1


def _text(value: object) -> str:
    """Return a value as the catalogue writes it; "" for a mapping, whose keys are used instead."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None or isinstance(value, dict) else str(value)


@lru_cache(maxsize=16_384)
def _ordinal(day: str) -> int:
    return date.fromisoformat(day).toordinal()
