"""Where a person's commands keep what they have seen from one run to the next."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["settings_folder"]


def settings_folder() -> Path:
    """Return the folder, which may not be there: on Linux `~/.config/smart-region`."""
    return Path(click.get_app_dir("smart-region"))
