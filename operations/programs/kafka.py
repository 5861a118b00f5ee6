"""A real Apache Kafka on loopback: one KRaft process, its settings and data in a folder."""

from __future__ import annotations

import shutil
import subprocess
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from boundary.errors import SmartRegionError
from boundary.private_files import PRIVATE_UMASK, make_private_folder
from operations.programs.addresses import HOST
from operations.programs.program import Program, has_logged

KAFKA_FOLDER: Final = Path(__file__).parents[2] / "deploy" / "kafka"
"""Where a clone of the project has the jars; an installed package has none."""

READY: Final = "Kafka Server started"
"""What it logs once it is ready."""

FORMAT_SECONDS: Final = 60.0
STOP_SECONDS: Final = 30.0

QUICK_START: Final = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
"""C1 and the serial collector start fastest."""

PROPERTIES: Final = Path(__file__).with_suffix(".properties")


def missing_requirement(folder: Path = KAFKA_FOLDER) -> str | None:
    """Return why Kafka cannot run here, None if it can; `folder` is a clone's deploy/kafka."""
    if shutil.which("java") is None:
        return "there is no Java on the path"
    if not any(_jars(folder).glob("kafka-server-*.jar")):
        return f"there are no jars of Kafka in {_jars(folder)}"
    return None


class Kafka(Program):
    """One broker with its own controller, whose settings and data are in a folder.

    `logs` is the folder of its log. `distribution` is a clone's deploy/kafka. `properties` are
    lines that come last, and so win; in them `{port}` and `{controller_port}` stand for the
    broker's own. `cluster_id` is that of all brokers of a cluster (see `new_cluster_id`); without
    one the broker is alone.
    """

    def __init__(  # noqa: PLR0913 - each is one part of a broker
        self,
        folder: Path,
        port: int,
        controller_port: int,
        *,
        logs: Path,
        distribution: Path = KAFKA_FOLDER,
        properties: str = "",
        heap_mb: int = 512,
        jvm_options: Sequence[str] = QUICK_START,
        cluster_id: str | None = None,
    ) -> None:
        """Write its settings, and make its data folder if there is none.

        Raises SmartRegionError.
        """
        if reason := missing_requirement(distribution):
            raise SmartRegionError(
                f"kafka: {reason}: run {distribution / 'jars.sh'} in a clone of the project,"
                " or name its deploy/kafka folder with --kafka"
            )
        make_private_folder(folder)
        configuration, data = folder / "server.properties", folder / "data"
        text = (PROPERTIES.read_text(encoding="utf-8") + properties).format(
            host=HOST, port=port, controller_port=controller_port, data=data
        )
        configuration.write_text(text, encoding="utf-8")
        java = (
            "java",
            f"-Xmx{heap_mb}m",
            *jvm_options,
            *class_archive(distribution),
            f"-Dlog4j2.configurationFile={distribution / 'log4j2.xml'}",
            "-cp",
            f"{_jars(distribution)}/*",
        )
        if not (data / "meta.properties").exists():
            # In one word with its option: one id in 64 begins with a hyphen.
            cluster = f"--cluster-id={cluster_id or new_cluster_id()}"
            command = *java, "kafka.tools.StorageTool", "format", cluster, "-c", str(configuration)
            _format(command, folder)
        self.folder = folder
        self.port = port
        super().__init__(
            "kafka",
            (*java, "kafka.Kafka", str(configuration)),
            folder=logs,
            is_ready=has_logged(READY),
            stop_seconds=STOP_SECONDS,
        )


def _format(command: Sequence[str], folder: Path) -> None:
    """Format the data folder with a cluster id, as KRaft needs before a first start."""
    try:
        done = subprocess.run(  # noqa: S603 - our own broker
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=FORMAT_SECONDS,
            umask=PRIVATE_UMASK,
        )
        if done.returncode == 0:
            return
        lines = map(str.strip, reversed((done.stdout + done.stderr).split("\n")))
        # Not where in Java's code it was.
        said = (one for one in lines if one and not one.startswith(("at ", "... ")))
        cause = next(said, "no output")
    except subprocess.TimeoutExpired:
        cause = f"not done within {FORMAT_SECONDS:.0f} s"
    raise SmartRegionError(
        f"kafka: cannot make a data folder in {folder} ({cause}): check that there is room"
        " and that the folder is ours to write, or remove what a half-made one left"
    )


def class_archive(folder: Path = KAFKA_FOLDER) -> Sequence[str]:
    """Return the JVM's options to read Kafka's classes from an archive; none where there is none.

    With it a broker starts with half of the processor time. A JVM ignores an archive that is not of
    its own version, or not of these jars.
    """
    archive = folder / "target" / "classes.jsa"
    return (f"-XX:SharedArchiveFile={archive}",) if archive.exists() else ()


def new_cluster_id() -> str:
    """Return an id as Kafka makes them: 22 letters, digits, hyphens and underscores."""
    return urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")


def _jars(folder: Path) -> Path:
    return folder / "target" / "jars"
