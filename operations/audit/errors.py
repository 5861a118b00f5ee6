"""What keeps an audit from being made: topics or workers that cannot be read, or no room."""

from __future__ import annotations

from pathlib import Path

from boundary.addresses import shown_address
from boundary.errors import SmartRegionError
from boundary.showing import one_line

__all__ = [
    "WorkFolderFullError",
    "WorkFolderUnusableError",
    "WorkerUnreadableError",
]


class WorkerUnreadableError(SmartRegionError):
    """A worker's metrics could not be had or understood."""

    def __init__(self, url: str, *, cause: str) -> None:
        self.url = url
        self.cause = cause
        super().__init__(
            f"worker: no metrics at {shown_address(url)} ({one_line(cause)}):"
            " check the address, and that `smart-region worker` runs there"
        )


class WorkFolderUnusableError(SmartRegionError):
    """The folder for what does not fit into memory is not there, or not ours to write to."""

    def __init__(self, folder: Path, *, problem: str) -> None:
        self.folder = folder
        super().__init__(
            f"work_folder: {folder} {problem}: name another with --work-folder or"
            " SMART_REGION_WORK_FOLDER"
        )


class WorkFolderFullError(SmartRegionError):
    """There is no room for the audit's rows."""

    def __init__(self, folder: Path | None, *, megabytes: int, cause: str) -> None:
        self.folder = folder
        self.megabytes = megabytes
        where = "the system's folder for temporary files" if folder is None else str(folder)
        super().__init__(
            f"work_folder: no room for the audit in {where} ({cause}), where it may take"
            f" {megabytes} MB: name a folder with room with --work-folder or"
            " SMART_REGION_WORK_FOLDER, or allow more with SMART_REGION_WORK_MB; a million records"
            " take about 1600 MB"
        )
