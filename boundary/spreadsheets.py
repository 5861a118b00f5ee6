"""Text that others wrote, in a table that a spreadsheet opens: no cell becomes a formula."""

from __future__ import annotations

import re
from typing import Final

from boundary.showing import legible

__all__ = ["plain_cell"]

#: Signs that begin a formula, the full-width ones too, which East Asian versions read as the same.
#: Spaces before them are skipped by some programs.
_FORMULA: Final = re.compile(r"\s*[=+@\-\uff1d\uff0b\uff20\uff0d]|[\t\r\n]")
_NUMBER: Final = re.compile(r"[+-]?[0-9][0-9 \u00a0\u202f.,]*")


def plain_cell(value: object) -> object:
    """Return a cell's value: text that a program would take for a formula begins with `'`."""
    if not isinstance(value, str):
        return value
    text = legible(value)
    is_formula = _FORMULA.match(value) is not None and not _NUMBER.fullmatch(value)
    return f"'{text}" if is_formula else text
