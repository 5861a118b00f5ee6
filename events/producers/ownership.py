"""Ownership: which producer reports which entities of a fact; events of others are refused.

It depends only on the fact, entity and source of one event, so that every reader of a record
decides the same, in any order.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache
from typing import Annotated, Final, NamedTuple, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from boundary.diagnostic import Diagnostic, choose
from events.cloudevent import CloudEvent
from events.declaration import invalid, invalid_model
from events.errors import ContractError, RefusalReason
from events.fact import Family
from events.observation import Territory
from events.registry import FACTS, FACTS_BY_NAME, facts_of

MONITOR: Final = "/smart-region"
"""The source of this program's own events; no producer may declare it."""
ERASURE: Final = f"{MONITOR}/erasure"
"""The source of retractions before an erasure, for facts of any owner."""

_OF_PERSONS: Final = frozenset(fact.NAME for fact in facts_of(Family.TRAININGS))

MOST_ENTITIES: Final = 1_000
#: The time to match a pattern is exponential in its stars.
MOST_STARS: Final = 2
#: Patterns are compared with each other when they are read, and with the entity of each event.
MOST_PATTERNS: Final = 200
#: The bound of the cache: producers choose their own sources.
SOURCES_KNOWN: Final = 4_096

_ANY: Final = "*"
_ENTITIES: Final = re.compile(r"[A-Za-z0-9._:/*-]{1,128}")


def types_of(pattern: str) -> Iterator[str]:
    """Yield the CloudEvents types of a pattern: `school.*`, `school.closed`, or a type."""
    if pattern in FACTS:
        yield pattern
        return
    # A fact's name matches all of its versions, which may be sent at the same time.
    for kind, fact in FACTS.items():
        if pattern == fact.NAME or (
            pattern.endswith(".*") and fact.NAME.startswith(pattern.removesuffix("*"))
        ):
            yield kind


def _known_types(pattern: str) -> str:
    if not any(types_of(pattern)):
        subjects = sorted({f"{name.partition('.')[0]}.*" for name in FACTS_BY_NAME})
        raise invalid("is no event", pattern, choose(pattern, [*subjects, *FACTS_BY_NAME]))
    return pattern


FactPattern = Annotated[str, AfterValidator(_known_types)]


def _entities(pattern: str) -> str:
    if not _ENTITIES.fullmatch(pattern):
        remedy = "write an identifier; * stands for any characters, as in ARCEP-*"
        raise invalid("is no identifier of entities", pattern, remedy)
    if not pattern.strip(_ANY):
        raise invalid("stands for every entity", pattern, "leave entities out to own them all")
    if pattern.count(_ANY) > MOST_STARS:
        raise invalid("has too many *", pattern, f"write at most {MOST_STARS}")
    return pattern


class Share(BaseModel):
    """A producer's share of some facts: all entities, or only named ones."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    types: Annotated[tuple[FactPattern, ...], Field(min_length=1)]
    """The facts, as in a producer's `types`."""
    entities: Annotated[
        tuple[Annotated[str, AfterValidator(_entities)], ...], Field(max_length=MOST_ENTITIES)
    ] = ()
    """Identifiers of entities, `*` for any characters; none: all that no other producer names."""
    territories: tuple[Annotated[Territory, Field(strict=False)], ...] = ()
    """Instead of entities: `D77`, `R11`…, for facts whose identifier contains the territory."""

    @model_validator(mode="after")
    def _names_entities_in_one_way(self) -> Self:
        if not self.territories:
            return self
        found = []
        if self.entities:
            remedy = "name the one or the other, in a share each"
            found.append(Diagnostic(("territories",), "are named beside entities", None, remedy))
        found += [
            Diagnostic(
                ("territories", index),
                f"cannot be derived from the identifier of {fact}",
                territory.value,
                "name entities instead",
            )
            for fact in self.facts
            for index, territory in enumerate(self.territories)
            if FACTS_BY_NAME[fact].entities_in(territory.value) is None
        ]
        if found:
            raise invalid_model(Share, found)
        return self

    @cached_property
    def facts(self) -> tuple[str, ...]:
        """The names of the facts: an owner owns all versions of a fact."""
        kinds = [kind for pattern in self.types for kind in types_of(pattern)]
        return tuple(dict.fromkeys(FACTS[kind].NAME for kind in kinds))

    def patterns(self, fact: str) -> tuple[str, ...]:
        """Return the entities of a fact; if empty, all that no other producer names."""
        within = (FACTS_BY_NAME[fact].entities_in(one.value) for one in self.territories)
        return (*self.entities, *(one for one in within if one is not None))


def _from_pattern(share: object) -> object:
    return {"types": (share,)} if isinstance(share, str) else share


OwnShare = Annotated[Share, BeforeValidator(_from_pattern)]
"""A share as declared: `school.*` alone is the share of all entities."""


class OwnershipClaim(NamedTuple):
    """The ownership of a fact's entities by a producer; without a pattern, all unnamed ones."""

    fact: str
    pattern: str | None
    producer: str
    path: tuple[str | int, ...]
    """The path of its declaration."""


