"""A CSV file: rows with their lines, whatever its encoding and separator."""

from __future__ import annotations

import csv
import re
import unicodedata
from codecs import BOM_UTF8
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from io import StringIO
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Final, Literal, NamedTuple, TypeAlias

from boundary.diagnostic import Diagnostic
from boundary.errors import SmartRegionError
from events.person_data import find_person_data

Encoding: TypeAlias = Literal["utf-8", "cp1252"]

DELIMITERS: Final = (";", ",", "\t", "|")
BYTE_ORDER_MARK: Final = "\ufeff"
LONGEST_CELL: Final = 1_000
"""Characters of a cell that is read: five times the longest text of a fact. Reading numbers and
composing accents take the square of a text's length."""
LARGEST_FILE: Final = 256 * 1024 * 1024
"""Bytes; a file is read into memory."""
_MOST_COMPARED: Final = 500
"""How many columns a missing one is compared with, and searched for a person's data: both take long
where there are tens of thousands."""
LONGEST_FIELD_LINES: Final = 50
"""How many lines a quoted text may span: a quote that is not closed by then never is."""

# First bytes of files that are no text, or not in one of the encodings that are read.
_OTHER_KINDS: Final[Mapping[bytes, str]] = {
    b"PK\x03\x04": "is a workbook, or another archive",
    b"\xd0\xcf\x11\xe0": "is an old workbook",
    b"\x1f\x8b": "is compressed",
    b"%PDF": "is a PDF",
    b"\xff\xfe": "is in UTF-16",
    b"\xfe\xff": "is in UTF-16",
}
SAVE_AS_CSV: Final = "save it as CSV, in UTF-8 or Windows-1252"
_ANNOUNCED: Final = re.compile(r'"?sep=([;,\t|])"?[;,\t|]*\s*', re.IGNORECASE)
"""A first line that tells Excel the separator, and which Excel keeps when it saves."""
_UNDECODABLE: Final = re.compile("[\udc80-\udcff]")
"""What Python decodes a byte to that is not in the encoding (surrogateescape)."""
# The csv module's messages, in every version.
_UNCLOSED: Final = "unexpected end of data"
_TOO_LONG: Final = "field larger than field limit"

_NOT_IN_ENCODING: Final[Mapping[Encoding, tuple[str, str]]] = {
    "utf-8": ("has a character that is not UTF-8, as the others are", "type its accents again"),
    "cp1252": ("has a character that Windows-1252 does not have", SAVE_AS_CSV),
}
_MISQUOTED: Final = (
    "has quotes that do not go around a whole cell",
    'put quotes around the whole cell, and write " as "" inside it',
)
_NOT_CLOSED: Final = (
    "opens a quote that is not closed",
    'close it, or write " as "" inside a quoted text',
)
_LONG: Final = (
    f"has a cell of more than {csv.field_size_limit()} characters",
    f"write at most {LONGEST_CELL}",
)


@dataclass(frozen=True, slots=True)
class TableLayout:
    """What a table must have; None: found from the file itself."""

    columns: tuple[str, ...]
    """Required columns, in any order and among others."""
    optional: tuple[str, ...] = ()
    delimiter: str | None = None
    encoding: Encoding | None = None


