"""Golden files: generated content that a person has reviewed and committed.

`REWRITE_GOLDEN=1` before the command that runs the tests writes the files again. Read the diff.
"""

from __future__ import annotations

import os
from pathlib import Path


def check_golden(file: Path, text: str) -> None:
    if os.environ.get("REWRITE_GOLDEN"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")
