"""References across families: what facts name that nobody ever told of."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from types import MappingProxyType
from typing import Final, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict

from events.communes import COMMUNES
from events.dead_letters import RecordOrigin
from operations.scorecards.sightings import AcceptedRecord, RefusedRecord, Sighting
from streams.state import Cell, cell_of, newest

__all__ = [
    "REFERENCES",
    "Checked",
    "Dangling",
    "Reconciliation",
    "Reference",
    "ReferenceKind",
    "References",
    "ReportModel",
]

_Key = TypeVar("_Key", bound=Hashable)


class ReportModel(BaseModel):
    """A part of a report."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ReferenceKind(StrEnum):
    """What is named."""

    SCHOOL = "school"
    SITE = "site"
    DATASET = "dataset"
    GRANT = "grant"
    SIRET = "siret"
    COMMUNE = "commune"


@dataclass(frozen=True, slots=True)
class Reference:
    """A field by which facts name something, and the fact that tells of it; None: a list does."""

    kind: ReferenceKind
    field: str
    facts: frozenset[str]
    told_by: str | None = None
    form: str | None = None
    """What a value looks like that may be shown of a refused record, which may hold anything."""


_INSEE: Final = r"[0-9][0-9AB][0-9]{3}"

REFERENCES: Final = (
    Reference(
        ReferenceKind.SCHOOL,
        "uai",
        frozenset(
            {
                "equipment.delivered",
                "school.connected",
                "school.disconnected",
                "school.workspace_activated",
                "school.closed",
            }
        ),
        told_by="school.registered",
        form=r"[0-9]{7}[A-Z]",
    ),
    Reference(
        ReferenceKind.SITE,
        "site_id",
        frozenset({"workstation.usage_reported", "coworking.resized", "coworking.closed"}),
        told_by="coworking.opened",
    ),
    Reference(
        ReferenceKind.DATASET,
        "dataset_id",
        frozenset({"dataset.updated", "dataset.withdrawn"}),
        told_by="dataset.released",
    ),
    Reference(
        ReferenceKind.GRANT, "grant_id", frozenset({"grant.paid"}), told_by="grant.committed"
    ),
    Reference(
        ReferenceKind.SIRET,
        "siret",
        frozenset({"grant.committed", "grant.paid"}),
        form=r"[0-9]{14}",
    ),
    Reference(
        ReferenceKind.COMMUNE,
        "commune",
        frozenset({"school.registered", "coworking.opened"}),
        form=_INSEE,
    ),
    Reference(
        ReferenceKind.COMMUNE,
        "insee",
        frozenset({"broadband.coverage_reported"}),
        form=_INSEE,
    ),
)
"""Enrolments are left out: they are persons, under pseudonyms, and nothing else names them."""

_REFERENCES_OF: Final[Mapping[str, tuple[Reference, ...]]] = MappingProxyType(
    {
        fact: tuple(one for one in REFERENCES if fact in one.facts)
        for fact in chain.from_iterable(one.facts for one in REFERENCES)
    }
)
_TELLING: Final = frozenset(one.told_by for one in REFERENCES if one.told_by is not None)
_BY_PATH: Final = MappingProxyType({f"data.{one.field}": one for one in REFERENCES})
_KNOWN_COMMUNES: Final = frozenset(chain.from_iterable(COMMUNES.values()))


class Checked(ReportModel):
    """How many facts name something of a kind, and how many of them something unknown."""

    kind: ReferenceKind
    named: int
    unknown: int


class Dangling(ReportModel):
    """Facts of one producer that name the same unknown thing; an example says where one is.

    `fact` is None for records that were refused because of it: they count in no figure. `value` is
    None where a refused record holds what does not look like what it should be.
    """

    kind: ReferenceKind
    producer: str
    fact: str | None
    field: str
    value: str | None
    count: int
    example: str


class Reconciliation(ReportModel):
    """All references that lead nowhere, and what was not looked at for want of a list."""

    checked: tuple[Checked, ...]
    unchecked: tuple[ReferenceKind, ...]
    dangling: tuple[Dangling, ...]


class _Claim(NamedTuple):
    cell: Cell
    origin: RecordOrigin
    producer: str


@dataclass(slots=True)
class _Found:
    count: int
    example: RecordOrigin


_CellKey = tuple[str, str, int]
"""A fact's name, its entity, and its effective day."""


