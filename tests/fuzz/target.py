"""What is fuzzed: a reader, what it may be given, and what always holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
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
    most_seconds: float = 1.0
    """How much of the processor's time one example may take."""
    most_mib: int = 64
    """How much memory one example may take beyond what the process has."""


@cache
def _folder() -> TemporaryDirectory[str]:
    """Return the one folder of files that readers of files are given; it ends with the process."""
    return TemporaryDirectory(prefix="smart-region-fuzz-")


def scratch_file(name: str, content: bytes) -> Path:
    """Write a file for a reader of files."""
    file = Path(_folder().name) / name
    file.write_bytes(content)
    return file
