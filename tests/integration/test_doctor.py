"""The doctor at a real broker."""

import sys

from kafka.admin import ConfigResource, ConfigResourceType

from broker.topic_admin import apply_topics
from events.fact import Family
from events.topics import declared_topics, topic_name
from tests.support.commands import captured
from tests.support.kafka import KafkaBroker

ROWS = ("settings", "gateway", "catalogue", "producers", "broker")


def ask_doctor(broker: KafkaBroker) -> tuple[int, dict[str, str]]:
    done = captured(
        [sys.executable, "-m", "smart_region", "doctor", "--bootstrap", broker.bootstrap],
    )
    lines = [line.split(maxsplit=2) for line in done.stdout.splitlines()]
    return done.returncode, {name: f"{verdict} {text}" for verdict, name, text in lines}


def test_a_broker_without_topics_then_with_them_then_with_others(kafka: KafkaBroker) -> None:
    status, found = ask_doctor(kafka)
    assert status == 1
    assert "smart-region topics apply" in found["topics"]

    apply_topics(kafka.bootstrap, declared_topics())
    status, found = ask_doctor(kafka)
    assert status == 0, found
    assert all(found[row].startswith("ok ") for row in (*ROWS, "topics"))

    with kafka.admin() as admin:
        older = ConfigResource(ConfigResourceType.TOPIC, topic_name(Family.SCHOOLS))
        older.configs = {"retention.ms": "1000"}
        admin.alter_configs([older])
    status, found = ask_doctor(kafka)
    assert status == 1
    assert "retention.ms" in found["topics"]
    assert "--alter-settings" in found["topics"]
    report = apply_topics(kafka.bootstrap, declared_topics(), alter_settings=True)
    assert report.altered == (topic_name(Family.SCHOOLS),)
    assert ask_doctor(kafka)[0] == 0
