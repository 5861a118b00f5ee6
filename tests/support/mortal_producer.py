"""A producer with a spool in a process of its own, to be killed and started again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

__all__ = ["MortalProducer"]


class MortalProducer:
    """Runs `tests.support.spooling_producer`, each life behind what the last noted as safe."""

    def __init__(self, url: str, folder: Path, *, token: str, last: int) -> None:
        self.spool = folder / "spool.db"
        self._notes = folder / "notes"
        self._command = [
            *(sys.executable, "-m", "tests.support.spooling_producer"),
            *(url, str(self.spool), str(self._notes), str(last), token),
        ]

    def start(self) -> subprocess.Popen[bytes]:
        """Start it, and return when it has the spool."""
        process = subprocess.Popen(self._command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdout is not None
        if not process.stdout.readline():
            raise AssertionError(process.communicate()[1].decode())
        return process

    def safe(self) -> int:
        """Tell how many events it has published for good."""
        return len(self._notes.read_text().split()) if self._notes.exists() else 0
