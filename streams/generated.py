"""What follows from the vocabulary of metrics and from the settings, as it lies in a clone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from boundary.generated_files import GeneratedFiles
from streams.metrics_page import metrics_page
from streams.settings_page import settings_page

__all__ = ["generated"]


def generated(root: Path) -> Iterator[GeneratedFiles]:
    """Give the two pages."""
    pages = {"metrics.md": metrics_page(), "settings.md": settings_page()}
    yield GeneratedFiles(root / "docs", pages)
