"""The SIRETs of known organisations, read from a file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from boundary.diagnostic import shown
from boundary.errors import SmartRegionError

__all__ = ["SiretListError", "read_sirets"]

_SIRET: Final = re.compile(r"[0-9]{14}")
_FIRST_CELL: Final = re.compile(r"[;,\t]")


class SiretListError(SmartRegionError):
    """A list of organisations cannot be read."""

    def __init__(self, file: Path, line: int, value: str, *, remedy: str) -> None:
        super().__init__(f"{file}:{line}: is not a SIRET, value {shown(value)}: {remedy}")


def read_sirets(file: Path) -> frozenset[str]:
    """Return the SIRETs of a file: one begins each line, alone or before other columns.

    Spaces, quotes, empty lines, and a first line of headings are ignored. Raises SiretListError.
    """
    try:
        lines = file.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    except OSError as error:
        remedy = f"check its name and its rights ({error.strerror})"
        raise SiretListError(file, 1, "", remedy=remedy) from error
    found: set[str] = set()
    for number, line in enumerate(lines, 1):
        cell = re.sub(r"[\s\"']", "", _FIRST_CELL.split(line, maxsplit=1)[0])
        if _SIRET.fullmatch(cell):
            found.add(cell)
        elif cell and number > 1:
            raise SiretListError(file, number, cell, remedy="begin each line with 14 digits")
    return frozenset(found)
