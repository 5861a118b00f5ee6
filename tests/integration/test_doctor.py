"""The doctor at a real broker."""

import os
import sys

from kafka.admin import ConfigResource, ConfigResourceType

from broker.topic_admin import apply_topics
from events.fact import Family
from events.topics import declared_topics, topic_name
from tests.support.commands import captured
from tests.support.kafka import KafkaBroker
from tests.support.waiting import wait_until
from tests.support.workers import WorkerFactory

ROWS = ("settings", "gateway", "catalogue", "producers", "broker")


def ask_doctor(broker: KafkaBroker, **settings: str) -> tuple[int, dict[str, str]]:
    """Run the command; return its exit status, and what it says by the name of each check."""
    done = captured(
        [sys.executable, "-m", "smart_region", "doctor", "--bootstrap", broker.bootstrap],
        env={**os.environ, **settings},
    )
    lines = [line.split(maxsplit=2) for line in done.stdout.splitlines()]
    return done.returncode, {name: f"{verdict} {text}" for verdict, name, text in lines}


def test_a_broker_without_topics_then_with_them_then_with_others(kafka: KafkaBroker) -> None:
    """Its remedies make it pass; then it reports every difference."""
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

    status, found = ask_doctor(kafka, SMART_REGION_PARTITIONS="16")
    assert status == 1
    assert "value 8 instead of 16" in found["topics"]

    status, found = ask_doctor(kafka, SMART_REGION_REPLICATION="3")
    assert status == 1
    assert "brokers: 1 where SMART_REGION_REPLICATION is 3" in found["broker"]


def test_two_workers_on_different_days_are_named(
    broker: KafkaBroker, factory: WorkerFactory
) -> None:
    """Each of them is ready, and their figures are of different days."""
    late, right = factory.worker("late", clock="2020-12-30"), factory.worker("right")
    for worker in (late, right):
        worker.start()
    assert wait_until(lambda: late.ready and right.ready, seconds=60), late.log()[-3000:]
    settings = {
        "SMART_REGION_WORKERS": f"{late.url},{right.url}",
        "SMART_REGION_CLOCK": "2020-12-31",
    }
    status, found = ask_doctor(broker, **settings)
    assert status == 1
    assert f"{late.url}: the clock is 86400 s behind the clock of {right.url}" in found["workers"]
    late.stop()
    assert wait_until(lambda: right.readiness()["shown"] == list(range(8)), seconds=60)
    status, found = ask_doctor(broker, **settings | {"SMART_REGION_WORKERS": right.url})
    assert (status, found["workers"].split()[0]) == (0, "ok")
