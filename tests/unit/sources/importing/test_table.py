"""Tables as people save them."""

import csv
import io
import os
import unicodedata
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
    """Encoding and line ends are found from the file, which is never garbled."""
    text = f"débit;nom{end}100;Lycée d’Étampes – n° 2{end}200;Évry{end}"
    file = write_file(tmp_path, text.encode(encoding))
    assert read_rows(file, "nom", "débit") == [("Lycée d’Étampes – n° 2", "100"), ("Évry", "200")]


@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
def test_the_separator_is_found(tmp_path: Path, delimiter: str) -> None:
    """Whichever shows the columns that are wanted."""
    text = "nom;debit;autre\nMonod;100;x\n".replace(";", delimiter)
    assert rows(tmp_path, text) == [("Monod", "100")]


def test_columns_are_known_by_name(tmp_path: Path) -> None:
    """Order, case, spaces and other columns do not matter."""
    assert rows(tmp_path, " DEBIT ;x;Nom\n100;?;Monod\n") == [("Monod", "100")]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_heading_may_have_line_ends_in_its_names(tmp_path: Path, end: str) -> None:
    """As a spreadsheet's cells may; the lines below it keep their numbers."""
    text = '"nom\ndu lycée";debit;"reçu\nle"\nMonod;100;x\n?;?\n'.replace("\n", end)
    file = write_file(tmp_path, text.encode())
    read = read_rows(file, "nom du lycée", "debit")
    assert read[0] == ("Monod", "100")
    assert str(read[1]).startswith("5: has 2 cells where the heading has 3")


@pytest.mark.parametrize("first", ["sep=|", '"sep=|"', "SEP=|\r"])
def test_a_line_that_announces_the_separator_is_no_heading(tmp_path: Path, first: str) -> None:
    """Excel is told by it, and exports write it for Excel."""
    assert rows(tmp_path, f"{first}\nnom|debit\nMonod|100\n") == [("Monod", "100")]


def test_quoted_cells_hold_anything(tmp_path: Path) -> None:
    """Separators, quotes and line ends inside quotes are text; lines are still counted right."""
    text = HEADING + '"a;b";1\n"say ""hi""";2\n"two\nlines";3\nx;y;z;t\n'
    assert rows(tmp_path, text)[:3] == [("a;b", "1"), ('say "hi"', "2"), ("two\nlines", "3")]
    assert str(rows(tmp_path, text)[3]).startswith("6: has 4 cells where the heading has 2")


def test_a_cell_that_is_longer_than_any_value_is_refused(tmp_path: Path) -> None:
    """Of the columns that are read; others may hold what they like."""
    text = f"nom;debit;note\n{'x' * 1_000};1;{'y' * 5_000}\nMonod;{'9' * 1_001};\n"
    kept, refused = rows(tmp_path, text)
    assert kept == ("x" * 1_000, "1")
    assert str(refused).startswith("3: debit: has 1001 characters: write at most 1000")


def test_a_cell_without_end_is_said_to_be_too_long(tmp_path: Path) -> None:
    """Python's reader of CSV takes 131 072 characters; it is no mistake of quotes."""
    (refused,) = rows(tmp_path, f"nom;debit\n{'x' * 131_073};1\n")
    assert "has a cell of more than 131072 characters: write at most 1000" in str(refused)


def test_accents_have_one_form(tmp_path: Path) -> None:
    """Files of some systems have them behind their letters, and look the same."""
    text = unicodedata.normalize("NFD", f"{HEADING}Élève;1\n")
    assert rows(tmp_path, text) == [("Élève", "1")]


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
    """Whatever a cell is made of, in the heading as well."""
    small, large = (
        write_file(tmp_path, f"{text};nom;debit\n{text};{text};{text}\n", name=name)
        for name, text in (("small", content * 1_000), ("large", content * 8_000))
    )
    assert grows_linearly(lambda file: read_rows(file, "nom", "debit"), small, large)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_its_mark_is_named(tmp_path: Path, encoding: str) -> None:
    """Its columns are not there under names that look the same."""
    with pytest.raises(SmartRegionError, match="is in UTF-16: save it as CSV"):
        read_rows(write_file(tmp_path, HEADING.encode(encoding)), "nom", "debit")


def test_empty_lines_are_skipped(tmp_path: Path) -> None:
    """Also those of separators alone, and before the heading; cells too many may be empty."""
    assert rows(tmp_path, f"\n;;\n{HEADING}\n;\n;;;\nMonod;100;;\n\n") == [("Monod", "100")]


