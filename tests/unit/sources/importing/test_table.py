"""Tables as people save them."""

import csv
import io
import os
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from time import thread_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boundary.errors import SmartRegionError
from sources.importing.table import CsvRow, TableLayout, open_table
from tests.support.costs import grows_linearly
from tests.support.golden import check_golden
from tests.support.tables import write_file


def read_rows(file: Path, *columns: str) -> list[tuple[str, ...] | str]:
    """Read a table with these columns: the cells of each row, or its refusal without the file."""
    table = open_table(file, TableLayout(columns))
    return [
        tuple(row.cells[column] for column in columns)
        if isinstance(row, CsvRow)
        else str(row).removeprefix(f"{file}:")
        for row in table.rows()
    ]


HEADING = "nom;debit\n"
GOLDEN = Path(__file__).with_name("table.txt")
FILES: Mapping[str, str | bytes] = {
    "columns in another order and case": " DEBIT ;x;Nom\n100;?;Monod\n",
    **{
        f"cells apart by {sign!r}": f"nom{sign}debit{sign}autre\nMonod{sign}100{sign}x\n"
        for sign in ";,\t|"
    },
    **{
        f"a separator for Excel, {first!r}": f"{first}\nnom|debit\nMonod|100\n"
        for first in ("sep=|", '"sep=|"', "SEP=|\r")
    },
    "accents behind their letters": unicodedata.normalize("NFD", f"{HEADING}Élève;1\n"),
    "empty lines, and empty cells too many": f"\n;;\n{HEADING}\n;\n;;;\nMonod;100;;\n\n",
    "a heading with line ends in its names": '"nom\r\n";debit\r\nMonod;100\r\n?\r\n',
    "a row of several lines with a cell too many": HEADING + '"Lycée\nMonod";100;\nb;2;\n',
    "quotes around anything": HEADING + '"a;b";1\n"say ""hi""";2\n"two\nlines";3\nx;y;z;t\n',
    "long cells": (
        f"nom;debit;note\n{'x' * 1_000};1;{'y' * 5_000}\nM;{'9' * 1_001};\n{'x' * 131_073};1;\n"
    ),
    "too few cells": HEADING + "a;1\nb\nc;3\n",
    "a quote that is not closed before a quoted text": HEADING + 'a;1\n"b;2\nc;3\n"d";4\n',
    "a quote within quotes": HEADING + '"lycée "Monod"";1\nb;2\n',
    "one line of Windows": (
        (HEADING + "é;1\nà;2\n").encode() + "ç;3\n".encode("cp1252") + "ù;4\n".encode()
    ),
    "a mark of UTF-8 before a line of Windows": b"\xef\xbb\xbfnom;debit\n\xe9;1\nb;2\n",
    "a line of Windows within quotes": (
        (HEADING + 'é;1\nà;2\n"b\n').encode() + 'ç";3\n'.encode("cp1252") + "ù;4\n".encode()
    ),
    "a byte that Windows-1252 does not have": (
        HEADING.encode() + "é;1\n".encode("cp1252") + b"\x81;2\n"
    ),
    "a workbook": b"PK\x03\x04...",
    **{f"UTF-16 {end}": "nom;debit".encode(f"utf-16{end}") for end in ("", "-le", "-be")},
    "nothing": b"",
    "empty lines alone": b"\n;;\n",
    "a heading that is not closed": b'"nom;debit',
    "a column that is nearly there": b"nom;debi\n",
    "a column that is missing": b"\nnom,x\n",
    "data in place of a heading": b"Moulin;Jean;0612345678\n",
    "other data in place of a heading": b"Moulin;Jean;12/03/1985\n",
    "a column twice": b"nom;debit;Nom\n",
}


def rows(folder: Path, text: str | bytes) -> list[object]:
    """Read a file of the two columns `nom` and `debit`, or what refuses it."""
    file = write_file(folder, text)
    try:
        return [*read_rows(file, "nom", "debit")]
    except SmartRegionError as error:
        return [str(error).replace(str(file), "FILE")]


def test_each_line_is_a_row_or_refused(tmp_path: Path) -> None:
    """By its own number; its neighbours are read. The golden file has what is in each of FILES."""
    found = ((f"# {name}", *map(_shown, rows(tmp_path, text))) for name, text in FILES.items())
    check_golden(GOLDEN, "\n\n".join("\n".join(lines) for lines in found) + "\n")


def _shown(row: object) -> str:
    return str(row).replace("x" * 1_000, "1000 times x")


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "cp1252"], ids=["UTF-8", "with a mark", "Windows-1252"]
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
def test_accents_survive_every_way_of_saving(tmp_path: Path, encoding: str, end: str) -> None:
    text = f"débit;nom{end}100;Lycée d’Étampes – n° 2{end}200;Évry{end}"
    file = write_file(tmp_path, text.encode(encoding))
    assert read_rows(file, "nom", "débit") == [("Lycée d’Étampes – n° 2", "100"), ("Évry", "200")]


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


def test_what_is_not_a_readable_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipe without a writer was waited for."""
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setattr("sources.importing.table.LARGEST_FILE", 2**20)
    (tmp_path / "large.csv").write_bytes(b"nom\n" * 2**18 + b"x")
    for name, problem in (
        ("pipe", "is a pipe"),
        ("absent.csv", r"absent\.csv: cannot be read"),
        ("large.csv", "is larger than 1 MiB: import it in parts"),
    ):
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


def test_a_row_has_the_columns_that_are_there(tmp_path: Path) -> None:
    layout = TableLayout(("nom",), optional=("debit", "ville"))
    (row,) = open_table(write_file(tmp_path, HEADING + "a;1\n"), layout).rows()
    assert row == CsvRow(2, {"nom": "a", "debit": "1"})
