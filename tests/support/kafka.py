"""A real Apache Kafka broker for tests: one KRaft process on loopback, in a folder of its own."""

import shutil
import subprocess
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kafka.admin import KafkaAdminClient, MemberToRemove
from kafka.errors import KafkaError

from tests.support.servers import Server, ServerUnavailableError, free_port
from tests.support.waiting import wait_until

__all__ = ["KafkaBroker", "missing_requirement"]

KAFKA_FOLDER = Path(__file__).parents[2] / "deploy" / "kafka"
JARS = KAFKA_FOLDER / "target" / "jars"

READY = "Kafka Server started"
RESET_SECONDS = 30.0

# C1 and the serial collector start fastest; a benchmark passes its own.
QUICK_START = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
# One broker, and quick to start and to clean.
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
log.cleaner.dedupe.buffer.size=8388608
log.segment.delete.delay.ms=1000
# A killed broker may come back as soon as the controller has given its old session up.
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
# A group forms at once, and a test may use a session shorter than a server's usual 6 s.
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
"""


class KafkaBroker(Server):
    """One broker with its data folder and port."""

    program = "Kafka"
    start_seconds = 60.0
    stop_seconds = 30.0

    def __init__(
        self,
        folder: Path,
        *,
        heap_mb: int = 512,
        jvm_options: tuple[str, ...] = QUICK_START,
        properties: str = "",
    ) -> None:
        """Format a data folder; `properties` are lines added to server.properties.

        They come last, and so win; `{port}` and `{controller_port}` stand for the broker's own.
        """
        super().__init__(folder)
        self._java = [
            "java",
            f"-Xmx{heap_mb}m",
            *jvm_options,
            f"-Dlog4j2.configurationFile={KAFKA_FOLDER / 'log4j2.xml'}",
            "-cp",
            f"{JARS}/*",
        ]
        self._configuration = folder / "server.properties"
        self._configuration.write_text(
            (PROPERTIES + properties).format(
                port=self.port, controller_port=free_port(), data=folder / "data"
            )
        )
        self._format()

    @property
    def bootstrap(self) -> str:
        """The address that clients are given."""
        return self.address

    def reset(self) -> None:
        """Delete every topic and consumer group, and return when they are gone; start it if down.

        Members that a killed worker left behind are put out of their group first.
        """
        self.start()
        with self.admin() as admin:
            if topics := _topics(admin):
                admin.delete_topics(topics)
            # Repeated, since a member that still lives may come back between the two requests.
            if not wait_until(lambda: _clean(admin), seconds=RESET_SECONDS):
                raise self._unavailable(f"is not clean after {RESET_SECONDS:.0f} s")

    @contextmanager
    def admin(self) -> Iterator[Any]:
        """Give a kafka-python admin client."""
        client = KafkaAdminClient(bootstrap_servers=self.bootstrap, bootstrap_timeout_ms=10_000)
        try:
            yield client
        finally:
            client.close()

    def _command(self) -> list[str]:
        return [*self._java, "kafka.Kafka", str(self._configuration)]

    def _is_ready(self, mark: int) -> bool:
        return READY in self.log_since(mark)

    def _format(self) -> None:
        """Give the data folder its cluster id, as KRaft wants before a first start."""
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        # In one word with its option: one id in 64 begins with a hyphen.
        command = [*self._java, "kafka.tools.StorageTool", "format", f"--cluster-id={cluster}"]
        done = subprocess.run(
            [*command, "-c", str(self._configuration)],
            capture_output=True,
            text=True,
            check=False,
            timeout=self.start_seconds,
        )
        if done.returncode != 0:
            raise ServerUnavailableError(
                self.program, "did not format its data folder", log=done.stdout + done.stderr
            )


def missing_requirement() -> str | None:
    """Say what keeps Kafka from running here, or None."""
    if shutil.which("java") is None:
        return "no Java on the path"
    if not JARS.is_dir():
        return "Kafka's jars are missing: run deploy/kafka/jars.sh"
    return None


def _clean(admin: Any) -> bool:  # noqa: ANN401 - kafka-python ships no annotations
    """Dissolve the groups, and tell whether nothing is left."""
    try:
        return not _dissolve_groups(admin) and not _topics(admin)
    except KafkaError:  # A coordinator that is still loading says so; it is asked again.
        return False


def _topics(admin: Any) -> list[str]:  # noqa: ANN401 - kafka-python ships no annotations
    """Name the topics that are not Kafka's own."""
    return [name for name in admin.list_topics() if not name.startswith("__")]


def _dissolve_groups(admin: Any) -> list[str]:  # noqa: ANN401 - as above
    """Put every member out of its group and delete the groups; name those that are left."""
    groups = [group["group_id"] for group in admin.list_groups()]
    if not groups:
        return []
    for name, group in admin.describe_groups(groups).items():
        members = [MemberToRemove(member_id=member["member_id"]) for member in group["members"]]
        admin.remove_group_members(name, members)
    return [name for name, outcome in admin.delete_groups(groups).items() if outcome != "OK"]
