"""Relays as child processes, from a producer's database to a broker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from operations.programs.program import end_child, start_child


class Relay:
    """A `smart-region relay postgres` of its own process."""

    def __init__(
        self, database: str, bootstrap: str, folder: Path, *options: str, name: str = "relay"
    ) -> None:
        self.database = database
        self.log_file = folder / f"{name}.log"
        self._command = [
            *(sys.executable, "-m", "smart_region", "relay", "postgres"),
            *("--database", database, "--poll", "1", *options),
        ]
        self._env = {**os.environ, "SMART_REGION_BROKER": bootstrap}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process."""
        self._process = start_child(self._command, output=self.log_file, env=self._env)

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            end_child(self._process, stop_seconds=0)

    def stop(self) -> int:
        """End it as a supervisor does, and return its exit status."""
        assert self._process is not None, "start it first"
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(30)

    def log(self) -> str:
        """Return what it said in all its lives."""
        return self.log_file.read_text() if self.log_file.exists() else ""
