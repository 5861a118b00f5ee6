"""Foreign text in CSV files: no cell is read as a formula by a spreadsheet."""

from __future__ import annotations

import re
from typing import Final

from boundary.terminal import legible

#: Characters that begin a formula, also the full-width ones, which East Asian versions accept.
#: Some programs skip spaces before them.
_FORMULA: Final = re.compile(r"\s*[=+@\-\uff1d\uff0b\uff20\uff0d]|[\t\r\n]")
_NUMBER: Final = re.compile(r"[+-]?[0-9][0-9 \u00a0\u202f.,]*")


def plain_cell(value: object) -> object:
    """Return a cell's value; text that would be read as a formula is prefixed with `'`."""
    if not isinstance(value, str):
        return value
    text = legible(value)
    is_formula = _FORMULA.match(value) is not None and not _NUMBER.fullmatch(value)
    return f"'{text}" if is_formula else text
