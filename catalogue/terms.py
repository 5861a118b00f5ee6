"""The compiled measure of an indicator: the amounts of each entity, and their duration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from catalogue.vocabulary import DEPARTMENT, fields_of
from events.fact import Family
from events.frequency import Frequency
from events.registry import facts_of

FREQUENCY_DAYS: Mapping[str, int | None] = MappingProxyType(
    {frequency.value: frequency.days for frequency in Frequency}
)
"""The longest interval between two reports by frequency, in days; None for unlimited."""


class TermMode(StrEnum):
    """The effect of a new record on the amounts of its entity."""

    REPLACE = "replace"
    ADD = "add"


@dataclass(frozen=True, slots=True)
class Expiry:
    """The duration of an amount: `days`, or those of its field `by`, plus `grace_days`.

    Exactly one of `days` and `by` is given; `by` names a field whose values are keys of
    `FREQUENCY_DAYS` (a record without the field does not count). An amount of day D is
    live while `as_of - D <= days + grace_days`: D itself and that many days after it.
    """

    days: int | None = None
    by: str | None = None
    grace_days: int = 0


@dataclass(frozen=True, slots=True)
class Term:
    """One additive quantity, an integer, summed over the entities of one family.

    For each entity the records of `facts` and `unless` that are not retracted are taken in the
    order (effective day, time, source, id).

    - `replace`: each record sets the entity's level: its amount for a record of `facts` that
      satisfies `where`, 0 for any other. The level lasts until the next record or its expiry.
    - `add`: each record of `facts` that satisfies `where` adds its amount from its day on, until
      its expiry.

    `amount` is None for 1, or a field; a field that is a mapping adds up its values. `where` is
    satisfied when each field's value, as text (`true` and `false` for a flag), is among those
    given. `breakdown` is the field whose value is the category; for a mapping amount with such a
    breakdown the mapping's keys are the categories. `entities` restricts the term to
    some entities; None: every entity of the family. `among` is a term of the same family that
    counts entities by `facts` and `unless` alone: an entity counts on the days on which it counts
    there too. Only a `replace` term without expiry has it.

    A record borrows the fields it lacks from its entity's definition (`events.registry.BORROWING`).
    While there is none, the record counts nowhere if one of the `needed` is missing.
    """

    family: Family
    facts: tuple[str, ...]
    unless: tuple[str, ...] = ()
    mode: TermMode = TermMode.REPLACE
    amount: str | None = None
    where: tuple[tuple[str, frozenset[str]], ...] = ()
    expires: Expiry | None = None
    breakdown: str | None = None
    entities: frozenset[str] | None = None
    among: Term | None = None

    @property
    def needed(self) -> tuple[str, ...]:
        """The fields without which a record does not count: département, category, frequency."""
        by = None if self.expires is None else self.expires.by
        read = (DEPARTMENT, None if self.breakdown == self.amount else self.breakdown, by)
        defined = fields_of(facts_of(self.family)[0].NAME)
        own = [fields_of(name) for name in (*self.facts, *self.unless)]
        return tuple(
            field
            for field in read
            if field is not None and field in defined and any(field not in fields for fields in own)
        )


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure: `numerator / denominator` (blank over 0), or `numerator / divisor`.

    A figure that is not `additive` is observed, not counted: each territory has its own, and the
    Région's is never the sum of its départements'. It is blank, not 0, before the first report.
    `whole` is declared of observed figures that are whole numbers.
    """

    numerator: Term
    denominator: Term | None = None
    divisor: int = 1
    additive: bool = True
    whole: bool = False

    @property
    def terms(self) -> tuple[Term, ...]:
        """The numerator, and the denominator if there is one."""
        return (self.numerator,) if self.denominator is None else (self.numerator, self.denominator)
