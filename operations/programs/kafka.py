"""A real Apache Kafka on loopback: one KRaft process, its settings and data in a folder."""

from __future__ import annotations

import shutil
import subprocess
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from boundary.errors import SmartRegionError
from boundary.private_files import PRIVATE_UMASK, make_private_folder
from operations.programs.addresses import HOST, address_of

KAFKA_FOLDER: Final = Path(__file__).parents[2] / "deploy" / "kafka"
"""Where a clone of the project has the jars; an installed package has none."""

READY: Final = "Kafka Server started"
"""What it logs once it is ready."""

FORMAT_SECONDS: Final = 60.0

QUICK_START: Final = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
"""C1 and the serial collector start fastest."""

PROPERTIES: Final = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
# One broker, and quick to start.
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
log.cleaner.dedupe.buffer.size=8388608
# A killed broker may come back as soon as the controller has given its old session up.
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
# A group forms at once.
group.initial.rebalance.delay.ms=0
"""


def missing_requirement(folder: Path = KAFKA_FOLDER) -> str | None:
    """Return why Kafka cannot run here, None if it can; `folder` is a clone's deploy/kafka."""
    if shutil.which("java") is None:
        return "there is no Java on the path"
    if not any(_jars(folder).glob("kafka-server-*.jar")):
        return f"there are no jars of Kafka in {_jars(folder)}"
    return None


@dataclass(frozen=True, slots=True)
class Kafka:
    """One broker with its own controller."""

    folder: Path
    """Of its settings and its data."""
    port: int
    controller_port: int
    distribution: Path = KAFKA_FOLDER
    """A clone's deploy/kafka."""
    heap_mb: int = 512
    jvm_options: Sequence[str] = QUICK_START
    cluster_id: str | None = None
    """That of all brokers of a cluster (see `new_cluster_id`); None: it is alone."""

    @property
    def bootstrap(self) -> str:
        """The address for clients."""
        return address_of(self.port)

    @property
    def command(self) -> list[str]:
        """What starts it, once it is prepared."""
        return [*self._java(), "kafka.Kafka", str(self._configuration)]

    def prepare(self, properties: str = "") -> None:
        """Write its settings, and make its data folder where there is none.

        `properties` are lines that come last, and so win; in them `{port}` and `{controller_port}`
        stand for the broker's own. Raises SmartRegionError.
        """
        if reason := missing_requirement(self.distribution):
            raise SmartRegionError(
                f"kafka: {reason}: run {self.distribution / 'jars.sh'} in a clone of the project,"
                " or name its deploy/kafka folder with --kafka"
            )
        make_private_folder(self.folder)
        text = (PROPERTIES + properties).format(
            host=HOST, port=self.port, controller_port=self.controller_port, data=self._data
        )
        self._configuration.write_text(text, encoding="utf-8")
        if not (self._data / "meta.properties").exists():
            self._format()

    def _format(self) -> None:
        """Format the data folder with a cluster id, as KRaft needs before a first start."""
        cluster = self.cluster_id or new_cluster_id()
        # In one word with its option: one id in 64 begins with a hyphen.
        command = [*self._java(), "kafka.tools.StorageTool", "format", f"--cluster-id={cluster}"]
        try:
            done = subprocess.run(  # noqa: S603 - our own broker
                [*command, "-c", str(self._configuration)],
                capture_output=True,
                text=True,
                check=False,
                timeout=FORMAT_SECONDS,
                umask=PRIVATE_UMASK,
            )
        except subprocess.TimeoutExpired as error:
            cause = f"not done within {FORMAT_SECONDS:.0f} s"
            raise self._not_formatted(cause) from error
        if done.returncode != 0:
            lines = map(str.strip, reversed((done.stdout + done.stderr).split("\n")))
            # Not where in Java's code it was.
            said = (one for one in lines if one and not one.startswith(("at ", "... ")))
            cause = next(said, "no output")
            raise self._not_formatted(cause)

    def _not_formatted(self, cause: str) -> SmartRegionError:
        return SmartRegionError(
            f"kafka: cannot make a data folder in {self.folder} ({cause}): check that there is room"
            " and that the folder is ours to write, or remove what a half-made one left"
        )

    def _java(self) -> list[str]:
        return [
            "java",
            f"-Xmx{self.heap_mb}m",
            *self.jvm_options,
            *class_archive(self.distribution),
            f"-Dlog4j2.configurationFile={self.distribution / 'log4j2.xml'}",
            "-cp",
            f"{_jars(self.distribution)}/*",
        ]

    @property
    def _configuration(self) -> Path:
        return self.folder / "server.properties"

    @property
    def _data(self) -> Path:
        return self.folder / "data"


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
