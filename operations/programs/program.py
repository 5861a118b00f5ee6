"""Child programs: started, perhaps again, and ended before the process that started them.

The project's own commands are among them: their command line and environment.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from shlex import quote
from typing import Final, Self, TypeAlias

from pydantic import SecretStr

from boundary.errors import SmartRegionError
from boundary.http_client import NoAnswerError, http_get
from boundary.private_files import PRIVATE_UMASK, make_private_file
from boundary.settings import ENV_PREFIX
from broker.settings import BrokerSettings

PR_SET_PDEATHSIG: Final = 1
COMMAND: Final = (sys.executable, "-m", "smart_region")
"""The project's own commands."""
ANSWER_SECONDS: Final = 2.0
"""Timeout of a readiness check over HTTP."""
TICK_SECONDS: Final = 0.02

IsReady: TypeAlias = Callable[["Program"], bool]
"""Returns whether a program serves since its last start, within ANSWER_SECONDS."""


def answers(url: str) -> IsReady:
    """Return a check whether a server answers 200 at an address."""

    def check(_: Program) -> bool:
        try:
            return http_get(url, seconds=ANSWER_SECONDS, most_bytes=0).status == HTTPStatus.OK
        except NoAnswerError:
            return False

    return check


def listens(address: str) -> IsReady:
    """Return a check whether something listens at HOST:PORT."""
    host, _, port = address.rpartition(":")

    def check(_: Program) -> bool:
        try:
            socket.create_connection((host, int(port)), timeout=ANSWER_SECONDS).close()
        except OSError:
            return False
        return True

    return check


def has_logged(text: str) -> IsReady:
    """Return a check whether a program has logged a text since its last start."""
    return lambda program: text in program.log


class Program:
    """A child program that never lives longer than this process.

    It gets a session of its own, so that a Ctrl-C in the terminal reaches this process alone,
    which then ends its children in the right order. On Linux the kernel kills it when the thread
    that started it ends, whatever the reason: start it from a thread that lives as long as the
    program is needed. Its output is appended to a log in its folder. What it writes, its data and
    its log, is for its owner alone, unless `umask` says otherwise.

    A `with` block starts it, and stops it at the end.
    """

    popen: type[subprocess.Popen[bytes]] = subprocess.Popen
    """Starts it."""

    def __init__(  # noqa: PLR0913 - each is one part of a process
        self,
        name: str,
        command: Sequence[str],
        *,
        folder: Path,
        env: Mapping[str, str] | None = None,
        is_ready: IsReady = lambda _: True,
        ready_seconds: float = 60.0,
        stop_seconds: float = 0.0,
        umask: int = PRIVATE_UMASK,
    ) -> None:
        """`env` is added to our environment; `stop_seconds` pass between SIGTERM and SIGKILL."""
        self.name = name
        self.log_file = folder / f"{name}.log"
        self._command = command
        self._env = env or {}
        self._is_ready = is_ready
        self._ready_seconds = ready_seconds
        self._stop_seconds = stop_seconds
        self._umask = umask
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def launch(self) -> None:
        """Start it, or start it again once it has ended, and do not wait until it is ready."""
        make_private_file(self.log_file)
        with self.log_file.open("ab") as stream:
            self._log_start = stream.tell()
            self._process = self.popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self._env},
                umask=self._umask,
                start_new_session=True,
                preexec_fn=dies_with(os.getpid()),
            )

    def start(self) -> None:
        """Start it, unless it runs, and wait until it is ready.

        Raises SmartRegionError if it ends, or is not ready in time.
        """
        if self.alive:
            return
        self.launch()
        deadline = time.monotonic() + self._ready_seconds
        while not self.is_ready:
            self.check()
            if time.monotonic() > deadline:
                raise self._error(f"is not ready after {self._ready_seconds:g} s")
            time.sleep(TICK_SECONDS)
        self.check()  # Something else may answer at the address that it could not take.

    def terminate(self) -> None:
        """Send it SIGTERM if it runs, and do not wait."""
        if self._process is not None:
            self._process.terminate()

    def stop(self) -> int | None:
        """Send it SIGTERM, and SIGKILL after its stop_seconds; 0 kills at once.

        Returns its exit status; None if it was never started.
        """
        if self._process is None or self._stop_seconds <= 0:
            return self.kill()
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(self._stop_seconds)
        return self.kill()

    def kill(self) -> int | None:
        """End it as a power cut would; return its exit status."""
        if self._process is None:
            return None
        self._process.kill()
        return self._process.wait()

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """Its last process, once it was started."""
        if self._process is None:
            raise RuntimeError(f"{self.name} was never started")
        return self._process

    @property
    def status(self) -> int | None:
        """Its exit status, or minus the signal that ended it; None while it runs."""
        return None if self._process is None else self._process.poll()

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def is_ready(self) -> bool:
        """Whether it serves since its last start."""
        return self._is_ready(self)

    @property
    def log(self) -> str:
        """Its output since it was last started."""
        if not self.log_file.exists():
            return ""
        with self.log_file.open("rb") as stream:
            stream.seek(self._log_start)
            return stream.read().decode(errors="replace")

    def log_end(self, lines: int) -> list[str]:
        """Return the last lines of its log that are not empty."""
        return [line.rstrip() for line in self.log.splitlines() if line.strip()][-lines:]

    def check(self) -> None:
        """Raise SmartRegionError with the last line of its log if it has ended by itself."""
        if (status := self.status) is not None:
            raise self._error(f"ended by itself with status {status}")

    def _error(self, problem: str) -> SmartRegionError:
        last_line = "".join(self.log_end(1)).strip() or "its log is empty"
        return SmartRegionError(
            f"{self.name}: {problem} ({last_line}): correct that and start again"
        )


def dies_with(parent: int) -> Callable[[], None] | None:
    """Return what a child runs before its program: ask the kernel to end it with its parent."""
    if sys.platform != "linux":
        return None
    # Looked up before the fork: between fork and exec the child may only make plain calls.
    prctl = ctypes.CDLL(None).prctl

    def tie() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # the parent ended before the call above
            os._exit(1)

    return tie


def own_program() -> str:
    """Return the command of this program, which a second terminal may not have on its path."""
    program = Path(sys.executable).parent / "smart-region"
    return quote(str(program.absolute())) if program.exists() else "smart-region"


def monitor_program(
    name: str,
    settings: BrokerSettings,
    address: str,
    *,
    folder: Path,
    stop_seconds: float,
    command: Sequence[str] | None = None,
) -> Program:
    """Return a process of ours with these settings, ready once /readyz at its address says so.

    It runs the command of its name, without the number of `worker-2`, unless another is given. What
    it serves on loopback needs no TLS.
    """
    without_tls = {"server_certfile": None, "server_keyfile": None}
    return Program(
        name,
        command or (*COMMAND, name.partition("-")[0]),
        folder=folder,
        env=environment(settings.model_copy(update=without_tls)),
        is_ready=answers(f"http://{address}/readyz"),
        stop_seconds=stop_seconds,
    )


def environment(settings: BrokerSettings) -> dict[str, str]:
    """Return settings as environment variables; empty, and so not set, where they have no value.

    A child does not find in our own environment what they were changed from.
    """
    values = {name: getattr(settings, name) for name in type(settings).model_fields}
    return {ENV_PREFIX + name.upper(): _written(value) for name, value in values.items()}


def _written(value: object) -> str:
    """Write one value, and a secret in the clear."""
    match value:
        case None:
            return ""
        case SecretStr():
            return value.get_secret_value()
        case _:
            return str(value)
