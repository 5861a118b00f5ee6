"""The stack's folder: what it keeps from one run to the next; one stack at a time locks it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from boundary.errors import SmartRegionError
from boundary.file_lock import FileLockedError, lock_file
from boundary.private_files import close_folder


@dataclass(frozen=True, slots=True)
class Folder:
    """The folder of a stack. To start from nothing, remove it."""

    path: Path

    @classmethod
    @contextmanager
    def held(cls, path: Path) -> Iterator[Self]:
        """Create the folder where there is none, and lock it for the block.

        Raises SmartRegionError.
        """
        folder = cls(path.resolve())
        try:
            # Data and logs hold events: for the owner alone, also where an older release left
            # them open.
            for part in (folder.logs, folder.kafka, folder.secrets, folder.alerting, folder.page):
                close_folder(part)
            lock = lock_file(folder.path / "lock")
        except FileLockedError as error:
            raise SmartRegionError(
                f"folder: another stack runs in {folder.path}: end that one, or give this one a"
                " folder of its own with --folder"
            ) from error
        except OSError as error:
            raise SmartRegionError(
                f"folder: cannot keep anything in {folder.path} ({error.strerror}): name another"
                " with --folder"
            ) from error
        with lock:
            yield folder

    @property
    def logs(self) -> Path:
        """A log for each process."""
        return self.path / "logs"

    @property
    def kafka(self) -> Path:
        """The broker's settings and data: every event that was accepted, and the states."""
        return self.path / "kafka"

    @property
    def secrets(self) -> Path:
        """The producers' secrets."""
        return self.path / "secrets"

    @property
    def ports(self) -> Path:
        """The file of the ports of the last start."""
        return self.path / "ports.json"

    @property
    def page(self) -> Path:
        """The page's copy of the events, which is made anew from the broker's."""
        return self.path / "page"

    @property
    def alerting(self) -> Path:
        """The files and the data of Prometheus and Alertmanager."""
        return self.path / "alerting"
