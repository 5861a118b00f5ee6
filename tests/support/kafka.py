"""A real Apache Kafka broker for tests: one KRaft process on loopback, in its own folder."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kafka.admin import KafkaAdminClient, MemberToRemove
from kafka.errors import KafkaError

from broker.clients import opened
from operations.programs.addresses import address_of, free_port
from operations.programs.kafka import QUICK_START, Kafka
from tests.support.waiting import wait_until

RESET_SECONDS = 30.0

PROPERTIES = """\
# Quick to clean and to compact; a test may use a session shorter than a server's usual 6 s.
# An idle broker, of which there are several, does as little as it can.
log.cleaner.backoff.ms=1000
metadata.max.idle.interval.ms=0
log.segment.delete.delay.ms=1000
group.min.session.timeout.ms=1000
"""


class KafkaBroker(Kafka):
    """One broker with its data folder and port."""

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        heap_mb: int = 512,
        jvm_options: tuple[str, ...] = QUICK_START,
        properties: str = "",
        cluster_id: str | None = None,
    ) -> None:
        super().__init__(
            folder,
            port or free_port(),
            free_port(),
            logs=folder,
            heap_mb=heap_mb,
            jvm_options=jvm_options,
            properties=PROPERTIES + properties,
            cluster_id=cluster_id,
        )
        self.bootstrap = address_of(self.port)

    def __exit__(self, *_: object) -> None:
        """Kill it: its folder is deleted too."""
        self.kill()

    def reset(self) -> None:
        """Delete every topic and consumer group, and return when they are gone; start it if down.

        First removes members left in a group by a killed worker.
        """
        self.start()
        with self.admin() as admin:
            # Repeated: a living member may come back between two requests, and the broker may
            # still list a topic that the controller has already deleted.
            assert wait_until(lambda: _clean(admin), seconds=RESET_SECONDS), self.log_end(60)

    @contextmanager
    def admin(self) -> Iterator[Any]:
        client = opened(KafkaAdminClient, self.bootstrap)
        try:
            yield client
        finally:
            client.close()


def remove_members(admin: Any, groups: Sequence[str]) -> None:  # noqa: ANN401 - as below
    for name, group in admin.describe_groups(groups).items():
        members = [MemberToRemove(member_id=member["member_id"]) for member in group["members"]]
        admin.remove_group_members(name, members)


def _clean(admin: Any) -> bool:  # noqa: ANN401 - kafka-python ships no annotations
    try:
        if topics := _topics(admin):
            admin.delete_topics(topics)
        return not _dissolve_groups(admin) and not _topics(admin)
    except KafkaError:  # A coordinator may still be loading; the caller tries again.
        return False


def _topics(admin: Any) -> list[str]:  # noqa: ANN401 - kafka-python ships no annotations
    return [name for name in admin.list_topics() if not name.startswith("__")]


def _dissolve_groups(admin: Any) -> list[str]:  # noqa: ANN401 - as above
    """Remove every member from its group and delete the groups; return those that are left."""
    kinds = {group["group_id"]: group["protocol_type"] for group in admin.list_groups()}
    groups = list(kinds)
    if not groups:
        return []
    # The client cannot read members of other kinds: those of Kafka Connect leave, or expire.
    remove_members(admin, [name for name, kind in kinds.items() if kind in ("consumer", "")])
    return [name for name, outcome in admin.delete_groups(groups).items() if outcome != "OK"]
