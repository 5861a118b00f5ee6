"""Lines of PILOTE's import format."""

import csv
import re
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given

from boundary.diagnostic import Diagnostic
from events.observation import IndicatorObserved, Territory
from sources.importing.catalogue_changes import CatalogueChanges
from sources.importing.event_building import Finding, FoundEvent, LineOrigin, SkippedLine
from sources.importing.pilote import (
    COLUMNS,
    OTHER_TERRITORIES,
    PiloteReader,
    PiloteValue,
    ValueKind,
    pilote_text,
    read_value,
)
from sources.importing.table import CsvRow, open_table
from tests.support.barometer import pilote_values
from tests.support.golden import check_golden
from tests.support.tables import RECORDED, write_file

HEADING = ";".join(COLUMNS)
LINE = ("IND-042", "D77", "2023-12-31", "va", "71,5")


class Promises(CatalogueChanges):
    def __init__(self) -> None:
        self.taken: list[PiloteValue] = []

    def take(self, value: PiloteValue, origin: LineOrigin, time: datetime) -> None:  # noqa: ARG002
        self.taken.append(value)

    def rest(self) -> Iterator[Finding]:
        yield SkippedLine(2, "kept")


def read_line(**cells: str) -> PiloteValue | SkippedLine | list[Diagnostic]:
    """Read the usual line with other cells."""
    line = {**dict(zip(COLUMNS, LINE, strict=True)), **cells}
    return read_value(LineOrigin("va.csv", 2, line, {}))


def read_file(folder: Path, *lines: str) -> list[Finding]:
    reader = PiloteReader(Promises())
    table = open_table(write_file(folder, "\n".join((HEADING, *lines))), reader.layout)
    return list(reader.read(table, RECORDED))


def facts(findings: list[Finding]) -> list[IndicatorObserved]:
    found = [finding.event.fact for finding in findings if isinstance(finding, FoundEvent)]
    assert len(found) == len(findings), findings
    return [fact for fact in found if isinstance(fact, IndicatorObserved)]


WRONG = {
    "zone_id": ("77", "75", "11", "01", "DEPT-95", "NAT-FR", "", "Mars"),
    "identifiant_indic": ("IND-42", "IND-000", "IND-0042", ""),
    "type_valeur": ("vb", ""),
    "date_valeur": (
        *("12/31/2023", "31-01-23", "2023-02-30", "30/02/23", "0-1-23", "31-1-2023"),
        *("2009-12-31", "2024-03-03"),
    ),
    "valeur": ("71,5 %", "1000000001"),
}


def test_a_wrong_cell_is_refused(tmp_path: Path) -> None:
    """The golden file has the refusal of each cell in WRONG, and those of a line of them."""
    lines = []
    for column, cells in (*WRONG.items(), ("all", ("?",))):
        for cell in cells:
            wrong = dict.fromkeys(COLUMNS if column == "all" else (column,), cell)
            line = {**dict(zip(COLUMNS, LINE, strict=True)), **wrong}
            found = read_file(tmp_path, ";".join(line.values()))
            lines += [str(one).rpartition("file.csv:")[2] for one in found]
    check_golden(Path(__file__).with_name("pilote.txt"), "\n".join((*lines, "")))


@pytest.mark.parametrize("zone", ["D01", "D2A", "D976", "R84", "r93"])
def test_another_territory_is_left_aside(zone: str) -> None:
    """Whatever else the line says: a national file is mostly not about us."""
    assert read_line(zone_id=zone, valeur="?") == SkippedLine(2, OTHER_TERRITORIES)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2023-1-31", date(2023, 1, 31)),
        ("2023-01-5", date(2023, 1, 5)),
        ("1/2/2023", date(2023, 2, 1)),
        ("31/1/23", date(2023, 1, 31)),
        ("01-31-23", date(2023, 1, 31)),
        ("1-5-23", date(2023, 1, 5)),
    ],
)
def test_every_form_of_a_day_that_pilote_takes_is_read(text: str, day: date) -> None:
    """Without zeros, with a short year, and as Excel turns them: month, day, year."""
    read = read_line(date_valeur=text)
    assert isinstance(read, PiloteValue)
    assert read.day == day


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,2345678", "1.234568"),
        ("-0,0000005", "-0.000001"),
        ("1,23456700", "1.234567"),
        ("71,4285714285714285714285714285714285714", "71.428571"),
    ],
)
def test_further_decimals_are_rounded(tmp_path: Path, text: str, value: str) -> None:
    """As a spreadsheet computes them."""
    (fact,) = facts(read_file(tmp_path, f"IND-042;D77;2023-12-31;va;{text}"))
    assert fact.value == Decimal(value)


def test_current_values_are_observations_and_others_handed_on(tmp_path: Path) -> None:
    """An empty one is a retraction. As in PILOTE's own template, a zone may have its name."""
    lines = (
        "identifiant_indic;zone_id;zone_nom;date_valeur;type_valeur;valeur",
        "IND-042;R11;x;2020-01-01;VI;10",
        "IND-042;D77;x;2023-12-31;va;71,5",
        "IND-042;R11;x;31/12/2025;vc;90",
        "IND-042;D77;x;2023-12-30;va;",
    )
    promises = Promises()
    reader = PiloteReader(promises)
    table = open_table(write_file(tmp_path, "\n".join(lines)), reader.layout)
    found, retraction = facts([*reader.read(table, RECORDED)])
    assert found == IndicatorObserved(
        indicator="IND-042",
        territory=Territory("D77"),
        observed_on=date(2023, 12, 31),
        value=Decimal("71.5"),
    )
    assert (retraction.retracted, retraction.entity_id) == (True, "IND-042/D77")
    assert [value.kind for value in promises.taken] == [ValueKind.INITIAL, ValueKind.TARGET]
    assert list(reader.rest()) == [SkippedLine(2, "kept")]


# What public/schema/sans-contraintes.json of github.com/DITP-pilotage/pilote-2 (2023-02-17, 0.0.1)
# asks of each column, in this order.
SCHEMA = {
    "identifiant_indic": r"IND-([0-9]{3,4})",
    "zone_id": r"(D([02][1-9]|2[AB]|[1345678][0-9]|9[012345]|97[12346])"
    r"|(R(0[12346]|11|2[478]|32|44|5[23]|7[56]|84|9[34]))|FRANCE|France)",
    "date_valeur": r"20[0-9]{2}-(0?[0-9]|1[012])-([0-2]?[0-9]|3[01])",
    "type_valeur": r"vi|va|vc|VI|VA|VC",
    "valeur": r"|-?[0-9]+(\.[0-9]+)?",
}


@given(pilote_values())
def test_what_is_written_is_valid_for_pilote_s_own_schema(values: list[PiloteValue]) -> None:
    heading, *rows = csv.reader(pilote_text(values).splitlines(), delimiter=";")
    assert heading == list(SCHEMA)
    for row in rows:
        assert [
            name
            for (name, pattern), cell in zip(SCHEMA.items(), row, strict=True)
            if not re.fullmatch(pattern, cell)
        ] == []
    assert len({tuple(row[:-1]) for row in rows}) == len(rows)


@given(pilote_values())
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, values: list[PiloteValue]
) -> None:
    file = write_file(tmp_path_factory.mktemp("pilote"), pilote_text(values))
    rows = list(open_table(file, PiloteReader(Promises()).layout).rows())
    read = [
        read_value(LineOrigin("va.csv", row.line, row.cells, {}))
        for row in rows
        if isinstance(row, CsvRow)
    ]
    assert len(read) == len(rows)
    assert read == sorted(values, key=lambda value: value.key)
