"""Tables as people save them."""

import csv
import io
import os
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import thread_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boundary.errors import SmartRegionError
from sources.importing.table import (
    CsvRow,
    TableLayout,
    open_table,
)
from tests.support.costs import grows_linearly
from tests.support.tables import read_rows, write_file

HEADING = "nom;debit\n"


def rows(folder: Path, text: str | bytes) -> list[tuple[str, ...] | str]:
    """Read a file of the two columns `nom` and `debit`."""
    return read_rows(write_file(folder, text), "nom", "debit")


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "cp1252"], ids=["UTF-8", "with a mark", "Windows-1252"]
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
def test_accents_survive_every_way_of_saving(tmp_path: Path, encoding: str, end: str) -> None:
    text = f"débit;nom{end}100;Lycée d’Étampes – n° 2{end}200;Évry{end}"
    file = write_file(tmp_path, text.encode(encoding))
    assert read_rows(file, "nom", "débit") == [("Lycée d’Étampes – n° 2", "100"), ("Évry", "200")]


ONE = [("Monod", "100")]
FILES: Mapping[str, tuple[str | bytes, Sequence[object]]] = {
    "columns in another order and case": (" DEBIT ;x;Nom\n100;?;Monod\n", ONE),
    **{
        f"cells apart by {sign!r}": (f"nom{sign}debit{sign}autre\nMonod{sign}100{sign}x\n", ONE)
        for sign in ";,\t|"
    },
    **{
        f"a separator for Excel, {first!r}": (f"{first}\nnom|debit\nMonod|100\n", ONE)
        for first in ("sep=|", '"sep=|"', "SEP=|\r")
    },
    "accents behind their letters": (
        unicodedata.normalize("NFD", f"{HEADING}Élève;1\n"),
        [("Élève", "1")],
    ),
    "empty lines, and empty cells too many": (
        f"\n;;\n{HEADING}\n;\n;;;\nMonod;100;;\n\n",
        ONE,
    ),
    "a row of several lines with a cell too many": (
        HEADING + '"Lycée\nMonod";100;\nb;2;\n',
        [("Lycée\nMonod", "100"), ("b", "2")],
    ),
    "quotes around anything": (
        HEADING + '"a;b";1\n"say ""hi""";2\n"two\nlines";3\nx;y;z;t\n',
        [
            ("a;b", "1"),
            ('say "hi"', "2"),
            ("two\nlines", "3"),
            "6: has 4 cells where the heading has 2: put text that holds ';' between quotes",
        ],
    ),
    "long cells": (
        f"nom;debit;note\n{'x' * 1_000};1;{'y' * 5_000}\nM;{'9' * 1_001};\n{'x' * 131_073};1;\n",
        [
            ("x" * 1_000, "1"),
            "3: debit: has 1001 characters: write at most 1000",
            # Python's reader of CSV takes no more.
            "4: has a cell of more than 131072 characters: write at most 1000",
        ],
    ),
    "too few cells": (
        HEADING + "a;1\nb\nc;3\n",
        [
            ("a", "1"),
            "3: has 1 cell where the heading has 2: add ';' for each empty cell at its end",
            ("c", "3"),
        ],
    ),
    "a quote that is not closed before a quoted text": (
        HEADING + 'a;1\n"b;2\nc;3\n"d";4\n',
        [
            ("a", "1"),
            '3: opens a quote that is not closed: close it, or write " as "" inside a quoted text',
            ("c", "3"),
            ("d", "4"),
        ],
    ),
    "a quote within quotes": (
        HEADING + '"lycée "Monod"";1\nb;2\n',
        [
            (
                "2: has quotes that do not go around a whole cell:"
                ' put quotes around the whole cell, and write " as "" inside it'
            ),
            ("b", "2"),
        ],
    ),
    "one line of Windows": (
        (HEADING + "é;1\nà;2\n").encode() + "ç;3\n".encode("cp1252") + "ù;4\n".encode(),
        [
            ("é", "1"),
            ("à", "2"),
            "4: has a character that is not UTF-8, as the others are: type its accents again",
            ("ù", "4"),
        ],
    ),
    "a byte that Windows-1252 does not have": (
        HEADING.encode() + "é;1\n".encode("cp1252") + b"\x81;2\n",
        [
            ("é", "1"),
            (
                "3: has a character that Windows-1252 does not have:"
                " save it as CSV, in UTF-8 or Windows-1252"
            ),
        ],
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_each_line_is_a_row_or_refused(tmp_path: Path, name: str) -> None:
    """By its own number; its neighbours are read."""
    text, expected = FILES[name]
    assert rows(tmp_path, text) == expected


def test_a_heading_may_have_line_ends_in_its_names(tmp_path: Path) -> None:
    """As a spreadsheet's cells may; the lines below it keep their numbers."""
    file = write_file(tmp_path, '"nom\r\ndu lycée";debit\r\nMonod;100\r\n?\r\n')
    read = read_rows(file, "nom du lycée", "debit")
    assert (read[0], str(read[1])[:11]) == (("Monod", "100"), "4: has 1 ce")


def test_a_missing_column_is_looked_for_among_some(tmp_path: Path) -> None:
    """A heading of 40 000 words of the same letters took more than a second."""
    name = "code_insee_de_la_commune"
    words = (name[turn:] + name[:turn] for turn in range(4, len(name) - 4))
    heading = ";".join(f"{word}{number}" for word in words for number in range(2_500))
    file = write_file(tmp_path, f"{heading}\n")
    begun = thread_time()
    with pytest.raises(SmartRegionError):
        open_table(file, TableLayout((name,)))
    assert thread_time() - begun < 1


@pytest.mark.parametrize("content", ["9", "\u0315\u0301"])
def test_the_cost_of_a_line_is_linear(tmp_path: Path, content: str) -> None:
    small, large = (
        write_file(tmp_path, f"{text};nom;debit\n{text};{text};{text}\n", name=name)
        for name, text in (("small", content * 1_000), ("large", content * 8_000))
    )
    assert grows_linearly(lambda file: read_rows(file, "nom", "debit"), small, large)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"PK\x03\x04...", "is a workbook"),
        *(("nom;debit".encode(f"utf-16{e}"), "is in UTF-16: save") for e in ("", "-le", "-be")),
        (b"", "is empty"),
        (b"\n;;\n", "is empty"),
        (b'"nom;debit', "heading: has quotes that do not go around a whole cell"),
        (b"nom;debi\n", "1: debit: is not a column: rename 'debi'"),
        (
            b"\nnom,x\n",
            "2: debit: is not a column: add it, or remove lines above the heading; found nom, x",
        ),
        (b"Moulin;Jean;0612345678\n", "1: nom: is not a column: write the names of the columns"),
        (b"Moulin;Jean;12/03/1985\n", "1: nom: is not a column: write the names of the columns"),
        (b"nom;debit;Nom\n", "1: nom: is there 2 times: keep one of them"),
    ],
)
def test_a_file_without_its_heading_is_refused_as_a_whole(
    tmp_path: Path, content: bytes, expected: str
) -> None:
    with pytest.raises(SmartRegionError) as refused:
        rows(tmp_path, content)
    assert expected in str(refused.value)


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    """Nobody writes to the pipe: it was waited for."""
    os.mkfifo(tmp_path / "pipe")
    for name, problem in (("pipe", "is a pipe"), ("absent.csv", r"absent\.csv: cannot be read")):
        with pytest.raises(SmartRegionError, match=problem):
            open_table(tmp_path / name, TableLayout(("nom",)))


