"""The demo's worker: the monitor's own, as a program beside this one."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final, Self

from pydantic import SecretStr

from streams.child_process import end_child, start_child
from streams.demo.errors import WorkerEndedError
from streams.settings import ENV_PREFIX, Settings

__all__ = ["WorkerProcess", "environment", "free_port"]

HOST: Final = "127.0.0.1"
COMMAND: Final = (sys.executable, "-m", "smart_region", "worker")
STOP_SECONDS: Final = 10.0


class WorkerProcess:
    """A `smart-region worker` that lives as long as a `with` block, and never longer than we.

    Enter it from a thread that lives as long as the worker is needed (see `start_child`).
    """

    def __init__(self, settings: Settings) -> None:
        """Choose its port: the settings' where it is free, else any."""
        self._settings = settings.model_copy(
            update={"http_host": HOST, "http_port": free_port(settings.http_port)}
        )
        self._process: subprocess.Popen[bytes] | None = None
        self._log = Path()
        self._resources = ExitStack()

    @property
    def url(self) -> str:
        """Where it serves /metrics, once it is up."""
        return f"http://{HOST}:{self._settings.http_port}"

    def __enter__(self) -> Self:
        """Start it; it is ready some seconds later."""
        with ExitStack() as starting:
            folder = starting.enter_context(tempfile.TemporaryDirectory(prefix="smart-region-"))
            self._log = Path(folder) / "worker.log"
            env = {**os.environ, **environment(self._settings)}
            self._process = start_child(COMMAND, output=self._log, env=env)
            starting.callback(end_child, self._process, grace=STOP_SECONDS)
            self._resources = starting.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """End it, and its log with it."""
        self._resources.close()

    def check(self) -> None:
        """Raise WorkerEndedError with its last words if it has ended by itself."""
        status = None if self._process is None else self._process.poll()
        if status is not None:
            raise WorkerEndedError(status, last_words=self._last_words())

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").splitlines()
        return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")


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


def free_port(wanted: int) -> int:
    """Return the wanted loopback port where nothing listens on it, else one the kernel gives."""
    with socket.socket() as probe:
        # As a server does: a port of connections that are just closing is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):
            probe.bind((HOST, wanted))
            return int(probe.getsockname()[1])
    return free_port(0)
