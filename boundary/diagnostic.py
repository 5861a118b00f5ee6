"""Diagnostics of input: location, problem, value and remedy."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Final, TypeAlias

from boundary.terminal import legible

SHOWN_CHARACTERS: Final = 80
"""How much of a refused value a message repeats: enough to recognise it, never a whole record."""
NOT_SHOWN: Final = "(not shown: a person's data)"
_NEAR: Final = 0.7

FieldPath: TypeAlias = tuple[str | int, ...]
"""Keys and indices that lead to a field."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One problem in a file, a declaration or an event.

    Its text is one line: `file:line: field: problem, value …: remedy`, without the parts that are
    None.
    """

    path: FieldPath
    """The path of the field within the input."""
    problem: str
    value: object
    """The field's value; None if it is missing or must not be repeated."""
    remedy: str
    field: str | None = None
    """The field as a reader finds it: a column's heading, a path with ids instead of indices; None
    for the whole input."""
    file: Path | str | None = None
    line: int = 0
    """From 1; 0 for no line."""
    hidden: bool = False
    """True if the value is personal data."""

    def hide(self) -> Diagnostic:
        """Return the same diagnostic without its value."""
        return replace(self, value=None, hidden=True)

    def __str__(self) -> str:
        position = ":".join(str(part) for part in (self.file, self.line) if part)
        value = f", value {NOT_SHOWN if self.hidden else shown(self.value)}"
        problem = self.problem if self.value is None and not self.hidden else self.problem + value
        return legible(": ".join(filter(None, (position, self.field, problem, self.remedy))))


def shown(value: object) -> str:
    """Return the beginning of a value for a message: one line, at most 80 characters."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()  # As in JSON and YAML.
    # Truncated before repr: a refused value may be megabytes long.
    text = repr(value[:SHOWN_CHARACTERS]) if isinstance(value, str | bytes) else str(value)
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"


def choose(value: object, known: Collection[str]) -> str:
    """Return the remedy for an unknown word: the closest known one, or all if none is close."""
    near = get_close_matches(str(value)[:SHOWN_CHARACTERS], known, n=1, cutoff=_NEAR)
    return f"write '{near[0]}'" if near else f"write one of {', '.join(known)}"