CELLS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=8
).map(str.strip)


@given(
    st.lists(st.tuples(CELLS.filter(bool), CELLS), max_size=8),
    st.sampled_from([";", ",", "\t"]),
    st.sampled_from(["\r\n", "\n"]),
)
def test_what_a_spreadsheet_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory,
    written: list[tuple[str, str]],
    delimiter: str,
    end: str,
) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end)
    writer.writerows([("nom", "debit"), *written])
    file = write_file(tmp_path_factory.mktemp("table"), text.getvalue())
    composed = [tuple(unicodedata.normalize("NFC", cell) for cell in row) for row in written]
    assert read_rows(file, "nom", "debit") == composed


@given(st.binary(max_size=200))
def test_every_line_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    file = write_file(tmp_path_factory.mktemp("table"), b"nom;debit\n" + content)
    lines = [row.line for row in open_table(file, TableLayout(("nom", "debit"))).rows()]
    assert lines == sorted(set(lines))
    assert all(line > 1 for line in lines)


def test_a_row_has_the_columns_that_are_there(tmp_path: Path) -> None:
    layout = TableLayout(("nom",), optional=("debit", "ville"))
    (row,) = open_table(write_file(tmp_path, HEADING + "a;1\n"), layout).rows()
    assert row == CsvRow(2, {"nom": "a", "debit": "1"})


def test_a_table_may_be_left_before_its_end(tmp_path: Path) -> None:
    """As by an import that is interrupted: Python prints nothing behind its one line."""
    file = write_file(tmp_path, "a\n" + "1\n" * 3)
    rows = iter(open_table(file, TableLayout(("a",))).rows())
    next(rows)
    del rows
