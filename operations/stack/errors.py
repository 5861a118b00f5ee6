"""What keeps the stack from running."""

from __future__ import annotations

from pathlib import Path

from boundary.errors import SmartRegionError

__all__ = ["FolderInUseError", "FolderUnusableError", "GivenUpError", "NeverReadyError"]


class FolderInUseError(SmartRegionError):
    """Another stack runs in the folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        super().__init__(
            f"folder: another stack runs in {folder}: end that one, or give this one a folder of"
            " its own with --folder"
        )


class FolderUnusableError(SmartRegionError):
    """Nothing can be kept in the folder."""

    def __init__(self, folder: Path, *, cause: OSError) -> None:
        self.folder = folder
        super().__init__(
            f"folder: cannot keep anything in {folder} ({cause.strerror}): name another with"
            " --folder"
        )


class NeverReadyError(SmartRegionError):
    """A service runs, and does not come to serve."""

    def __init__(self, name: str, *, seconds: float, log: Path) -> None:
        self.name = name
        self.log = log
        super().__init__(
            f"{name}: is not ready after {seconds:.0f} s: repair what {log} says and start the"
            " stack again"
        )


class GivenUpError(SmartRegionError):
    """A service ends again and again, soon after each start."""

    def __init__(self, name: str, *, deaths: int, status: int, log: Path) -> None:
        self.name = name
        self.deaths = deaths
        self.status = status
        self.log = log
        super().__init__(
            f"{name}: ended {deaths} times in a row soon after its start, last with status"
            f" {status}: repair what {log} says and start the stack again"
        )
