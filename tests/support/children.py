"""Commands of this project as child processes, which tests kill and start again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from operations.programs.program import IsReady, Program

STOP_SECONDS = 30.0


class Child(Program):
    """A command of ours; `url` is where it serves, if it does."""

    def __init__(
        self,
        command: Sequence[str],
        env: Mapping[str, str],
        *,
        log_file: Path,
        url: str = "",
        is_ready: IsReady = lambda _: True,
    ) -> None:
        super().__init__(
            log_file.stem,
            command,
            folder=log_file.parent,
            env=env,
            is_ready=is_ready,
            stop_seconds=STOP_SECONDS,
        )
        self.url = url

    @property
    def log(self) -> str:
        """Return its output of all its lives."""
        return self.log_file.read_text() if self.log_file.exists() else ""
