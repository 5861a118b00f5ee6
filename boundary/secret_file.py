"""Files that hold secrets: who may read them."""

from __future__ import annotations

from pathlib import Path

from boundary.errors import SmartRegionError
from boundary.private_files import rights_of_others

__all__ = ["OpenSecretError", "refuse_open_file"]


class OpenSecretError(SmartRegionError):
    """A file of secrets that everybody on the machine may read or replace."""

    def __init__(self, file: Path, *, mode: int) -> None:
        self.file = file
        self.mode = mode
        super().__init__(
            f"{file}: is open to everybody on this machine, value {mode:04o}: chmod 600 {file}"
        )


def refuse_open_file(file: Path) -> None:
    """Raise OpenSecretError where others than a file's owner and group have rights on it.

    A group may have them: container platforms hand secrets over so. A file that is not there is
    left to whoever reads it.
    """
    if mode := rights_of_others(file):
        raise OpenSecretError(file, mode=mode)
