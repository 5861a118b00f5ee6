"""The demo's worker: the monitor's own, as a program beside this one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Self

from pydantic import SecretStr

from streams.child_process import end_child, start_child
from streams.demo.errors import WorkerEndedError
from streams.settings import ENV_PREFIX, Settings

__all__ = ["WorkerProcess", "environment"]

HOST: Final = "127.0.0.1"
COMMAND: Final = (sys.executable, "-m", "smart_region", "worker")
STOP_SECONDS: Final = 10.0
SERVING: Final = re.compile(r"serving address=(http://[^\s\"]+)")
"""What it logs once its port is bound."""


class WorkerProcess:
    """A `smart-region worker` that lives as long as a `with` block, and never longer than we.

    It serves on the port that the settings were given, else on any that is free. Enter it from a
    thread that lives as long as the worker is needed (see `start_child`).
    """

    def __init__(self, settings: Settings) -> None:
        chosen = "http_port" in settings.model_fields_set
        port = settings.http_port if chosen else 0
        self._settings = settings.model_copy(update={"http_host": HOST, "http_port": port})
        self._process: subprocess.Popen[bytes] | None = None
        self._log = Path()
        self._resources = ExitStack()

    def __enter__(self) -> Self:
        """Start it; it is ready some seconds later."""
        with ExitStack() as starting:
            folder = starting.enter_context(tempfile.TemporaryDirectory(prefix="smart-region-"))
            self._log = Path(folder) / "worker.log"
            # Faust makes folders that it leaves behind.
            env = {**os.environ, **environment(self._settings), "TMPDIR": folder}
            self._process = start_child(COMMAND, output=self._log, env=env)
            starting.callback(end_child, self._process, grace=STOP_SECONDS)
            self._resources = starting.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """End it, and its log with it."""
        self._resources.close()

    @property
    def url(self) -> str | None:
        """Where it serves /metrics; None until it does."""
        serving = SERVING.search(self._read_log())
        return None if serving is None else serving[1]

    def check(self) -> None:
        """Raise WorkerEndedError with its last words if it has ended by itself."""
        status = None if self._process is None else self._process.poll()
        if status is not None:
            raise WorkerEndedError(status, last_words=self._last_words())

    def _last_words(self) -> str:
        lines = self._read_log().splitlines()
        return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")

    def _read_log(self) -> str:
        return self._log.read_text(errors="replace")


def environment(settings: Settings) -> dict[str, str]:
    """Write settings as the variables that they are read from; what is not set stays out."""
    values = {name: getattr(settings, name) for name in type(settings).model_fields}
    return {
        ENV_PREFIX + name.upper(): (
            value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        )
        for name, value in values.items()
        if value is not None
    }
