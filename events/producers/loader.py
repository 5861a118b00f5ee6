"""Reads the declared producers from a file, or reports every error in it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from events.declaration import read_declaration
from events.producers.model import Producers

__all__ = ["REGION", "load_producers"]

REGION: Final = Path(__file__).parent / "region.yaml"
"""The declaration in the package: the Région's own systems."""


def load_producers(file: Path | None = None) -> Producers:
    """Return the producers of a file, by default the Région's own.

    Raises InvalidDeclarationError with every error: file, line, field, value, remedy.
    """
    return read_declaration(REGION if file is None else file, Producers)
