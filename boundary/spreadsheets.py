"""Foreign text in CSV files: no spreadsheet reads a cell as a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from boundary.terminal import legible

#: Characters that begin a formula, including the full-width ones of East Asian versions. Some
#: programs skip spaces before them.
_FORMULA: Final = re.compile(r"\s*[=+@\-\uff1d\uff0b\uff20\uff0d]|[\t\r\n]")
_NUMBER: Final = re.compile(r"[+-]?[0-9][0-9 \u00a0\u202f.,]*")


def plain_cell(value: object) -> object:
    """Return a cell's value: a flag as in JSON, and a text that could be a formula behind a `'`."""
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        return value
    text = legible(value)
    is_formula = _FORMULA.match(value) is not None and not _NUMBER.fullmatch(value)
    return f"'{text}" if is_formula else text


def csv_text(
    header: Sequence[str], rows: Iterable[Mapping[str, object]], *, delimiter: str = ","
) -> str:
    """Return rows as CSV (RFC 4180) with a header line; no cell is a formula."""
    out = io.StringIO()
    writer = csv.DictWriter(out, header, delimiter=delimiter)
    writer.writeheader()
    for row in rows:
        writer.writerow({name: plain_cell(value) for name, value in row.items()})
    return out.getvalue()
