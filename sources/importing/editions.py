"""Editions of coverage by commune: a file that may count satellite is refused as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Final, TypeAlias

from boundary.diagnostic import Diagnostic
from events.broadband import BroadbandCoverageReported
from events.communes import ARRONDISSEMENTS, MERGED_INTO, counted_within_others
from events.identifiers import DEPARTMENTS
from sources.importing.conversions import ParsingError, read_whole
from sources.importing.event_building import (
    FileReader,
    Finding,
    FoundEvent,
    LineOrigin,
    SkippedLine,
    event_of_line,
)
from sources.importing.mapped import LEFT_OUT, MappedReader, Pseudonymise
from sources.importing.mapping import CsvMapping, EditionRule, fits, folded
from sources.importing.table import CsvRow, Table

ELSEWHERE: Final = "of other regions"
REFUSED: Final = "of a file that is refused as a whole"
HAS_MERGED: Final = (
    "added without a line, each to set a commune that merged to 0 premises: the file counts its"
    " premises in the commune that it is part of now"
)
OTHER_WAY: Final = (
    "added without a line, each to set an arrondissement, or a commune divided into them, to 0"
    " premises: the file counts its premises the other way"
)
WIRED_FILE: Final = "take the edition of wired networks (Arcep: commune_debit_filaire.csv)"
_Problem: TypeAlias = tuple[str, str, str]
"""A column, what is wrong with it, and what to do."""
_Edition: TypeAlias = dict[str, tuple[int, BroadbandCoverageReported]]
"""Commune → its line and its coverage, of one day."""


def reader_of(mapping: CsvMapping, *, pseudonymise: Pseudonymise | None = None) -> FileReader:
    """Return the reader of the files of a mapping. Raises SmartRegionError."""
    if mapping.edition is not None:
        return EditionReader(mapping, mapping.edition)
    return MappedReader(mapping, pseudonymise=pseudonymise)


class EditionReader(MappedReader):
    """Reads coverage by commune; a file that is not a wired edition is refused as a whole.

    A commune that an edition counts within another (it merged; as a whole, or by arrondissement) is
    reported with no premises on the edition's day: otherwise its last own report would be counted a
    second time for ever.
    """

    def __init__(self, mapping: CsvMapping, rule: EditionRule) -> None:
        super().__init__(mapping)
        self._rule = rule
        self._insee = mapping.fields["insee"].column or ""

    def read(self, table: Table, time: datetime) -> Iterator[Finding]:
        """Yield the findings, or the refusal of the whole file and its skipped lines."""
        found = [*super().read(table, time)]
        editions = _editions(found)
        refusal = self._refused_row(table) or self._refused_edition(table, editions)
        if refusal is None:
            yield from found
            yield from self._counted_within(table, editions, time)
            return
        yield refusal
        for one in found:
            if isinstance(one, Diagnostic):
                yield one
            elif one.line != refusal.line:
                yield one if isinstance(one, SkippedLine) else SkippedLine(one.line, REFUSED)

    def _why_left_out(self, row: CsvRow) -> str:
        code = row.cells.get(self._insee, "")
        return LEFT_OUT if code.startswith((*DEPARTMENTS,)) else ELSEWHERE

    def _refused_row(self, table: Table) -> Diagnostic | None:
        """Return the first row's refusal of the whole file."""
        for row in table.rows():
            if isinstance(row, CsvRow) and self._mapping.takes(row.cells):
                name = folded(Path(table.name).name)
                wrong = _other_networks(self._rule, row, name) or _not_cumulative(self._rule, row)
                if wrong is not None:
                    return LineOrigin(table.name, row.line, row.cells, {}).refusal(*wrong)
        return None

    def _refused_edition(
        self, table: Table, editions: Mapping[date, _Edition]
    ) -> Diagnostic | None:
        for day, edition in editions.items():
            inhabited = [(line, one) for line, one in edition.values() if one.premises]
            if inhabited and all(one.connectable_premises == one.premises for _, one in inhabited):
                problem = f"is all premises of each commune on {day}: satellite is counted"
                field = "connectable_premises"
                return self._refusal(table, inhabited[0], field, problem, WIRED_FILE)
            by_code = {one.insee: (line, one) for line, one in inhabited}
            for whole, arrondissements in ARRONDISSEMENTS.items():
                if whole in by_code and not by_code.keys().isdisjoint(arrondissements):
                    problem = f"is counted twice on {day}: as a whole, and by arrondissement"
                    remedy = "keep one of the two"
                    return self._refusal(table, by_code[whole], "insee", problem, remedy)
        return None

    def _refusal(
        self,
        table: Table,
        where: tuple[int, BroadbandCoverageReported],
        field: str,
        problem: str,
        remedy: str,
    ) -> Diagnostic:
        line, coverage = where
        column = self._mapping.fields[field].column or field
        value = getattr(coverage, field)
        return Diagnostic((), problem, value, remedy, field=column, file=table.name, line=line)

    def _counted_within(
        self, table: Table, editions: Mapping[date, _Edition], time: datetime
    ) -> Iterator[Finding]:
        for day, edition in editions.items():
            for former, successor in counted_within_others(edition.keys()):
                line, _ = edition[successor]
                found = event_of_line(
                    BroadbandCoverageReported,
                    {"insee": former, "as_of": day, "premises": 0, "connectable_premises": 0},
                    LineOrigin(table.name, line, {}, {}),
                    source=self._mapping.source,
                    time=time,
                )
                added = HAS_MERGED if former in MERGED_INTO else OTHER_WAY
                for one in found:
                    yield replace(one, added=added) if isinstance(one, FoundEvent) else one


def _editions(found: list[Finding]) -> dict[date, _Edition]:
    editions: dict[date, _Edition] = {}
    for one in found:
        if isinstance(one, FoundEvent) and isinstance(one.event.fact, BroadbandCoverageReported):
            coverage = one.event.fact
            editions.setdefault(coverage.as_of, {})[coverage.insee] = one.line, coverage
    return editions


def _other_networks(rule: EditionRule, row: CsvRow, name: str) -> _Problem | None:
    """Return why a row of the file of this name may count other than wired networks."""
    said = folded(row.cells[rule.networks])
    is_named = any(fits(name, folded(pattern)) for pattern in rule.named)
    if said in map(folded, rule.wired):
        return None
    if said not in map(folded, rule.unsaid):
        problem = "does not say that wired networks alone are counted, without satellite"
    elif not is_named:
        problem = f"leaves open whether satellite is counted, and so does the name {name}"
    else:
        return None
    remedy = WIRED_FILE
    if rule.named and not is_named:
        remedy += f", under a name like {' or '.join(rule.named)}"
    return rule.networks, problem, remedy


def _not_cumulative(rule: EditionRule, row: CsvRow) -> _Problem | None:
    """Return why a class of a row cannot exceed the slower one that includes it."""
    numbers = [_number(row.cells[name]) for name in rule.cumulative]
    for (wider, most), (narrower, least) in pairwise(zip(rule.cumulative, numbers, strict=True)):
        if most is not None and least is not None and least > most:
            remedy = "take a file of which each class includes the faster ones, as Arcep's do"
            return narrower, f"is more than {wider}, which includes it", remedy
    return None


def _number(text: str) -> int | None:
    """Return a whole number, or None."""
    try:
        return read_whole(text)
    except ParsingError:
        return None
