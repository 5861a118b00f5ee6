"""The page docs/settings.md, written from the settings' model: `make generated` does it."""

from __future__ import annotations

import sys
from pathlib import Path

from events.settings import ENV_PREFIX
from streams.settings import Settings

__all__ = ["settings_page"]

_HEAD = """\
<!-- Generated from streams/settings.py by `make generated`. Do not edit. -->

# Settings

What `smart-region worker` and `smart-region assessor` read from the environment; times are in
seconds. The other commands read the broker, the security and the partitions from the same
variables. An unknown `SMART_REGION_…` variable is refused: it is nearly always a misspelling.

| variable | default | meaning |
|---|---|---|
"""


def settings_page() -> str:
    """Return the page: every variable with its default and its meaning."""
    rows = (
        f"| `{ENV_PREFIX}{name.upper()}` | {_default(field.default)} | {field.description} |\n"
        for name, field in Settings.model_fields.items()
    )
    return _HEAD + "".join(rows)


def _default(value: object) -> str:
    return "none" if value is None else f"`{value}`"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(settings_page(), encoding="utf-8")
