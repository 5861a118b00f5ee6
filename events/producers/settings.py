"""The setting that names the file of declared producers."""

from __future__ import annotations

from pathlib import Path

from pydantic_settings import BaseSettings

from boundary.settings import SETTINGS_CONFIG

__all__ = ["ProducersSettings"]


class ProducersSettings(BaseSettings):
    """Which producers are declared."""

    model_config = SETTINGS_CONFIG

    producers: Path | None = None
    """File of declared producers to use instead of the shipped one; the same for all programs,
    or they take different events."""
