"""What can be wrong with a catalogue, and with what is looked up in it."""

from __future__ import annotations

from collections.abc import Collection

from boundary.diagnostic import Diagnostic
from boundary.errors import SmartRegionError
from events.declaration import InvalidDeclarationError


class InvalidCatalogueError(InvalidDeclarationError):
    """A catalogue with mistakes."""


class UndeclaredError(SmartRegionError):
    """An indicator or a programme (the `kind`) that the catalogue does not have."""

    def __init__(self, kind: str, value: str, *, known: Collection[str]) -> None:
        remedy = f"one of {', '.join(known) or 'none yet'}"
        super().__init__(str(Diagnostic((), "is not declared", value, remedy, field=kind)))
