"""What is fuzzed: a reader, what it may be given, and what always holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis.strategies import SearchStrategy


@dataclass(frozen=True)
class Target:
    """One reader: examples of what it may be given, and the check that holds for each.

    A check lets the reader's declared errors pass, and raises whatever else it raises.
    """

    name: str
    meaning: str
    examples: SearchStrategy[Any]
    check: Callable[[Any], None]
    of_file: Callable[[bytes], Any] | None = bytes
    """Makes an example of a file of the corpus; None: of this target none is kept in files."""
    most_mib: int = 64
    """How much memory one example may take beyond what the process has."""