@pytest.mark.parametrize("heading", [HEADING, "nom;debit;\n"])
def test_a_row_of_several_lines_may_have_empty_cells_too_many(tmp_path: Path, heading: str) -> None:
    """As one of a single line: a spreadsheet keeps the separators of a column that was emptied."""
    assert rows(tmp_path, heading + '"Lycée\nMonod";100;\nb;2;\n') == [
        ("Lycée\nMonod", "100"),
        ("b", "2"),
    ]


def test_a_line_with_too_few_cells_is_refused(tmp_path: Path) -> None:
    """With its number; its neighbours are read."""
    assert rows(tmp_path, HEADING + "a;1\nb\nc;3\n") == [
        ("a", "1"),
        "3: has 1 cell where the heading has 2: add ';' for each empty cell at its end",
        ("c", "3"),
    ]


def test_a_quote_that_is_not_closed_costs_one_line(tmp_path: Path) -> None:
    """The lines after it are read as if it were not there, though another text is quoted."""
    text = HEADING + 'a;1\n"b;2\nc;3\n"d";4\n'
    assert rows(tmp_path, text) == [
        ("a", "1"),
        '3: opens a quote that is not closed: close it, or write " as "" inside a quoted text',
        ("c", "3"),
        ("d", "4"),
    ]


def test_a_quote_within_quotes_is_refused(tmp_path: Path) -> None:
    """What was meant cannot be known."""
    refused, read = rows(tmp_path, HEADING + '"lycée "Monod"";1\nb;2\n')
    assert read == ("b", "2")
    assert refused == (
        "2: has quotes that do not go around a whole cell:"
        ' put quotes around the whole cell, and write " as "" inside it'
    )


def test_one_line_in_another_encoding_does_not_spoil_the_others(tmp_path: Path) -> None:
    """The line that was pasted from elsewhere is refused, and the rest keeps its accents."""
    text = (HEADING + "é;1\nà;2\n").encode() + "ç;3\n".encode("cp1252") + "ù;4\n".encode()
    assert rows(tmp_path, text) == [
        ("é", "1"),
        ("à", "2"),
        "4: has a character that is not UTF-8, as the others are: type its accents again",
        ("ù", "4"),
    ]


def test_a_byte_that_windows_does_not_know_is_refused(tmp_path: Path) -> None:
    """Five bytes are no character of Windows-1252."""
    text = HEADING.encode() + "é;1\n".encode("cp1252") + b"\x81;2\n"
    assert rows(tmp_path, text)[0] == ("é", "1")
    assert "Windows-1252 does not have" in str(rows(tmp_path, text)[1])


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"PK\x03\x04...", "is a workbook"),
        ("nom;debit".encode("utf-16"), "is in UTF-16"),
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
    """What the file is instead is said, with a way out."""
    with pytest.raises(SmartRegionError) as refused:
        rows(tmp_path, content)
    assert expected in str(refused.value)


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    """Nobody writes to this one: it was waited for."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(SmartRegionError, match="is a pipe"):
        open_table(pipe, TableLayout(("nom",)))


def test_a_file_that_is_gone_is_an_error_of_ours(tmp_path: Path) -> None:
    """It is named."""
    with pytest.raises(SmartRegionError, match=r"absent\.csv: cannot be read"):
        open_table(tmp_path / "absent.csv", TableLayout(("nom",)))


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
    """Whatever the cells hold."""
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
    """Whatever stands in a file: no error, and numbers that only grow."""
    file = write_file(tmp_path_factory.mktemp("table"), b"nom;debit\n" + content)
    lines = [row.line for row in open_table(file, TableLayout(("nom", "debit"))).rows()]
    assert lines == sorted(set(lines))
    assert all(line > 1 for line in lines)


def test_a_row_has_the_columns_that_are_there(tmp_path: Path) -> None:
    """An optional column that is absent is absent from the row."""
    layout = TableLayout(("nom",), optional=("debit", "ville"))
    (row,) = open_table(write_file(tmp_path, HEADING + "a;1\n"), layout).rows()
    assert row == CsvRow(2, {"nom": "a", "debit": "1"})


def test_a_table_may_be_left_before_its_end(tmp_path: Path) -> None:
    """As by an import that is interrupted: Python prints nothing behind its one line."""
    file = write_file(tmp_path, "a\n" + "1\n" * 3)
    rows = iter(open_table(file, TableLayout(("a",))).rows())
    next(rows)
    del rows
