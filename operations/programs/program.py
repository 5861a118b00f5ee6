"""A program beside this one: started, perhaps more than once, heard, and ended in order."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from boundary.errors import SmartRegionError
from operations.programs.child_process import end_child, start_child

__all__ = ["Program", "ProgramEndedError"]


class ProgramEndedError(SmartRegionError):
    """A program that is needed ended by itself."""

    def __init__(self, name: str, status: int, *, last_words: str) -> None:
        self.name = name
        self.status = status
        self.last_words = last_words
        super().__init__(
            f"{name}: ended by itself with status {status} ({last_words}):"
            " repair what it says and start again"
        )


class Program:
    """A program that lives as long as a `with` block, and never longer than we.

    Start it from a thread that lives as long as the program is needed (see `start_child`). What
    it says is appended to a log that stays in its folder.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        folder: Path,
        env: Mapping[str, str] | None = None,
        grace: float = 0,
    ) -> None:
        """`env` is added to our own environment; `grace` is how long it may take to end itself."""
        self.name = name
        self.log_file = folder / f"{name}.log"
        self._command = command
        self._env = env or {}
        self._grace = grace
        self._process: subprocess.Popen[bytes] | None = None
        self._mark = 0

    def __enter__(self) -> Self:
        """Start it; what it serves comes later."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self.end()

    def start(self) -> None:
        """Start it, or start it again once it has ended."""
        self._mark = self.log_file.stat().st_size if self.log_file.exists() else 0
        env = {**os.environ, **self._env}
        self._process = start_child(self._command, output=self.log_file, env=env)

    def ask_to_end(self) -> None:
        """Send it SIGTERM, and do not wait; one that has ended does not hear it."""
        if self._process is not None:
            self._process.terminate()

    def end(self) -> None:
        """Ask it to end, and kill it where it does not within its grace."""
        if self._process is not None:
            end_child(self._process, grace=self._grace)

    @property
    def pid(self) -> int | None:
        """The number of its last process."""
        return None if self._process is None else self._process.pid

    @property
    def status(self) -> int | None:
        """How it ended: its exit status, or minus the signal; None before that."""
        return None if self._process is None else self._process.poll()

    @property
    def log(self) -> str:
        """All that it has said since it was last started."""
        if not self.log_file.exists():
            return ""
        with self.log_file.open("rb") as stream:
            stream.seek(self._mark)
            return stream.read().decode(errors="replace")

    def log_end(self, lines: int) -> list[str]:
        """Give the last lines of its log that are not empty."""
        return [line.rstrip() for line in self.log.splitlines() if line.strip()][-lines:]

    def check(self) -> None:
        """Raise ProgramEndedError with its last words if it has ended by itself."""
        if (status := self.status) is not None:
            last_words = "".join(self.log_end(1)).strip() or "it said nothing"
            raise ProgramEndedError(self.name, status, last_words=last_words)
