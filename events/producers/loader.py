"""Reads the declared producers from a file, or reports all errors in it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pydantic_settings import BaseSettings

from boundary.settings import SETTINGS_CONFIG
from events.declaration import read_declaration
from events.producers.model import Producers

REGION: Final = Path(__file__).parent / "region.yaml"
"""The declaration in the package: the Région's own systems."""


def load_producers(file: Path | None = None) -> Producers:
    """Return the producers in a file, by default the Région's own.

    Raises InvalidDeclarationError with all errors: file, line, field, value, remedy.
    """
    return read_declaration(REGION if file is None else file, Producers)


class ProducersSettings(BaseSettings):
    """Which producers are declared."""

    model_config = SETTINGS_CONFIG

    producers: Path | None = None
    """File of declared producers to use instead of the shipped one. Give all programs the same
    one, or they accept different events."""
