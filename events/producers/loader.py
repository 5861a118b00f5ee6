"""From a file to the declared producers, or to all the mistakes in it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from events.declaration import read_declaration
from events.producers.model import Producers

__all__ = ["REGION", "load_producers"]

REGION: Final = Path(__file__).parent / "region.yaml"
"""The Région's own systems, which the package carries."""


def load_producers(file: Path | None = None) -> Producers:
    """Read the producers of a file, by default the Région's own.

    Raises InvalidDeclarationError with every mistake: file, line, field, value, remedy.
    """
    return read_declaration(REGION if file is None else file, Producers)
