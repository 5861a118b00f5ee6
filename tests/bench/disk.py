"""What processes take of the disk."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from tests.support.kafka import KafkaBroker


def log_bytes(broker: KafkaBroker, topic: str) -> int:
    """Return the size of a topic's records on the broker's disk."""
    return sum(
        file.stat().st_size
        for folder in (broker.folder / "data").glob(f"{topic}-[0-9]*")
        for file in folder.glob("*.log")
    )


def open_file_bytes(pid: int, folder: Path) -> int:
    """Return the size of the files in a folder that a process has open, with and without a name."""
    size = 0
    # It may end, or close a file, at any time.
    with suppress(OSError):
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                if folder in link.readlink().parents:
                    size += link.stat().st_size
    return size