@dataclass(frozen=True, slots=True)
class CsvRow:
    """One row: its first line, and the trimmed cells of the layout's columns, in NFC."""

    line: int
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """A file whose heading fits its layout."""

    file: Path
    encoding: Encoding
    delimiter: str
    heading: tuple[str, ...]
    heading_line: int
    """Its last line: a name may have line ends in it, between quotes."""
    indices: Mapping[str, int]
    """The index of each of the layout's columns."""

    @property
    def name(self) -> str:
        """Return the file's name as it was given."""
        return str(self.file)

    def rows(self) -> Iterator[CsvRow | Diagnostic]:
        """Yield the rows; a line that is no row is a refusal, and stops nothing."""
        lines = _lines(_content(self.file), self.encoding)
        at = self.heading_line
        while at < len(lines):
            line, (read, used) = at + 1, self._record(lines, at)
            at += used
            if isinstance(read, tuple):
                yield self._refusal(line, *read)
            elif not any(read):
                pass  # What spreadsheets leave behind: an empty line, or one of separators.
            elif not self._fits(read):
                yield self._refusal(line, *self._misfit(read))
            else:
                yield self._row(line, read)

    def _record(self, lines: Sequence[str], at: int) -> tuple[list[str] | tuple[str, str], int]:
        """Return the cells that begin on a line, or its problem and remedy; and its lines."""
        found = lines[at : at + LONGEST_FIELD_LINES]
        reader = csv.reader(found, delimiter=self.delimiter, strict=True)
        error = ""
        cells: list[str] = []
        try:
            cells = [cell.strip() for cell in next(reader)]
        except csv.Error as raised:
            error = str(raised)
        used = reader.line_num
        if _UNDECODABLE.search(found[0]):
            return _NOT_IN_ENCODING[self.encoding], 1
        if error == _UNCLOSED or (used > 1 and (error or not self._fits(cells))):
            return _NOT_CLOSED, 1  # Another text's quote was taken for the one that is missing.
        if error:
            return _LONG if error.startswith(_TOO_LONG) else _MISQUOTED, 1
        if any(map(_UNDECODABLE.search, found[1:used])):
            return _NOT_IN_ENCODING[self.encoding], used
        return cells, used

    def _fits(self, cells: list[str]) -> bool:
        """Return whether there is a cell for each name of the heading; more of them are empty."""
        return len(cells) >= len(self.heading) and not any(cells[len(self.heading) :])

    def _misfit(self, cells: list[str]) -> tuple[str, str]:
        """Return the problem and the remedy of a row with too few or too many cells."""
        sign = "a tab" if self.delimiter == "\t" else repr(self.delimiter)
        found = f"{len(cells)} cell{'s' * (len(cells) > 1)}"
        problem = f"has {found} where the heading has {len(self.heading)}"
        if len(cells) < len(self.heading):
            # Excel leaves them out where sixteen lines end with an empty cell.
            return problem, f"add {sign} for each empty cell at its end"
        return problem, f"put text that holds {sign} between quotes"

    def _row(self, line: int, read: list[str]) -> CsvRow | Diagnostic:
        cells = {name: read[index] for name, index in self.indices.items()}
        for name, cell in cells.items():
            if len(cell) > LONGEST_CELL:
                problem = f"has {len(cell)} characters"
                remedy = f"write at most {LONGEST_CELL}"
                return self._refusal(line, problem, remedy, column=name)
            if not cell.isascii():
                # Some systems write an accent as a character of its own.
                cells[name] = unicodedata.normalize("NFC", cell)
        return CsvRow(line, cells)

    def _refusal(
        self, line: int, problem: str, remedy: str, *, column: str | None = None
    ) -> Diagnostic:
        return Diagnostic((), problem, None, remedy, field=column, file=self.name, line=line)


def open_table(file: Path, layout: TableLayout) -> Table:
    """Read a file's heading: its encoding, its separator, and the indices of its columns.

    Columns are found by their names, whatever their case, order and the spaces and line ends.
    Raises SmartRegionError.
    """
    if file.exists() and not file.is_file():
        # A pipe without a writer would be waited for, and one with a writer can be read only once.
        remedy = "save what it gives as a file: that is read several times, and has a time"
        raise _refused(file, "is a pipe, or another thing than a file", remedy)
    content = _content(file)
    encoding = layout.encoding or _encoding_of(file, content)
    lines = _lines(content, encoding)
    delimiters: Iterable[str] = DELIMITERS
    if lines and (announced := _ANNOUNCED.fullmatch(lines[0])):
        delimiters, lines[0] = announced[1], ""
    if layout.delimiter is not None:
        delimiters = (layout.delimiter,)
    at = next((at for at, text in enumerate(lines) if text.strip(" \t\r\n;,|")), None)
    if at is None:
        remedy = f"write a first line with the columns {', '.join(layout.columns)}"
        raise _refused(file, "is empty", remedy)
    if _UNDECODABLE.search(lines[at]):
        problem, remedy = _NOT_IN_ENCODING[encoding]
        raise _refused(file, f"its heading {problem}", remedy)
    read = _heading(lines[at : at + LONGEST_FIELD_LINES], layout, delimiters)
    if read is None:
        raise _refused(file, *_MISQUOTED, line=at + 1, column="heading")
    indices = _column_indices(file, at + 1, read.cells, layout)
    return Table(file, encoding, read.delimiter, tuple(read.cells), at + read.lines, indices)


