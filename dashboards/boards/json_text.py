"""A board as JSON text: what fits on a line is on one, so that a change is few lines of a diff."""

from __future__ import annotations

import json
from typing import Any, Final

__all__ = ["json_text"]

#: No line is longer but for a text, which is never broken.
WIDTH: Final = 80
STEP: Final = 2


def json_text(value: Any, indent: int = 0, before: int = 0) -> str:  # noqa: ANN401 - JSON of any shape
    """Write a value; objects keep the order of their names.

    `indent` is that of the line which the value begins on, `before` what stands on it already, in
    characters.
    """
    line = json.dumps(value, ensure_ascii=False)
    if not value or not isinstance(value, dict | list) or before + len(line) <= WIDTH - indent:
        return line
    inner = " " * (indent + STEP)
    if isinstance(value, list):
        parts = [json_text(one, indent + STEP, 1) for one in value]
    else:
        parts = []
        for name, one in value.items():
            label = f"{json.dumps(name, ensure_ascii=False)}: "
            parts.append(label + json_text(one, indent + STEP, len(label) + 1))
    opening, closing = "[]" if isinstance(value, list) else "{}"
    lines = ",\n".join(f"{inner}{part}" for part in parts)
    return f"{opening}\n{lines}\n{' ' * indent}{closing}"
