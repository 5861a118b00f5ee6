"""What can be wrong with a catalogue; each error says where, what, and what to do."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from boundary.errors import SmartRegionError

__all__ = [
    "DeclarationError",
    "InvalidCatalogueError",
    "UnknownIndicatorError",
    "UnknownProgrammeError",
]

LONGEST_VALUE = 80


class DeclarationError(SmartRegionError):
    """One mistake in a catalogue file."""

    def __init__(
        self, *, file: Path, line: int, field: str, problem: str, value: object, remedy: str
    ) -> None:
        shown = "" if value is None else f" (value {_shortened(value)})"
        super().__init__(f"{file}:{line}: {field}: {problem}{shown}: {remedy}")
        self.file = file
        self.line = line
        self.field = field
        self.problem = problem
        self.value = value
        self.remedy = remedy


class InvalidCatalogueError(SmartRegionError):
    """A catalogue with mistakes: all of them, file by file, in the order of their lines."""

    def __init__(self, errors: Sequence[DeclarationError]) -> None:
        self.errors = tuple(sorted(errors, key=lambda error: (error.file, error.line)))
        super().__init__("\n".join(map(str, self.errors)))


class UnknownIndicatorError(SmartRegionError):
    """An indicator that no programme declares."""

    def __init__(self, indicator: str, *, known: Collection[str]) -> None:
        super().__init__(f"indicator: is not declared (value {indicator}): one of {_listed(known)}")
        self.indicator = indicator


class UnknownProgrammeError(SmartRegionError):
    """A programme that the catalogue does not have."""

    def __init__(self, programme: str, *, known: Collection[str]) -> None:
        super().__init__(f"programme: is not declared (value {programme}): one of {_listed(known)}")
        self.programme = programme


def _listed(known: Collection[str]) -> str:
    return ", ".join(known) or "none yet"


def _shortened(value: object) -> str:
    text = str(value) if not isinstance(value, str) else repr(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"
