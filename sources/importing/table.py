"""A CSV file: rows with their lines, whatever its encoding and separator."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from difflib import get_close_matches
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final, Literal, NamedTuple, TypeAlias

from boundary.diagnostic import Diagnostic
from boundary.errors import SmartRegionError
from events.person_data import find_person_data

Encoding: TypeAlias = Literal["utf-8", "cp1252"]

DELIMITERS: Final = (";", ",", "\t", "|")
BYTE_ORDER_MARK: Final = "\ufeff"
LONGEST_CELL: Final = 1_000
"""Characters of a cell that is read: five times the longest text that a fact has. What reads
numbers and composes accents takes the square of a text's length."""
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
"""A first line by which Excel is told the separator, and which it leaves as it saves."""
# The csv module's messages, in every version.
_UNCLOSED: Final = "unexpected end of data"
_TOO_LONG: Final = "field larger than field limit"


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
    indices: Mapping[str, int]
    """The index of each of the layout's columns."""

    @property
    def name(self) -> str:
        """Return the file's name as it was given."""
        return str(self.file)

    def rows(self) -> Iterator[CsvRow | Diagnostic]:
        """Yield the rows; a line that is no row is a refusal, and stops nothing."""
        with _opened(self.file) as file:
            lines = _Lines(_decoded(file, self.encoding))
            for line, text in lines:
                if line <= self.heading_line:
                    continue
                if text is None:
                    yield self._refusal(line, *_UNDECODABLE[self.encoding])
                    continue
                read = self._cells(text, lines)
                if isinstance(read, str):
                    yield self._refusal(line, *_MALFORMED[read])
                elif not any(read):
                    pass  # What spreadsheets leave behind: an empty line, or one of separators.
                elif not self._fits(read):
                    cells = f"{len(read)} cell{'s' * (len(read) > 1)}"
                    problem = f"has {cells} where the heading has {len(self.heading)}"
                    sign = _named(self.delimiter)
                    remedy = f"put text that holds {sign} between quotes"
                    if len(read) < len(self.heading):
                        # Excel leaves them out where sixteen lines end with an empty cell.
                        remedy = f"add {sign} for each empty cell at its end"
                    yield self._refusal(line, problem, remedy)
                else:
                    yield self._row(line, read)

    def _fits(self, cells: list[str]) -> bool:
        """Return whether there is a cell for each name of the heading; more of them are empty."""
        return len(cells) >= len(self.heading) and not any(cells[len(self.heading) :])

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

    def _cells(self, text: str, lines: _Lines) -> list[str] | str:
        """Return the cells of the row that begins with a line; or a key of `_MALFORMED`."""
        try:
            return _split([text], self.delimiter)
        except csv.Error as error:
            if str(error) != _UNCLOSED:
                return "long" if str(error).startswith(_TOO_LONG) else "quotes"
        further = lines.take(LONGEST_FIELD_LINES)
        for count in range(1, len(further) + 1):
            joined = [text, *(part or "" for _, part in further[:count])]
            try:
                cells = _split(joined, self.delimiter)
            except csv.Error as error:
                if str(error) != _UNCLOSED:
                    break
            else:
                if not self._fits(cells):
                    break  # Another text's quote was taken for the one that is missing.
                lines.give_back(further[count:])
                return cells
        lines.give_back(further)
        return "unclosed"

    def _refusal(
        self, line: int, problem: str, remedy: str, *, column: str | None = None
    ) -> Diagnostic:
        return Diagnostic((), problem, None, remedy, field=column, file=self.name, line=line)


_UNDECODABLE: Final[Mapping[Encoding, tuple[str, str]]] = {
    "utf-8": ("has a character that is not UTF-8, as the others are", "type its accents again"),
    "cp1252": ("has a character that Windows-1252 does not have", SAVE_AS_CSV),
}
_MALFORMED: Final[Mapping[str, tuple[str, str]]] = {
    "quotes": (
        "has quotes that do not go around a whole cell",
        'put quotes around the whole cell, and write " as "" inside it',
    ),
    "long": (
        f"has a cell of more than {csv.field_size_limit()} characters",
        f"write at most {LONGEST_CELL}",
    ),
    "unclosed": (
        "opens a quote that is not closed",
        'close it, or write " as "" inside a quoted text',
    ),
}


def open_table(file: Path, layout: TableLayout) -> Table:
    """Read a file's heading: its encoding, its separator, and the indices of its columns.

    Columns are found by their names, whatever their case, order and the spaces and line ends.
    Raises SmartRegionError.
    """
    if file.exists() and not file.is_file():
        # A pipe without a writer would be waited for, and one with a writer can be read once only.
        remedy = "save what it gives as a file: that is read several times, and has a time"
        raise _refused(file, "is a pipe, or another thing than a file", remedy)
    encoding = layout.encoding or _encoding_of(file)
    announced: str | None = None
    with _opened(file) as opened:
        lines = _Lines(_decoded(opened, encoding))
        for line, text in lines:
            if text is None:
                problem, remedy = _UNDECODABLE[encoding]
                raise _refused(file, f"its heading {problem}", remedy)
            if line == 1 and (found := _ANNOUNCED.fullmatch(text)):
                announced = found[1]
            elif text.strip(" \t\r\n;,|"):
                given = layout.delimiter or announced
                read = _heading(text, lines, layout, DELIMITERS if given is None else (given,))
                if read is None:
                    raise _refused(file, *_MALFORMED["quotes"], line=line, column="heading")
                indices = _column_indices(file, line, read.cells, layout)
                last = line + read.further
                return Table(file, encoding, read.delimiter, tuple(read.cells), last, indices)
    remedy = f"write a first line with the columns {', '.join(layout.columns)}"
    raise _refused(file, "is empty", remedy)


