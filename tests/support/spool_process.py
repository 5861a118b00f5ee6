"""A producer with a spool in a process of its own, to be killed and started again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


class SpoolProcess:
    """Runs `tests.support.spooling_producer`; each run continues after the last noted event."""

    def __init__(self, url: str, folder: Path, *, token: str, last: int) -> None:
        self.spool = folder / "spool.db"
        self._notes = folder / "notes"
        self._command = [
            *(sys.executable, "-m", "tests.support.spooling_producer"),
            *(url, str(self.spool), str(self._notes), str(last), token),
        ]

    def start(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(self._command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdout is not None
        if not process.stdout.readline():
            raise AssertionError(process.communicate()[1].decode())
        return process

    def safe(self) -> int:
        """Return how many events it has noted as published."""
        return len(self._notes.read_text().split()) if self._notes.exists() else 0
