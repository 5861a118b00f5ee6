"""The numbers of the facts, which rows have in place of their names."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from events.fact import Family
from events.registry import facts_of

#: Those of a family follow each other, and the one that defines its entities is the first.
FACT_NAMES: Final = tuple(fact.NAME for family in Family for fact in facts_of(family))
FACT_NUMBERS: Final = MappingProxyType({name: number for number, name in enumerate(FACT_NAMES)})
DEFINING: Final = frozenset(FACT_NUMBERS[facts_of(family)[0].NAME] for family in Family)
#: Facts with every field of the one that defines their entities: they borrow none.
COMPLETE: Final = frozenset(
    FACT_NUMBERS[fact.NAME]
    for family in Family
    for fact in facts_of(family)
    if fact.attribute_kinds().keys() >= facts_of(family)[0].attribute_kinds().keys()
)