class References:
    """A fold over what was seen, in any order; corrections and retractions count as in figures."""

    def __init__(self) -> None:
        self._claims: dict[_CellKey, _Claim] = {}
        self._refused: dict[tuple[Reference, str, str | None], _Found] = {}

    def add(self, producer: str, sighting: Sighting) -> None:
        """Take in what was seen of a producer."""
        if isinstance(sighting, RefusedRecord):
            self._refuse(producer, sighting)
        elif sighting.event.fact.NAME in _REFERENCES_OF or sighting.event.fact.NAME in _TELLING:
            self._claim(producer, sighting)

    def reconcile(
        self, sirets: Collection[str] | None = None, *, only: str | None = None
    ) -> Reconciliation:
        """Tell what is named and not known; `only` by one producer, whoever tells of it.

        `sirets` are those of known organisations. Without them grants' SIRETs are not checked: one
        that passes its own check may be anybody's.
        """
        known: dict[ReferenceKind, Collection[str]] = {
            ReferenceKind.COMMUNE: _KNOWN_COMMUNES,
            **({} if sirets is None else {ReferenceKind.SIRET: sirets}),
            **{one.kind: self._told(one.told_by) for one in REFERENCES if one.told_by},
        }
        named: Counter[ReferenceKind] = Counter()
        unknown: dict[tuple[Reference, str, str | None, str | None], _Found] = {}
        for reference, fact, claim, value in self._naming(only):
            named[reference.kind] += 1
            if value not in known.get(reference.kind, (value,)):
                _note(unknown, (reference, claim.producer, fact, value), claim.origin)
        refused = {
            (reference, producer, None, value): found
            for (reference, producer, value), found in self._refused.items()
            if only in (None, producer)
        }
        lines = (_line(*key, found) for key, found in [*unknown.items(), *refused.items()])
        dangling = sorted(lines, key=_rank)
        return Reconciliation(
            checked=tuple(
                _checked(kind, named, dangling) for kind in ReferenceKind if kind in known
            ),
            unchecked=tuple(kind for kind in ReferenceKind if kind not in known),
            dangling=tuple(dangling),
        )

    def _naming(self, only: str | None) -> Iterator[tuple[Reference, str, _Claim, str]]:
        """Yield each reference that holds: by which fact, whose record, and what it names."""
        for (fact, _, _), claim in self._claims.items():
            if claim.cell.attributes is not None and only in (None, claim.producer):
                for reference in _REFERENCES_OF.get(fact, ()):
                    yield reference, fact, claim, claim.cell.attributes[reference.field]

    def _claim(self, producer: str, sighting: AcceptedRecord) -> None:
        fact = sighting.event.fact
        key = (fact.NAME, fact.entity_id, fact.effective_day.toordinal())
        claim = _Claim(cell_of(sighting.event), sighting.origin, producer)
        held = self._claims.get(key)
        if held is None or _wins(claim, held):
            self._claims[key] = claim

    def _refuse(self, producer: str, sighting: RefusedRecord) -> None:
        reference = _BY_PATH.get(sighting.field)
        if reference is None:
            return
        value = sighting.value if isinstance(sighting.value, str) else ""
        shown = value if reference.form and re.fullmatch(reference.form, value) else None
        _note(self._refused, (reference, producer, shown), sighting.origin)

    def _told(self, fact: str) -> frozenset[str]:
        """The entities that a fact tells of, on whatever day."""
        return frozenset(
            entity
            for (name, entity, _), claim in self._claims.items()
            if name == fact and claim.cell.attributes is not None
        )


def _wins(claim: _Claim, held: _Claim) -> bool:
    if claim.cell == held.cell:  # The same record twice: the first place it is at is shown.
        return claim.origin < held.origin
    return newest(held.cell, claim.cell) is claim.cell


def _note(found: dict[_Key, _Found], key: _Key, origin: RecordOrigin) -> None:
    known = found.setdefault(key, _Found(0, origin))
    known.count += 1
    known.example = min(known.example, origin)


def _line(
    reference: Reference, producer: str, fact: str | None, value: str | None, found: _Found
) -> Dangling:
    return Dangling(
        kind=reference.kind,
        producer=producer,
        fact=fact,
        field=f"data.{reference.field}",
        value=value,
        count=found.count,
        example=str(found.example),
    )


def _rank(line: Dangling) -> tuple[object, ...]:
    """Order lines by kind and producer, the most frequent first."""
    kinds = list(ReferenceKind)
    place = (kinds.index(line.kind), line.producer, -line.count)
    return (*place, line.fact or "", line.field, line.value or "")


def _checked(
    kind: ReferenceKind, named: Counter[ReferenceKind], dangling: Iterable[Dangling]
) -> Checked:
    unknown = sum(one.count for one in dangling if one.kind is kind and one.fact is not None)
    return Checked(kind=kind, named=named[kind], unknown=unknown)