def shared_claims(claims: Iterable[OwnershipClaim]) -> Iterator[Diagnostic]:
    """Yield the claims that another producer already has: an entity has one owner."""
    known: dict[str, _Claims] = {}
    for claim in claims:
        before = known.setdefault(claim.fact, _Claims())
        if len(before.patterns) > MOST_PATTERNS:
            continue
        if _ANY in (claim.pattern or "") and len(before.patterns) == MOST_PATTERNS:
            problem = f"is one of more than {MOST_PATTERNS} patterns of {claim.fact}"
            remedy = "name the entities themselves, or fewer patterns"
            yield Diagnostic(claim.path, problem, claim.pattern, remedy)
        others = (one for one in before.overlapping(claim) if one.producer != claim.producer)
        if (other := next(others, None)) is not None:
            whose = f"{other.producer} owns {other.pattern or 'all'} of {claim.fact}"
            remedy = f"leave it to one of them ({whose}), or name the entities of each"
            value = claim.pattern or claim.fact
            yield Diagnostic(claim.path, "is another producer's own", value, remedy)
        before.add(claim)


@dataclass(slots=True)
class _Claims:
    """The claims of one fact's entities, which may be thousands of single ones."""

    rest: OwnershipClaim | None = None
    single: dict[str, OwnershipClaim] = field(default_factory=dict)
    patterns: list[OwnershipClaim] = field(default_factory=list)

    def add(self, claim: OwnershipClaim) -> None:
        if claim.pattern is None:
            self.rest = self.rest or claim
        elif _ANY in claim.pattern:
            self.patterns.append(claim)
        else:
            self.single.setdefault(claim.pattern, claim)

    def overlapping(self, claim: OwnershipClaim) -> Iterator[OwnershipClaim]:
        """Yield the claims that may have an entity in common with another one."""
        if claim.pattern is None:  # A claim of all unnamed entities overlaps with no named one.
            if self.rest is not None:
                yield self.rest
            return
        is_pattern = _ANY in claim.pattern
        same = self.single.get(claim.pattern)
        yield from (one for one in self.patterns if _overlap(claim.pattern, one.pattern or ""))
        for one in self.single.values() if is_pattern else (same,):
            if one is not None and _overlap(claim.pattern, one.pattern or ""):
                yield one

    def owner(self, entity: str) -> str | None:
        """Return the id of the producer that owns an entity."""
        claim = self.single.get(entity) or next(
            (one for one in self.patterns if _matcher(one.pattern or "").fullmatch(entity)),
            self.rest,
        )
        return None if claim is None else claim.producer


def _overlap(one: str, other: str) -> bool:
    if _ANY not in one:
        return _matcher(other).fullmatch(one) is not None
    if _ANY not in other:
        return _matcher(one).fullmatch(other) is not None
    # Text between stars always fits: only the beginnings and ends must match.
    begin, end = one.partition(_ANY)[0], one.rpartition(_ANY)[2]
    begins, ends = other.partition(_ANY)[0], other.rpartition(_ANY)[2]
    return (begin.startswith(begins) or begins.startswith(begin)) and (
        end.endswith(ends) or ends.endswith(end)
    )


@cache
def _matcher(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\*", ".*"))


class Ownership:
    """The owners of facts. Every producer may report a fact without owner; the latest event counts.

    If a fact is owned, no producer may report an entity outside all shares. `claims` are disjoint,
    and `producer_of` maps a source to a producer id.
    """

    def __init__(
        self,
        claims: Iterable[OwnershipClaim] = (),
        producer_of: Callable[[str], str | None] = lambda _: None,
    ) -> None:
        self._claims: dict[str, _Claims] = {}
        for claim in claims:
            self._claims.setdefault(claim.fact, _Claims()).add(claim)
        self._producer_of = lru_cache(maxsize=SOURCES_KNOWN)(producer_of)
        # A batch has thousands of events and few sources.
        self._always_takes = lru_cache(maxsize=SOURCES_KNOWN)(self._always)

    def __bool__(self) -> bool:
        """Return False if no fact has an owner."""
        return bool(self._claims)

    def owns(self, fact: str) -> bool:
        """Return True if a fact has an owner, at least of some entities."""
        return fact in self._claims

    def owner(self, fact: str, entity: str) -> str | None:
        """Return the id of the producer that owns an entity of a fact; None without an owner."""
        claims = self._claims.get(fact)
        return None if claims is None else claims.owner(entity)

    def accepts_all(self, fact: str, source: str) -> bool:
        """Return True if a source may report every entity of a fact."""
        return self._always_takes(fact, source)

    def accepts(self, fact: str, entity: str, source: str, *, retracted: bool) -> bool:
        """Return True if a source may report an entity of a fact."""
        if self._always_takes(fact, source):
            return True
        producer = self._producer_of(source)
        if producer is not None and producer == self.owner(fact, entity):
            return True
        return retracted and source == ERASURE and fact in _OF_PERSONS

    def judge(self, event: CloudEvent) -> None:
        """Check that an event's source may report its entity. Raises ContractError."""
        fact, source = event.fact, event.source
        if self._always_takes(fact.NAME, source):
            return
        if not self.accepts(fact.NAME, fact.entity_id, source, retracted=fact.retracted):
            raise self.refusal(event)

    def refusal(self, event: CloudEvent) -> ContractError:
        """Return the error for another owner's event, without other producers or entities."""
        return ContractError(
            RefusalReason.NOT_OWNER,
            "source",
            event.source,
            "leave it to the owner, or have the declaration of producers say otherwise (`owns`)",
            problem=f"does not own {event.fact.NAME} of this entity",
        )

    def _always(self, fact: str, source: str) -> bool:
        """Return True if a source may report every entity of a fact."""
        claims = self._claims.get(fact)
        if claims is None:
            return True
        if claims.rest is None or claims.single or claims.patterns:
            return False  # It depends on the entity.
        return self._producer_of(source) == claims.rest.producer


UNOWNED: Final = Ownership()
"""An ownership without owners."""
