"""The contribution of one entity to figures: the dated steps of each term of the catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache
from typing import Any, TypeAlias

from catalogue.terms import FREQUENCY_DAYS, Expiry, Term, TermMode
from events.registry import Family, facts_of
from streams.state import NO_DAYS, EntityState, latest_attributes

__all__ = [
    "NO_CATEGORY",
    "NO_DEPARTMENT",
    "Contribution",
    "EntityView",
    "Step",
    "Timeline",
    "contribution",
    "first_difference",
    "timeline",
]

#: The département of an entity that has none: it counts for the Région only.
NO_DEPARTMENT = ""
NO_CATEGORY = ""

#: A change of a term's figure: département, category, the day (proleptic ordinal) from which the
#: figure is different, and by how much.
Step: TypeAlias = tuple[str, str, int, int]

#: The cells of one entity in a view, by effective day and then by time. Per cell: its day
#: (proleptic ordinal), time, source and id; a running number, which makes the order total; True
#: where it counts, False where it only ends an earlier one; its attributes, with inherited ones.
Timeline: TypeAlias = list[tuple[int, int, str, str, int, bool, Mapping[str, Any]]]


#: One entity's steps, and the département and effective day of each fact of the view.
Contribution: TypeAlias = tuple[list[Step], list[tuple[str, int]]]


@dataclass(frozen=True)
class EntityView:
    """The facts and entities that a term reads; terms with one view share a timeline."""

    family: Family
    facts: tuple[str, ...]
    unless: tuple[str, ...]
    entities: frozenset[str] | None = None

    @classmethod
    def of(cls, term: Term) -> EntityView:
        """Return a term's view."""
        return cls(term.family, term.facts, term.unless, term.entities)

    @cached_property
    def reads(self) -> frozenset[str]:
        """The facts in the timeline."""
        return frozenset((*self.facts, *self.unless))

    @cached_property
    def depends_on(self) -> frozenset[str]:
        """The facts whose change may change the timeline."""
        return self.reads | {_defining_fact(self.family)}


def timeline(view: EntityView, state: EntityState) -> Timeline:
    """Return the timeline of an entity in a view.

    A cell inherits missing attributes from the latest day of the family's defining fact.
    """
    seen: Timeline = []
    if view.reads.isdisjoint(state):
        return seen
    inherited = latest_attributes(state, _defining_fact(view.family))
    for counts, facts in ((True, view.facts), (False, view.unless)):
        for fact in facts:
            for day, (time, source, id_, own) in state.get(fact, NO_DAYS).items():
                if own is not None:
                    attributes = own if own.keys() >= inherited.keys() else {**inherited, **own}
                    seen.append((_ordinal(day), time, source, id_, len(seen), counts, attributes))
    seen.sort()
    return seen


def first_difference(left: Timeline, right: Timeline) -> int:
    """Return the first position from which the contributions of two timelines may differ.

    It is one before the first difference: how long a cell counts depends on the next one.
    """
    if not left:
        return 0
    position = 0
    for one, other in zip(left, right, strict=False):
        if one != other:
            break
        position += 1
    return max(position - 1, 0)


def contribution(term: Term, seen: Timeline, since: int = 0) -> Contribution:
    """Return the contribution of an entity to a term, from a position of its timeline on.

    In a `replace` term each cell sets the entity's level until the next cell or its own expiry; in
    an `add` term each cell adds its amount, until its own expiry.
    """
    steps: list[Step] = []
    reports: list[tuple[str, int]] = []
    replaces = term.mode is TermMode.REPLACE
    last = len(seen) - 1
    for position in range(since, len(seen)):
        day, _, _, _, _, counts, attributes = seen[position]
        department = attributes.get("department") or NO_DEPARTMENT
        reports.append((department, day))
        if not counts:
            continue
        ends = None if term.expires is None else _expiry_day(term.expires, day, attributes)
        if replaces and position < last:
            following = seen[position + 1][0]
            ends = following if ends is None else min(ends, following)
            if ends == day:
                continue
        for category, amount in _amounts(term, attributes):
            steps.append((department, category, day, amount))
            if ends is not None:
                steps.append((department, category, ends, -amount))
    return steps, reports


def _expiry_day(expiry: Expiry, day: int, attributes: Mapping[str, Any]) -> int | None:
    """Return the first day on which a cell no longer counts, or None for none."""
    lasts = expiry.days
    if expiry.by is not None:
        lasts = FREQUENCY_DAYS.get(str(attributes.get(expiry.by)))
    return None if lasts is None else day + lasts + expiry.grace_days + 1


def _amounts(term: Term, attributes: Mapping[str, Any]) -> Iterable[tuple[str, int]]:
    """Return the amounts of a cell by category; () where it does not satisfy the term."""
    for field, values in term.where:
        if _text(attributes.get(field)) not in values:
            return ()
    amount: Any = 1 if term.amount is None else attributes.get(term.amount)
    if isinstance(amount, dict):
        if term.breakdown is not None:
            return amount.items()
        amount = sum(amount.values())
    if not amount:
        return ()
    if term.breakdown is None:
        return ((NO_CATEGORY, amount),)
    return ((_text(attributes.get(term.breakdown)), amount),)


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
