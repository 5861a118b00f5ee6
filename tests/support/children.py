"""Commands of this project as child processes: started, killed, and their log read."""

from __future__ import annotations

import os
import subprocess
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from operations.programs.program import end_child, start_child


class Child:
    """A program that may be started again; `url` is where it serves, if it does."""

    def __init__(
        self, command: Sequence[str], env: Mapping[str, str], *, log_file: Path, url: str = ""
    ) -> None:
        self.log_file = log_file
        self.url = url
        self._command = command
        self._env = {**os.environ, **env}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process; does not wait until it is ready."""
        self._process = start_child(self._command, output=self.log_file, env=self._env)

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "start it first"
        return self._process

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """End it as a power cut would, if it runs."""
        if self._process is not None:
            end_child(self._process, stop_seconds=0)

    def stop(self, *, grace: float = 30.0) -> int:
        """Stop it, as an operator would; return its exit status."""
        return end_child(self.process, stop_seconds=grace)

    def log(self) -> str:
        return self.log_file.read_text() if self.log_file.exists() else ""

    def metrics(self) -> str:
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=10) as answer:  # noqa: S310 - ours
            return str(answer.read().decode())
