"""The file of an import's refusals: as text, or as a table for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeAlias

from boundary.diagnostic import NOT_SHOWN, Diagnostic
from boundary.errors import SmartRegionError
from boundary.private_files import open_private
from boundary.spreadsheets import plain_cell

COLUMNS: Final = {
    "file": "file",
    "line": "line",
    "column": "field",
    "value": "value",
    "problem": "problem",
    "remedy": "remedy",
}
"""Heading → attribute of a diagnostic."""
# A French spreadsheet opens this by a double click: semicolons, a UTF-8 mark, CRLF.
DELIMITER: Final = ";"
BYTE_ORDER_MARK: Final = "\ufeff"


RefusalWriter: TypeAlias = Callable[[Diagnostic], None]
"""Receives refusals, one after the other."""


@contextmanager
def refusal_file(file: Path, *, read: Iterable[Path] = ()) -> Iterator[RefusalWriter]:
    """Open a file and yield the writer of its refusals: `*.csv` as a table, else as text.

    Refused values may be a person's data: only the file's owner may read it, and it must not be a
    link. It must not be one of the files that are `read`.

    Raises SmartRegionError, and so does the writer.
    """
    if file.resolve() in {one.resolve() for one in read}:
        raise SmartRegionError(
            f"--refusals: would replace a file that this import reads, value {str(file)!r}: name a"
            " new file; nothing was changed"
        )
    as_table = file.suffix.lower() == ".csv"
    try:
        # Unbuffered: the file can be read during a long import.
        stream = open_private(file)
    except OSError as error:
        raise _cannot_write(file, error) from error

    def write(text: str) -> None:
        left = text.encode()
        try:
            while left:
                left = left[stream.write(left) :]
        except OSError as error:
            raise _cannot_write(file, error) from error

    with stream:
        if as_table:
            write(BYTE_ORDER_MARK + _row(COLUMNS))

        def write_one(refusal: Diagnostic) -> None:
            shown = replace(refusal, value=NOT_SHOWN) if refusal.hidden else refusal
            cells = [plain_cell(getattr(shown, name)) for name in COLUMNS.values()]
            write(_row(cells) if as_table else f"{refusal}\n")

        yield write_one


def _cannot_write(file: Path, error: OSError) -> SmartRegionError:
    return SmartRegionError(
        f"--refusals: cannot be written, value {str(file)!r} ({error.strerror or error}):"
        " name a file of yours, not a link, in a folder that exists and may be written to"
    )


def _row(cells: Iterable[object]) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=DELIMITER).writerow(cells)
    return text.getvalue()
