"""Which share of its facts a new producer owns, as it is asked and answered."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Final

from pydantic import TypeAdapter, ValidationError

from boundary.diagnostic import Diagnostic
from events.contracts.json_schema import schema_of
from events.fact import Fact, entity_key
from events.identifiers import DEPARTMENTS
from events.observation import Territory
from events.producers.fact_patterns import types_of
from events.registry import FACTS

EVERYTHING: Final = "all"
NOTHING: Final = "none"

_SEPARATORS: Final = re.compile(r"[,\s]+")
#: Also one that there is not, which the declaration refuses.
_TERRITORY: Final = re.compile(rf"[DR][0-9]{{2}}|{Territory.COUNTRY.value}")
#: What people write for a territory, and no identifier is.
_NEARLY: Final = re.compile(rf"[DR]?0?({'|'.join(DEPARTMENTS)})|R?11|FRANCE", re.IGNORECASE)


def parts_of(text: str) -> list[str]:
    """Return the parts of an answer that is a list, each once."""
    return list(dict.fromkeys(part for part in _SEPARATORS.split(text) if part))


def share_question(types: Sequence[str]) -> str:
    """Return the question which share of some facts is owned: territories where they can be."""
    facts = _facts(types)
    examples = {fact.KEY: _example(fact) for fact in facts}
    identifiers = " or ".join(f"{key}, as {example}" for key, example in examples.items())
    ways = f"all, none, or identifiers ({identifiers}; * for any characters)"
    if _have_territories(facts):
        ways = ways.replace("none, or", "none, territories (D77), or")
    return f"Of these, what its word alone counts for: {ways}"


def shares_of(text: str, types: Sequence[str]) -> list[Any]:
    """Return what `owns` declares: the types themselves, or a share of them."""
    parts = parts_of(text)
    if parts == [EVERYTHING]:
        return [*types]
    if parts == [NOTHING]:
        return []
    territories = [part for part in parts if _TERRITORY.fullmatch(part)]
    entities = [part for part in parts if not _TERRITORY.fullmatch(part)]
    named = {"territories": territories, "entities": entities}
    return [{"types": [*types], name: ones} for name, ones in named.items() if ones]


def wrong_identifiers(text: str, types: Sequence[str]) -> Iterator[Diagnostic]:
    """Yield the parts of an answer that name no entity of any of the facts.

    A pattern may name some that are not there yet, so what has a `*` is not checked.
    """
    facts = _facts(types)
    for part in parts_of(text):
        if part in (EVERYTHING, NOTHING) or "*" in part or _TERRITORY.fullmatch(part):
            continue
        if _NEARLY.fullmatch(part) or not any(_is_entity(part, fact) for fact in facts):
            remedy = f"write one as {_example(facts[0])}"
            if _have_territories(facts):
                remedy += ", or a territory as D77"
            yield Diagnostic(("owns",), f"is no {facts[0].KEY}", part, remedy)


def _facts(types: Sequence[str]) -> list[type[Fact]]:
    return [FACTS[kind] for pattern in types for kind in types_of(pattern)]


def _have_territories(facts: Sequence[type[Fact]]) -> bool:
    return all(fact.WITHIN is not None for fact in facts)


def _example(fact: type[Fact]) -> str:
    data = schema_of(fact)["examples"][0]["data"]
    return entity_key(*(str(data[name]) for name in fact.key_fields()))


def _is_entity(text: str, fact: type[Fact]) -> bool:
    names = fact.key_fields()
    values = text.split("/", maxsplit=len(fact.FURTHER_KEYS))
    if len(values) < len(names):
        return False
    try:
        for name, value in zip(names, values, strict=True):
            field = fact.model_fields[name]
            # Without a rule of its own a type is its own annotation, which Annotated does not take.
            kind: Any = field.annotation
            for rule in field.metadata:
                kind = Annotated[kind, rule]
            TypeAdapter(kind).validate_strings(value)
    except ValidationError:
        return False
    return True
