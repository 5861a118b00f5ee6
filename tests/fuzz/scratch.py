"""The one folder of files that readers of files are given, removed with the process."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

_kept: Final[list[TemporaryDirectory[str]]] = []


@cache
def _folder() -> Path:
    _kept.append(TemporaryDirectory(prefix="smart-region-fuzz-"))
    return Path(_kept[-1].name)


def scratch_file(name: str, content: bytes) -> Path:
    file = _folder() / name
    file.write_bytes(content)
    return file
