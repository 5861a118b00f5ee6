"""What can be wrong with a catalogue, and with what is looked up in it."""

from __future__ import annotations

from collections.abc import Collection

from boundary.diagnostic import Diagnostic
from boundary.errors import SmartRegionError
from events.declaration import InvalidDeclarationError

__all__ = [
    "InvalidCatalogueError",
    "UnknownIndicatorError",
    "UnknownProgrammeError",
]


class InvalidCatalogueError(InvalidDeclarationError):
    """A catalogue with mistakes."""


class UnknownIndicatorError(SmartRegionError):
    """An indicator that no programme declares."""

    def __init__(self, indicator: str, *, known: Collection[str]) -> None:
        super().__init__(_undeclared("indicator", indicator, known))


class UnknownProgrammeError(SmartRegionError):
    """A programme that the catalogue does not have."""

    def __init__(self, programme: str, *, known: Collection[str]) -> None:
        super().__init__(_undeclared("programme", programme, known))


def _undeclared(kind: str, value: str, known: Collection[str]) -> str:
    remedy = f"one of {', '.join(known) or 'none yet'}"
    return str(Diagnostic((), "is not declared", value, remedy, field=kind))
