"""Foreign text in CSV files: no spreadsheet reads a cell as a formula."""

from __future__ import annotations

import re
from typing import Final

from boundary.terminal import legible

#: Characters that begin a formula, including the full-width ones of East Asian versions. Some
#: programs skip spaces before them.
_FORMULA: Final = re.compile(r"\s*[=+@\-\uff1d\uff0b\uff20\uff0d]|[\t\r\n]")
_NUMBER: Final = re.compile(r"[+-]?[0-9][0-9 \u00a0\u202f.,]*")


def plain_cell(value: object) -> object:
    """Return a cell's value, with a leading `'` if the text could be read as a formula."""
    if not isinstance(value, str):
        return value
    text = legible(value)
    is_formula = _FORMULA.match(value) is not None and not _NUMBER.fullmatch(value)
    return f"'{text}" if is_formula else text
