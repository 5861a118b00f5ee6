"""The folder where a user's commands keep data from one run to the next."""

from __future__ import annotations

from pathlib import Path

import click

from boundary.errors import SmartRegionError


def settings_folder() -> Path:
    """Return the folder, which may not exist: on Linux `~/.config/smart-region`.

    Raises SmartRegionError for a user without a home, as in a container.
    """
    folder = Path(click.get_app_dir("smart-region"))
    if not folder.is_absolute():
        raise SmartRegionError(
            f"HOME: names no folder of this user, value {str(folder)!r}: set it, or"
            " XDG_CONFIG_HOME, to a whole path, or name a file with --journal or --state"
        )
    return folder
