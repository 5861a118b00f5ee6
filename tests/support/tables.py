"""CSV files for tests of imports: written unchanged, opened, and read into rows and refusals."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

RECORDED = datetime(2024, 3, 1, 12, tzinfo=UTC)
"""When the files of tests were last changed."""

SHARED_DATA = Path(__file__).parents[3] / "shared" / "data"
"""The real public data, beside the project if present."""


def write_file(
    folder: Path, text: str | bytes, *, name: str = "file.csv", time: datetime = RECORDED
) -> Path:
    """Write a file that was last changed at a time; text is UTF-8 with unchanged line ends."""
    file = folder / name
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    os.utime(file, (time.timestamp(), time.timestamp()))
    return file


def shared_file(name: str) -> Path:
    """Return the path of a file of real data, which is not ours; skip the test if it is missing."""
    file = SHARED_DATA / name
    if not file.exists():
        pytest.skip(f"{name} is not at hand: it is not part of the project")
    return file