def _refused(
    file: Path, problem: str, remedy: str, *, line: int = 0, column: str | None = None
) -> SmartRegionError:
    """Return the error of a file that cannot be read at all."""
    return SmartRegionError(
        str(Diagnostic((), problem, None, remedy, field=column, file=file, line=line))
    )


class _Lines:
    """Numbered lines, of which some may be taken in advance and given back."""

    def __init__(self, lines: Iterator[tuple[int, str | None]]) -> None:
        self._lines = lines
        self._returned: deque[tuple[int, str | None]] = deque()

    def __iter__(self) -> Iterator[tuple[int, str | None]]:
        return self

    def __next__(self) -> tuple[int, str | None]:
        return self._returned.popleft() if self._returned else next(self._lines)

    def take(self, most: int) -> list[tuple[int, str | None]]:
        return [line for _, line in zip(range(most), self, strict=False)]

    def give_back(self, lines: list[tuple[int, str | None]]) -> None:
        self._returned.extendleft(reversed(lines))


@contextmanager
def _opened(file: Path) -> Iterator[BinaryIO]:
    try:
        with file.open("rb") as opened:
            yield opened
    except OSError as error:
        problem = f"cannot be read ({error.strerror or error})"
        raise _refused(file, problem, "check its name and its rights") from error


def _raw_lines(file: BinaryIO) -> Iterator[bytes]:
    # One byte a character: only so that lines may end as on any system (\n, \r\n, \r).
    text = TextIOWrapper(file, encoding="latin-1", newline="")
    try:
        for line in text:
            yield line.encode("latin-1")
    finally:
        # A table that is left before its end is closed before this: detaching would fail.
        if not file.closed:
            text.detach()


def _decoded(file: BinaryIO, encoding: Encoding) -> Iterator[tuple[int, str | None]]:
    """Yield the lines with their numbers from 1; one that cannot be decoded is None."""
    for number, raw in enumerate(_raw_lines(file), start=1):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            yield number, None
        else:
            yield number, text.removeprefix(BYTE_ORDER_MARK) if number == 1 else text


def _encoding_of(file: Path) -> Encoding:
    """Return UTF-8 where more lines with accents are UTF-8 than are not; else Windows-1252.

    A few lines in another encoding do not change the encoding of the file.
    """
    utf8 = other = 0
    with _opened(file) as opened:
        start = opened.read(4)
        for mark, problem in _OTHER_KINDS.items():
            if start.startswith(mark):
                raise _refused(file, problem, SAVE_AS_CSV)
        if b"\0" in start[:2]:  # Without a mark of it.
            raise _refused(file, "is in UTF-16", SAVE_AS_CSV)
        opened.seek(0)
        for raw in _raw_lines(opened):
            if raw.isascii():
                continue
            try:
                raw.decode()
            except UnicodeDecodeError:
                other += 1
            else:
                utf8 += 1
    return "cp1252" if other and other >= utf8 else "utf-8"


class _Heading(NamedTuple):
    """A heading as it was read."""

    delimiter: str
    cells: list[str]
    further: int
    """How many lines follow its first: a name may have line ends in it, between quotes."""


def _heading(
    text: str, lines: _Lines, layout: TableLayout, delimiters: Iterable[str]
) -> _Heading | None:
    """Return the heading that begins with a line, by the separator that gives most of the columns.

    Among equals by the one that gives the most cells. None where none reads it.
    """
    further = lines.take(LONGEST_FIELD_LINES)
    lines.give_back(further)
    block = [text, *(part or "" for _, part in further)]
    wanted = {_folded(name) for name in (*layout.columns, *layout.optional)}
    found: list[_Heading] = []
    for delimiter in delimiters:
        reader = csv.reader(block, delimiter=delimiter, strict=True)
        with suppress(csv.Error):
            cells = [cell.strip() for cell in next(reader)]
            while cells and not cells[-1]:
                cells.pop()
            found.append(_Heading(delimiter, cells, reader.line_num - 1))

    def fitness(one: _Heading) -> tuple[int, int]:
        return len(wanted.intersection(map(_folded, one.cells))), len(one.cells)

    return max(found, key=fitness, default=None)


def _split(lines: Iterable[str], delimiter: str) -> list[str]:
    """Return the trimmed cells of one row. Raises csv.Error."""
    (cells,) = csv.reader(lines, delimiter=delimiter, strict=True)
    return [cell.strip() for cell in cells]


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


def _named(delimiter: str) -> str:
    return "a tab" if delimiter == "\t" else repr(delimiter)
