"""What is wrong with one line of a file, and the reports of it: for a screen, for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeAlias

from boundary.errors import SmartRegionError
from boundary.private_files import open_private
from boundary.showing import legible
from boundary.spreadsheets import plain_cell
from events.errors import shown

__all__ = ["CannotWriteError", "LineRefusal", "RefusalWriter", "refusal_file"]

COLUMNS: Final = ("file", "line", "column", "value", "problem", "remedy")
# What spreadsheets of a French desktop open by a double click: semicolons, a mark of UTF-8, CRLF.
DELIMITER: Final = ";"
BYTE_ORDER_MARK: Final = "\ufeff"
NOT_SHOWN: Final = "(not shown: a person's data)"


@dataclass(frozen=True, slots=True)
class LineRefusal:
    """A line that is not taken, told so that whoever keeps the file can correct it.

    `column` is the heading as the file has it, None where the whole line is meant. `value` is
    what stands there; None where nothing does, or where it is `hidden`: a person's data.
    """

    file: str
    line: int
    column: str | None
    value: str | None
    problem: str
    remedy: str
    hidden: bool = False

    def hide(self) -> LineRefusal:
        """The same without its value."""
        return replace(self, value=None, hidden=True)

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:" + (f" {self.column}:" if self.column else "")
        told = ""
        if self.hidden:
            told = f", value {NOT_SHOWN}"
        elif self.value is not None:
            told = f", value {shown(self.value)}"
        return legible(f"{where} {self.problem}{told}: {self.remedy}")


RefusalWriter: TypeAlias = Callable[[LineRefusal], None]
"""Takes refusals, one after the other."""


class CannotWriteError(SmartRegionError):
    """A file that is asked for cannot be written."""

    def __init__(self, option: str, file: Path, *, cause: OSError) -> None:
        self.file = file
        super().__init__(
            f"{option}: cannot be written, value {str(file)!r} ({cause.strerror or cause}):"
            " name a file of yours, not a link, in a folder that exists and may be written to"
        )


@contextmanager
def refusal_file(file: Path) -> Iterator[RefusalWriter]:
    """Give what writes refusals into a file: `*.csv` for spreadsheets, any other name as text.

    What is refused may be a person's data: the file is its owner's alone, and no link.

    Raises CannotWriteError, and so does the writer.
    """
    as_table = file.suffix.lower() == ".csv"
    try:
        # Each line at once, and none left for the end: who waits for a long import reads on.
        stream = open_private(file)
    except OSError as error:
        raise CannotWriteError("--refusals", file, cause=error) from error

    def write(text: str) -> None:
        left = text.encode()
        try:
            while left:
                left = left[stream.write(left) :]
        except OSError as error:
            raise CannotWriteError("--refusals", file, cause=error) from error

    with stream:
        if as_table:
            write(BYTE_ORDER_MARK + _row(COLUMNS))
        yield lambda refusal: write(_as_row(refusal) if as_table else f"{refusal}\n")


def _as_row(refusal: LineRefusal) -> str:
    shown = replace(refusal, value=NOT_SHOWN) if refusal.hidden else refusal
    return _row([plain_cell(getattr(shown, column)) for column in COLUMNS])


def _row(cells: Iterable[object]) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=DELIMITER).writerow(cells)
    return text.getvalue()
