"""References of facts to entities of other families and to lists, and those to unknown ones."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict

from boundary.diagnostic import shown
from boundary.errors import SmartRegionError
from events.communes import COMMUNES, MERGED_INTO
from events.dead_letters import RecordOrigin
from events.registry import FACTS_BY_NAME
from operations.scorecards.classification import AcceptedRecord, ClassifiedRecord, RefusedRecord
from streams.state import Cell, cell_of, newest

_Key = TypeVar("_Key", bound=Hashable)


class ReportModel(BaseModel):
    """A part of a report."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ReferenceKind(StrEnum):
    """The kind of thing that a reference names."""

    SCHOOL = "school"
    SITE = "site"
    DATASET = "dataset"
    GRANT = "grant"
    SIRET = "siret"
    COMMUNE = "commune"


@dataclass(frozen=True, slots=True)
class Reference:
    """A field of facts that names something, and the fact that declares it; None: a list does."""

    kind: ReferenceKind
    field: str
    declared_by: str | None = None
    form: str | None = None
    """The form of the values of refused records that are shown: others may be anything."""

    @property
    def facts(self) -> frozenset[str]:
        """The facts that have the field, but the one that declares it."""
        having = {name for name, fact in FACTS_BY_NAME.items() if self.field in fact.model_fields}
        return frozenset(having - {self.declared_by})


_SIRET: Final = re.compile(r"[0-9]{14}")
_FIRST_CELL: Final = re.compile(r"[;,\t]")
_INSEE: Final = r"[0-9][0-9AB][0-9]{3}"

REFERENCES: Final = (
    Reference(ReferenceKind.SCHOOL, "uai", "school.registered", form=r"[0-9]{7}[A-Z]"),
    Reference(ReferenceKind.SITE, "site_id", "coworking.opened"),
    Reference(ReferenceKind.DATASET, "dataset_id", "dataset.released"),
    Reference(ReferenceKind.GRANT, "grant_id", "grant.committed"),
    Reference(ReferenceKind.SIRET, "siret", form=r"[0-9]{14}"),
    Reference(ReferenceKind.COMMUNE, "commune", form=_INSEE),
    Reference(ReferenceKind.COMMUNE, "insee", form=_INSEE),
)
"""Without enrolments: these are persons under pseudonyms, which no other fact names."""

_REFERENCES_OF: Final[Mapping[str, tuple[Reference, ...]]] = MappingProxyType(
    {fact: tuple(one for one in REFERENCES if fact in one.facts) for fact in FACTS_BY_NAME}
)
_DECLARING: Final = frozenset(one.declared_by for one in REFERENCES if one.declared_by is not None)
_BY_PATH: Final = MappingProxyType({f"data.{one.field}": one for one in REFERENCES})
_KNOWN_COMMUNES: Final = frozenset(chain(*COMMUNES.values(), MERGED_INTO))


class Checked(ReportModel):
    """The number of facts with a reference of a kind, and of those to something unknown."""

    kind: ReferenceKind
    named: int
    unknown: int


class Dangling(ReportModel):
    """Facts of one producer with the same unknown reference; `example` is the origin of one.

    `fact` is None for records that were refused because of it: they count in no figure. `value` is
    None where a refused record's value has not the form of its kind.
    """

    kind: ReferenceKind
    producer: str
    fact: str | None
    field: str
    value: str | None
    count: int
    example: str


class Reconciliation(ReportModel):
    """All unknown references, and the kinds that were not checked for want of a list."""

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
    """The references of classified records, added in any order; corrections count as in figures."""

    def __init__(self) -> None:
        self._claims: dict[_CellKey, _Claim] = {}
        self._refused: dict[tuple[Reference, str, str | None], _Found] = {}

    def add(self, producer: str, record: ClassifiedRecord) -> None:
        """Add a record of a producer."""
        if isinstance(record, RefusedRecord):
            self._refuse(producer, record)
        elif _REFERENCES_OF.get(record.event.fact.NAME) or record.event.fact.NAME in _DECLARING:
            self._claim(producer, record)

    def reconcile(
        self, sirets: Collection[str] | None = None, *, only: str | None = None
    ) -> Reconciliation:
        """Return the unknown references; with `only`, those of one producer.

        `sirets` are those of known organisations. Without them grants' SIRETs are not checked: a
        well-formed one may be anybody's.
        """
        known: dict[ReferenceKind, Collection[str]] = {
            ReferenceKind.COMMUNE: _KNOWN_COMMUNES,
            **({} if sirets is None else {ReferenceKind.SIRET: sirets}),
            **{one.kind: self._declared(one.declared_by) for one in REFERENCES if one.declared_by},
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
        """Yield each reference in force: its fact, its record, and the value."""
        for (fact, _, _), claim in self._claims.items():
            if claim.cell.attributes is not None and only in (None, claim.producer):
                for reference in _REFERENCES_OF.get(fact, ()):
                    yield reference, fact, claim, claim.cell.attributes[reference.field]

    def _claim(self, producer: str, record: AcceptedRecord) -> None:
        fact = record.event.fact
        key = (fact.NAME, fact.entity_id, fact.effective_day.toordinal())
        claim = _Claim(cell_of(record.event), record.origin, producer)
        held = self._claims.get(key)
        if held is None or _wins(claim, held):
            self._claims[key] = claim

    def _refuse(self, producer: str, record: RefusedRecord) -> None:
        reference = _BY_PATH.get(record.field)
        if reference is None:
            return
        value = record.value if isinstance(record.value, str) else ""
        formed = value if reference.form and re.fullmatch(reference.form, value) else None
        _note(self._refused, (reference, producer, formed), record.origin)

    def _declared(self, fact: str) -> frozenset[str]:
        """Return the entities that a fact declares, on any day."""
        return frozenset(
            entity
            for (name, entity, _), claim in self._claims.items()
            if name == fact and claim.cell.attributes is not None
        )


def _wins(claim: _Claim, held: _Claim) -> bool:
    if claim.cell == held.cell:  # A duplicate record: the first origin is shown.
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
    """Return the sort key of a line: kind and producer, then the most frequent first."""
    kinds = list(ReferenceKind)
    rank = (kinds.index(line.kind), line.producer, -line.count)
    return (*rank, line.fact or "", line.field, line.value or "")


def _checked(
    kind: ReferenceKind, named: Counter[ReferenceKind], dangling: Iterable[Dangling]
) -> Checked:
    unknown = sum(one.count for one in dangling if one.kind is kind and one.fact is not None)
    return Checked(kind=kind, named=named[kind], unknown=unknown)


def read_sirets(file: Path) -> frozenset[str]:
    """Return the SIRETs of a file: one begins each line, alone or before other columns.

    Spaces, quotes, empty lines, and a first line of headings are ignored. Raises SmartRegionError.
    """
    try:
        lines = file.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    except OSError as error:
        raise SmartRegionError(
            f"{file}: cannot be read ({error.strerror}): check its name and its rights"
        ) from error
    found: set[str] = set()
    for number, line in enumerate(lines, 1):
        cell = re.sub(r"[\s\"']", "", _FIRST_CELL.split(line, maxsplit=1)[0])
        if _SIRET.fullmatch(cell):
            found.add(cell)
        elif cell and number > 1:
            raise SmartRegionError(
                f"{file}:{number}: is not a SIRET, value {shown(cell)}: begin each line with 14"
                " digits"
            )
    return frozenset(found)
