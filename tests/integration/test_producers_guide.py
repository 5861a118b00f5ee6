"""The producers' guide, followed to the letter on a real gateway and a real Kafka."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer, TopicPartition

from broker.access_rights import Role, give_rights, rights_of
from broker.clients import opened
from broker.security import PLAINTEXT, BrokerSecurity
from broker.topic_admin import apply_topics
from events.cloudevent import CloudEvent, decode
from events.fact import Family
from events.partitioning import partition_for
from events.school import SchoolConnected, SchoolWorkspaceActivated
from events.topics import DEFAULT_PARTITIONS, declared_topics, topic_name
from operations.programs.kafka import missing_requirement
from tests.support.clients import GENERATOR, require_generators
from tests.support.gateways import Gateway, issue_credentials
from tests.support.guide import Block, Reader, UnexpectedAnswerError, blocks_of
from tests.support.kafka import KafkaBroker
from tests.support.requirements import give_up, require_programs
from tests.support.secured_kafka import SecuredKafka

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "producers.md"
NODE_MODULES = ROOT / "tests" / "guide" / "node_modules"
SCHOOLS = topic_name(Family.SCHOOLS)
#: Earlier ones make a mistake in SCRAM that Kafka forgave until 3.8.1 (librdkafka's #4895).
PROVES_PASSWORDS = (2, 6, 1)
USER, PASSWORD = "lycees", "0nly-for-the-lycees"


def test_every_block_does_what_the_guide_says(broker: KafkaBroker, tmp_path: Path) -> None:
    """From the first command to the last, in order; what arrives is what was meant.

    The French guide has the same blocks, which another test holds it to.
    """
    require_programs("curl", "kcat", "node", remedy="see deploy/debian-packages.sh")
    if not NODE_MODULES.exists():
        give_up("the guide's npm packages are missing: run tests/packages.sh tests/guide")
    require_generators()
    credentials = issue_credentials("lycees", tmp_path)
    with Gateway(broker.bootstrap, tmp_path, secrets=credentials.file) as gateway:
        variables = {
            "GATEWAY": gateway.url,
            "TOKEN": credentials.token,
            "SECRET": credentials.signing_secret,
            "BROKER": broker.bootstrap,
        }
        Reader(_desk(tmp_path), env=_environment(tmp_path) | variables).follow(blocks_of(GUIDE))

    events = _events_of(broker.bootstrap)

    assert {event.source for event in events} == {"urn:iledefrance:lycees"}
    speeds = {
        event.fact.downlink_mbps for event in events if isinstance(event.fact, SchoolConnected)
    }
    assert speeds == {1000, 500, 300}
    workspaces = [event for event in events if isinstance(event.fact, SchoolWorkspaceActivated)]
    assert [event.fact.retracted for event in workspaces].count(True) == 1


def test_a_reader_without_a_token_gets_an_explanation(tmp_path: Path) -> None:
    """Before the first request, by the name under which the guide speaks of it."""
    check = next(block for block in blocks_of(GUIDE) if block.language == "bash")

    with pytest.raises(UnexpectedAnswerError, match="TOKEN: is missing: the bearer token"):
        Reader(tmp_path, env={"GATEWAY": "http://127.0.0.1:6070", "TOKEN": ""}).follow([check])


@pytest.mark.nightly
@pytest.mark.timeout(180)
def test_a_kafka_that_asks_who_is_there_is_written_to_by_the_same_blocks(tmp_path: Path) -> None:
    require_programs("kcat", remedy="see deploy/debian-packages.sh")
    if reason := missing_requirement():
        give_up(reason)
    with SecuredKafka(tmp_path / "kafka") as kafka:
        apply_topics(kafka.mutual, declared_topics(), security=kafka.as_root)
        kafka.add_users({USER: PASSWORD})
        rights = rights_of(Role.PRODUCER, families=[Family.SCHOOLS])
        give_rights(kafka.mutual, f"User:{USER}", rights, security=kafka.as_root)
        variables = {
            "BROKER": kafka.bootstrap,
            "KAFKA_USER": USER,
            "KAFKA_PASSWORD": PASSWORD,
            "KAFKA_CA": str(kafka.authority.file),
        }
        Reader(_desk(tmp_path), env=_environment(tmp_path) | variables).follow(_writing_to_kafka())

        events = _events_of(kafka.mutual, kafka.as_root)

    sent = {event.id for event in events}
    assert {"connection-0001"} <= sent <= {"connection-0001", "workspace-0002"}
    assert len(events) == (3 if _librdkafka() >= PROVES_PASSWORDS else 1)


def _writing_to_kafka() -> list[Block]:
    commands = ["python3 to_kafka.py"]
    if _librdkafka() >= PROVES_PASSWORDS:
        commands += ["kcat.conf\n", "kcat -F kcat.conf -P"]
    return [
        block
        for block in blocks_of(GUIDE)
        if block.file in ("event.json", "to_kafka.py")
        or (block.language == "bash" and any(one in block.text for one in commands))
    ]


def _librdkafka() -> tuple[int, ...]:
    done = subprocess.run(["kcat", "-V"], capture_output=True, text=True, check=True)
    found = re.search(r"librdkafka (\d+)\.(\d+)\.(\d+)", done.stdout + done.stderr)
    assert found is not None
    return tuple(map(int, found.groups()))


def _desk(folder: Path) -> Path:
    desk = folder / "desk"
    desk.mkdir()
    (desk / "node_modules").symlink_to(NODE_MODULES)
    generator = folder / "programs" / "openapi-generator-cli"
    generator.parent.mkdir()
    generator.write_text(f'#!/bin/sh\nexec java -jar {GENERATOR} "$@"\n', encoding="utf-8")
    generator.chmod(0o755)
    return desk


def _environment(folder: Path) -> dict[str, str]:
    programs = (Path(sys.executable).parent, folder / "programs", os.environ["PATH"])
    return {"PATH": os.pathsep.join(map(str, programs)), "PYTHONPATH": str(ROOT)}


def _events_of(bootstrap: str, security: BrokerSecurity = PLAINTEXT) -> list[CloudEvent]:
    partitions = [TopicPartition(SCHOOLS, partition) for partition in range(DEFAULT_PARTITIONS)]
    consumer: Any = opened(
        KafkaConsumer,
        bootstrap,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        security=security,
    )
    found: list[CloudEvent] = []
    try:
        consumer.assign(partitions)
        ends = consumer.end_offsets(partitions)
        while any(consumer.position(one) < ends[one] for one in partitions):
            for records in consumer.poll(timeout_ms=500).values():
                for record in records:
                    assert record.partition == partition_for(record.key, DEFAULT_PARTITIONS)
                    found.append(decode(record.headers, record.value, family=Family.SCHOOLS))
    finally:
        consumer.close()
    return found