def _refused(
    file: Path, problem: str, remedy: str, *, line: int = 0, column: str | None = None
) -> SmartRegionError:
    """Return the error of a file that cannot be read at all."""
    return SmartRegionError(
        str(Diagnostic((), problem, None, remedy, field=column, file=file, line=line))
    )


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            content = opened.read(LARGEST_FILE + 1)
    except OSError as error:
        problem = f"cannot be read ({error.strerror or error})"
        raise _refused(file, problem, "check its name and its rights") from error
    if len(content) > LARGEST_FILE:
        problem = f"is larger than {LARGEST_FILE // 2**20} MiB"
        raise _refused(file, problem, "import it in parts, each with the heading")
    return content


def _lines(content: bytes, encoding: Encoding) -> list[str]:
    """Return the lines with their ends, which may be those of any system."""
    text = content.decode(encoding, "surrogateescape").removeprefix(BYTE_ORDER_MARK)
    return StringIO(text, newline="").readlines()


def _encoding_of(file: Path, content: bytes) -> Encoding:
    """Return UTF-8 if the file has its mark or most lines with accents are in it.

    Otherwise Windows-1252. A few lines in another encoding do not change that of the file.
    """
    for mark, problem in _OTHER_KINDS.items():
        if content.startswith(mark):
            raise _refused(file, problem, SAVE_AS_CSV)
    if b"\0" in content[:2]:  # Without a mark of it.
        raise _refused(file, "is in UTF-16", SAVE_AS_CSV)
    if content.startswith(BOM_UTF8):
        return "utf-8"
    accented = [line for line in _lines(content, "utf-8") if not line.isascii()]
    other = sum(_UNDECODABLE.search(line) is not None for line in accented)
    return "cp1252" if other and 2 * other >= len(accented) else "utf-8"


class _Heading(NamedTuple):
    """A heading as it was read; the best has the most of the columns, then of all cells."""

    wanted: int
    length: int
    delimiter: str
    cells: list[str]
    lines: int


def _heading(
    lines: Sequence[str], layout: TableLayout, delimiters: Iterable[str]
) -> _Heading | None:
    """Return the heading that begins these lines, by the best separator; None: none reads it."""
    wanted = {_folded(name) for name in (*layout.columns, *layout.optional)}
    found: list[_Heading] = []
    for delimiter in delimiters:
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        try:
            cells = [cell.strip() for cell in next(reader)]
        except csv.Error:
            continue
        while cells and not cells[-1]:
            cells.pop()
        fitting = len(wanted.intersection(map(_folded, cells)))
        found.append(_Heading(fitting, len(cells), delimiter, cells, reader.line_num))
    return max(found, key=itemgetter(0, 1), default=None)


def _column_indices(
    file: Path, line: int, heading: Collection[str], layout: TableLayout
) -> Mapping[str, int]:
    folded = [_folded(name) for name in heading]
    indices: dict[str, int] = {}
    for name in (*layout.columns, *layout.optional):
        count = folded.count(_folded(name))
        if count > 1:
            problem, remedy = f"is there {count} times", "keep one of them"
            raise _refused(file, problem, remedy, line=line, column=name)
        if count == 1:
            indices[name] = folded.index(_folded(name))
        elif name in layout.columns:
            remedy = _remedy_for(name, heading)
            raise _refused(file, "is not a column", remedy, line=line, column=name)
    return indices


def _remedy_for(missing: str, heading: Collection[str]) -> str:
    near = get_close_matches(missing, [*islice(heading, _MOST_COMPARED)], n=1)
    if near:
        return f"rename {near[0]!r}"
    # A file without a heading begins with data, which may be a person's.
    if find_person_data({"data": {"cells": [*islice(heading, _MOST_COMPARED)]}}) is not None:
        return "write the names of the columns into the first line; what is there looks like data"
    return f"add it, or remove lines above the heading; found {', '.join(heading)[:200]}"


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", " ".join(name[:LONGEST_CELL].split())).casefold()
