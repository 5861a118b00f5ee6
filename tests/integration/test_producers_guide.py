"""The producers' guide, followed to the letter on a real door and a real Kafka."""

import os
import sys
from pathlib import Path
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from events.cloudevent import CloudEvent, decode
from events.fact import Family
from events.partitioning import partition_for
from events.school import SchoolConnected, SchoolWorkspaceActivated
from events.topics import DEFAULT_PARTITIONS, topic_name
from tests.support.doors import Door, issue_credentials
from tests.support.guide import Reader, blocks_of
from tests.support.kafka import KafkaBroker
from tests.support.requirements import give_up, require_programs

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "producers.md"
NODE_MODULES = ROOT / "tests" / "guide" / "node_modules"
SCHOOLS = topic_name(Family.SCHOOLS)

# What the guide writes for everybody, and a reader replaces by what the operator told.
DOOR = "http://127.0.0.1:6070"
TOKEN = "srt_lycees_REPLACE-ME"  # noqa: S105 - it opens nothing
SECRET = "whsec_REPLACE-ME"  # noqa: S105
BROKER = "127.0.0.1:9092"


def test_every_block_does_what_the_guide_says(broker: KafkaBroker, tmp_path: Path) -> None:
    """From the first command to the last, in order; what arrives is what was meant.

    The French guide has the same blocks, which another test holds it to.
    """
    require_programs("curl", "kcat", "node", remedy="see deploy/debian-packages.sh")
    if not NODE_MODULES.exists():
        give_up("the guide's npm packages are missing: run tests/guide/packages.sh")
    credentials = issue_credentials("lycees", tmp_path)
    with Door(broker.bootstrap, tmp_path, secrets=credentials.file) as door:
        told = {
            DOOR: door.url,
            TOKEN: credentials.token,
            SECRET: credentials.signing_secret,
            BROKER: broker.bootstrap,
        }
        Reader(_desk(tmp_path), given=told, env=_environment()).follow(blocks_of(GUIDE))

    events = _events_of(broker)

    assert {event.source for event in events} == {"urn:iledefrance:lycees"}
    speeds = {
        event.fact.downlink_mbps for event in events if isinstance(event.fact, SchoolConnected)
    }
    assert speeds == {1000, 500, 300}
    workspaces = [event for event in events if isinstance(event.fact, SchoolWorkspaceActivated)]
    assert [event.fact.retracted for event in workspaces].count(True) == 1


def _desk(folder: Path) -> Path:
    """Make the reader's folder, in which they have said `npm install`."""
    desk = folder / "desk"
    desk.mkdir()
    (desk / "node_modules").symlink_to(NODE_MODULES)
    return desk


def _environment() -> dict[str, str]:
    """The reader's programs: those of this environment come first."""
    programs = Path(sys.executable).parent
    return {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}


def _events_of(broker: KafkaBroker) -> list[CloudEvent]:
    """Read the topic of lycées, and see that each lycée is where it belongs."""
    places = [TopicPartition(SCHOOLS, partition) for partition in range(DEFAULT_PARTITIONS)]
    consumer: Any = KafkaConsumer(
        bootstrap_servers=broker.bootstrap, auto_offset_reset="earliest", enable_auto_commit=False
    )
    found: list[CloudEvent] = []
    try:
        consumer.assign(places)
        ends = consumer.end_offsets(places)
        while any(consumer.position(place) < ends[place] for place in places):
            for records in consumer.poll(timeout_ms=500).values():
                for record in records:
                    assert record.partition == partition_for(record.key, DEFAULT_PARTITIONS)
                    found.append(decode(record.headers, record.value, family=Family.SCHOOLS))
    finally:
        consumer.close()
    return found
