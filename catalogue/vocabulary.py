"""What a measure may name: the facts' fields, and what each field can be used for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from typing import get_args, get_origin

from events.code import Code
from events.fact import Fact, Family, bare_type
from events.registry import FACTS_BY_NAME, facts_of

DEPARTMENT = "department"

#: The French words of a flag's two values.
FLAG_WORDS = {"true": "Oui", "false": "Non"}

_MONEY_SUFFIX = "_cents"


@dataclass(frozen=True, slots=True)
class FieldUse:
    """A fact's field, as a measure sees it.

    `numeric`: its values, or its mapping's, are whole numbers. `choices`: its closed values
    (`true` and `false` for a flag), or its mapping's closed keys; empty for free text and numbers.
    `words` has the French word of each choice, and `dimension` is French for what they divide
    figures by; empty where figures are not divided so (territories, free text, numbers).
    """

    name: str
    numeric: bool
    mapping: bool
    choices: tuple[str, ...]
    words: Mapping[str, str] = field(default_factory=dict, hash=False)
    dimension: str = ""

    @property
    def closed(self) -> bool:
        """True where the field is one closed value, so that it can be filtered and broken down."""
        return bool(self.choices) and not self.mapping


@cache
def fields_of(name: str) -> Mapping[str, FieldUse]:
    """Return the fields that records of the fact `name` carry, the derived ones included."""
    fact = FACTS_BY_NAME[name]
    return {
        name: _described(name, kind, fact.FLAGS.get(name, ""))
        for name, kind in fact.attribute_kinds().items()
    }


def is_money(field: str) -> bool:
    """Return whether a field's values are euro cents."""
    return field.endswith(_MONEY_SUFFIX)


def field_of(name: str, field: str) -> FieldUse | None:
    """Return a fact's own field, or None."""
    return fields_of(name).get(field)


def resolve_field(name: str, field: str) -> FieldUse | None:
    """Return a fact's own field, else the one it borrows from its family's defining fact."""
    own = field_of(name, field)
    return own if own is not None else field_of(_defining(FACTS_BY_NAME[name].FAMILY).NAME, field)


def closed_fields(name: str) -> tuple[str, ...]:
    """Return the closed fields that a fact carries or borrows: for filters and breakdowns."""
    known = {**fields_of(_defining(FACTS_BY_NAME[name].FAMILY).NAME), **fields_of(name)}
    return tuple(field for field, use in known.items() if use.closed)


def carries_department(family: Family) -> bool:
    """Return whether an entity of the family has a département."""
    return resolve_field(_defining(family).NAME, DEPARTMENT) is not None


def _defining(family: Family) -> type[Fact]:
    return facts_of(family)[0]


def _described(name: str, annotation: object, flag: str) -> FieldUse:
    """Return the use of a field by its type; `flag` is a flag's dimension in French."""
    annotation = bare_type(annotation)
    mapping = get_origin(annotation) is not None
    codes, values = annotation, annotation
    if mapping:
        codes, values = (bare_type(part) for part in (*get_args(annotation), object, object)[:2])
    words: Mapping[str, str] = {}
    dimension = ""
    if isinstance(codes, type) and issubclass(codes, Code):
        words, dimension = {code.value: code.word for code in codes}, codes.dimension()
    elif codes is bool:
        words, dimension = FLAG_WORDS, flag
    return FieldUse(
        name,
        numeric=values is int,
        mapping=mapping,
        choices=_closed(codes),
        words=words,
        dimension=dimension,
    )


def _closed(annotation: object) -> tuple[str, ...]:
    if annotation is bool:
        return ("true", "false")
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return tuple(str(member.value) for member in annotation)
    return ()
