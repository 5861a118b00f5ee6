"""References of facts to entities of other families and to lists, and those to unknown ones."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict

from boundary.diagnostic import shown
from boundary.errors import SmartRegionError
from events.communes import COMMUNES, MERGED_INTO
from events.dead_letters import RecordOrigin
from events.registry import FACTS_BY_NAME


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


def shown_value(field: str, value: object) -> str | None:
    """Return the value of a refused field where it has the form of a reference; else None."""
    reference = next((one for one in REFERENCES if field == f"data.{one.field}"), None)
    form = None if reference is None else reference.form
    shown = isinstance(value, str) and form is not None and re.fullmatch(form, value)
    return str(value) if shown else None


def reconcile(
    records: sqlite3.Connection,
    sirets: Collection[str] | None = None,
    *,
    only: str | None = None,
) -> Reconciliation:
    """Return the unknown references among records; with `only`, those of one producer.

    `sirets` are those of known organisations. Without them grants' SIRETs are not checked: a
    well-formed one may be anybody's. Nor are communes where the territory's file declares none.
    """
    listed: dict[ReferenceKind, set[str]] = {}
    if any(COMMUNES.values()):
        listed[ReferenceKind.COMMUNE] = {*chain(*COMMUNES.values(), MERGED_INTO)}
    if sirets is not None:
        listed[ReferenceKind.SIRET] = {*sirets}
    checked = {*listed, *(one.kind for one in REFERENCES if one.declared_by is not None)}
    script = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    records.executescript(script)
    records.executemany(
        "INSERT INTO reference VALUES (?, ?, ?, ?)",
        [
            (one.kind, one.field, fact, one.kind in checked)
            for one in REFERENCES
            for fact in one.facts
        ],
    )
    records.executemany(
        "INSERT OR IGNORE INTO known VALUES (?, ?)",
        [(kind, value) for kind, values in listed.items() for value in values],
    )
    for one in REFERENCES:
        records.execute(
            "INSERT OR IGNORE INTO known SELECT ?, entity FROM claim WHERE fact = ?",
            (one.kind, one.declared_by),
        )
    lines = [
        Dangling(
            **{name: row[name] for name in ("kind", "producer", "fact", "value", "count")},
            field=f"data.{row['field']}",
            example=str(RecordOrigin(row["topic"], row["partition"], row["offset"])),
        )
        for row in records.execute("SELECT * FROM dangling")
        if only in (None, row["producer"])
    ]
    kinds = list(ReferenceKind)
    lines.sort(key=lambda one: kinds.index(one.kind))
    naming = records.execute("SELECT kind, producer FROM naming")
    named = Counter(kind for kind, producer in naming if only in (None, producer))
    unknown = Counter[str]()
    for line in lines:
        unknown[line.kind] += 0 if line.fact is None else line.count
    return Reconciliation(
        checked=tuple(
            Checked(kind=kind, named=named[kind], unknown=unknown[kind])
            for kind in kinds
            if kind in checked
        ),
        unchecked=tuple(kind for kind in kinds if kind not in checked),
        dangling=tuple(lines),
    )


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
