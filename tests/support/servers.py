"""A server as a child process on loopback: started until it is ready, stopped, killed."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import ClassVar, Self

from operations.programs.addresses import free_port
from operations.programs.program import end_child, start_child
from tests.support.waiting import wait_until


class ServerUnavailableError(Exception):
    """Raised where a server does not start, stop or answer in time; carries its log's end."""

    def __init__(self, program: str, problem: str, *, log: str) -> None:
        super().__init__(f"{program} {problem}; the end of its log:\n{log}")


class Server:
    """A program with a folder and a port of its own, kept over `stop`, `kill` and `start`."""

    program: ClassVar[str]
    start_seconds: ClassVar[float] = 30.0
    stop_seconds: ClassVar[float] = 20.0

    def __init__(self, folder: Path, *, port: int | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = free_port() if port is None else port
        self.log_file = folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._life = 0
        """Where the log of its present life begins."""

    @property
    def address(self) -> str:
        """HOST:PORT, as clients and configurations name it."""
        return f"127.0.0.1:{self.port}"

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def process_id(self) -> int:
        assert self._process is not None, "start it first"
        return self._process.pid

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it runs: its number may be another process's afterwards."""
        if self._process is not None:
            self._process.send_signal(number)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End it without ceremony: its folder goes away too."""
        self.kill()

    def start(self) -> None:
        """Start it, on the same port and data as before, and wait until it is ready."""
        if self.running:
            return
        self.launch()
        wait_until(lambda: self._has_ended() or self.ready, seconds=self.start_seconds)
        # A port may answer that another took when this one ended.
        if self._has_ended():
            raise self._unavailable("ended while starting")
        if not self.ready:
            raise self._unavailable(f"is not ready after {self.start_seconds:.0f} s")

    def _has_ended(self) -> bool:
        return not self.running

    def launch(self) -> None:
        """Start it as `start` does, and do not wait."""
        self._life = self.log_mark()
        self._process = start_child(self._command(), output=self.log_file)

    @property
    def ready(self) -> bool:
        """True once it serves; it may have ended since."""
        return self._is_ready(self._life)

    def stop(self) -> None:
        """Shut it down in order, as a maintenance would: it writes what it holds in memory."""
        if self._process is not None:
            end_child(self._process, stop_seconds=self.stop_seconds)

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            end_child(self._process, stop_seconds=0)

    def log_mark(self) -> int:
        return self.log_file.stat().st_size if self.log_file.exists() else 0

    def log_since(self, mark: int) -> str:
        if not self.log_file.exists():
            return ""
        with self.log_file.open("rb") as log:
            log.seek(mark)
            return log.read().decode(errors="replace")

    def log_tail(self, lines: int = 60, *, since: int = 0) -> str:
        return "\n".join(self.log_since(since).splitlines()[-lines:])

    def _unavailable(self, problem: str) -> ServerUnavailableError:
        return ServerUnavailableError(self.program, problem, log=self.log_tail())

    def _command(self) -> list[str]:
        raise NotImplementedError

    def _is_ready(self, mark: int) -> bool:
        """Return whether it serves; what it logs in this life begins at the mark."""
        raise NotImplementedError
