"""Child programs: started, perhaps again, and ended before the process that started them.

The project's own commands are among them: their command line and environment.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from shlex import quote
from typing import Final, Self

from pydantic import SecretStr

from boundary.errors import SmartRegionError
from boundary.private_files import PRIVATE_UMASK, make_private_file
from boundary.settings import ENV_PREFIX
from broker.settings import BrokerSettings


def own_program() -> str:
    """Return the command of this program, which a second terminal may not have on its path."""
    program = Path(sys.executable).parent / "smart-region"
    return quote(str(program.absolute())) if program.exists() else "smart-region"


PR_SET_PDEATHSIG = 1
COMMAND: Final = (sys.executable, "-m", "smart_region")
"""The project's own commands."""


def start_child(
    command: Sequence[str],
    *,
    output: Path,
    env: Mapping[str, str] | None = None,
    umask: int = PRIVATE_UMASK,
) -> subprocess.Popen[bytes]:
    """Start a program whose standard output and error are appended to a file.

    It gets a session of its own, so that a Ctrl-C in the terminal reaches this process alone,
    which then ends its children in the right order. On Linux the kernel kills it when the thread
    that called this function ends, whatever the reason: call it from a thread that lives as long
    as the program is needed. What it writes, its data and its log, is for its owner alone, unless
    `umask` says otherwise.
    """
    make_private_file(output)
    with output.open("ab") as stream:
        return subprocess.Popen(  # noqa: S603 - the callers name their own programs
            command,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env=env,
            umask=umask,
            start_new_session=True,
            preexec_fn=_dies_with_parent(),  # noqa: PLW1509 - one plain system call
        )


def end_child(process: subprocess.Popen[bytes], *, stop_seconds: float) -> int:
    """Stop a child: SIGTERM, and SIGKILL once `stop_seconds` seconds have passed; 0 kills at once.

    Returns its exit status; a child that has ended already is only reaped.
    """
    if stop_seconds > 0:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(stop_seconds)
    process.kill()
    return process.wait()


def _dies_with_parent() -> Callable[[], None] | None:
    """Return what the child runs before its program: ask the kernel to end it with its parent."""
    if sys.platform != "linux":
        return None
    # Looked up before the fork: between fork and exec the child may only make plain calls.
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def tie() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # the parent ended before the call above
            os._exit(1)

    return tie


class Program:
    """A child program that runs as long as a `with` block, and never longer than this process.

    Start it from a thread that lives as long as the program is needed (see `start_child`). Its
    output is appended to a log in its folder.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        folder: Path,
        env: Mapping[str, str] | None = None,
        stop_seconds: float = 0,
    ) -> None:
        """`env` is added to our environment; `stop_seconds` pass between SIGTERM and SIGKILL."""
        self.name = name
        self.log_file = folder / f"{name}.log"
        self._command = command
        self._env = env or {}
        self._stop_seconds = stop_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    def __enter__(self) -> Self:
        """Start it; it may not be ready yet."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self.end()

    def start(self) -> None:
        """Start it, or start it again once it has ended."""
        self._log_start = self.log_file.stat().st_size if self.log_file.exists() else 0
        env = {**os.environ, **self._env}
        self._process = start_child(self._command, output=self.log_file, env=env)

    def terminate(self) -> None:
        """Send it SIGTERM if it runs, and do not wait."""
        if self._process is not None:
            self._process.terminate()

    def end(self) -> None:
        """Send it SIGTERM, and SIGKILL after its stop_seconds."""
        if self._process is not None:
            end_child(self._process, stop_seconds=self._stop_seconds)

    @property
    def pid(self) -> int | None:
        """The number of its last process."""
        return None if self._process is None else self._process.pid

    @property
    def status(self) -> int | None:
        """Its exit status, or minus the signal that ended it; None while it runs."""
        return None if self._process is None else self._process.poll()

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
            last_line = "".join(self.log_end(1)).strip() or "its log is empty"
            raise SmartRegionError(
                f"{self.name}: ended by itself with status {status} ({last_line}): correct that and"
                " start again"
            )


def environment(settings: BrokerSettings) -> dict[str, str]:
    """Return settings as environment variables; empty, and so not set, where they have no value.

    A child does not find in our own environment what they were changed from.
    """
    values = {name: getattr(settings, name) for name in type(settings).model_fields}
    return {ENV_PREFIX + name.upper(): _written(value) for name, value in values.items()}


def _written(value: object) -> str:
    """Write one value: a list with commas, and a secret in the clear."""
    match value:
        case None:
            return ""
        case SecretStr():
            return value.get_secret_value()
        case tuple():
            return ",".join(map(str, value))
        case _:
            return str(value)
