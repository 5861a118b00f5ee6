"""A file that another command takes: refused with the name of that command."""

from __future__ import annotations

from pathlib import Path

from boundary.errors import SmartRegionError
from operations.importing.mapping import load_mapping, mapping_names
from operations.importing.pilote import LAYOUT
from operations.importing.table import (
    HeadingError,
    Table,
    TableLayout,
    UnreadableFileError,
    open_table,
)

__all__ = ["WrongFileError", "command_for", "opened"]

_FIRST_BYTES = 4096


class WrongFileError(SmartRegionError):
    """A file is not of the kind that a command takes, but of another's."""

    def __init__(self, file: Path, *, cause: HeadingError, command: str) -> None:
        super().__init__(
            f"{file}:{cause.line}: heading: is that of another kind of file ({cause.column} is not"
            f" a column): take it with `smart-region {command}`"
        )


def opened(file: Path, layout: TableLayout) -> Table:
    """Open a file as `open_table`. Raises also WrongFileError where another command takes it."""
    try:
        return open_table(file, layout)
    except HeadingError as error:
        command = command_for(file)
        if command is None:
            raise
        raise WrongFileError(file, cause=error, command=command) from error


def command_for(file: Path) -> str | None:
    """Return the command that takes a file, by its first lines; None where none does."""
    with file.open("rb") as stream:
        start = stream.read(_FIRST_BYTES)
    if start.lstrip(b"\xef\xbb\xbf \t\r\n[").startswith(b"{") and b'"specversion"' in start:
        return f"emit {file.name}"
    if _fits(file, LAYOUT):
        return f"import pilote {file.name}"
    for name in mapping_names():
        if _fits(file, load_mapping(name).layout):
            return f"import csv --mapping {name} {file.name}"
    return None


def _fits(file: Path, layout: TableLayout) -> bool:
    try:
        open_table(file, layout)
    except (HeadingError, UnreadableFileError):
        return False
    return True
