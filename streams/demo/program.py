"""A program of the demo's: a process beside this one, and its last words if it ends by itself."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from streams.child_process import end_child, start_child
from streams.demo.errors import ProgramEndedError

__all__ = ["Program"]


class Program:
    """A program that lives as long as a `with` block, and never longer than we.

    Enter it from a thread that lives as long as the program is needed (see `start_child`).
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        grace: float = 0,
    ) -> None:
        """`env` is added to our own environment; `grace` is how long it may take to end itself."""
        self.name = name
        self._command = command
        self._env = env or {}
        self._grace = grace
        self._process: subprocess.Popen[bytes] | None = None
        self._log = Path()
        self._resources = ExitStack()

    def __enter__(self) -> Self:
        """Start it; what it serves comes later."""
        with ExitStack() as starting:
            folder = starting.enter_context(tempfile.TemporaryDirectory(prefix="smart-region-"))
            self._log = Path(folder) / f"{self.name}.log"
            # What it leaves behind goes away with its log.
            env = {**os.environ, **self._env, "TMPDIR": folder}
            self._process = start_child(self._command, output=self._log, env=env)
            starting.callback(end_child, self._process, grace=self._grace)
            self._resources = starting.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """End it, and its log with it."""
        self._resources.close()

    @property
    def log(self) -> str:
        """All that it has said so far."""
        return self._log.read_text(errors="replace")

    def check(self) -> None:
        """Raise ProgramEndedError with its last words if it has ended by itself."""
        status = None if self._process is None else self._process.poll()
        if status is not None:
            raise ProgramEndedError(self.name, status, last_words=self._last_words())

    def _last_words(self) -> str:
        lines = self.log.splitlines()
        return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
