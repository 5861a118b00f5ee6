"""What a broker deletes of events: prevented where it can be, and reported where it happened."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from kafka import TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType

from events.fact import Family
from events.topics import declared_topics, topic_name
from operations.programs.kafka import missing_requirement
from tests.support.commands import run_inside
from tests.support.kafka import KafkaBroker
from tests.support.requirements import give_up
from tests.support.traffic import region, send, wait_done
from tests.support.waiting import wait_until
from tests.support.workers import WorkerFactory

pytestmark = [pytest.mark.timeout(240), pytest.mark.integration]

SCHOOLS = topic_name(Family.SCHOOLS)
#: Of all topics of which nothing else is said.
SPARING = "log.retention.bytes=1000000\nlog.message.timestamp.type=CreateTime\n"


@pytest.fixture
def sparing(tmp_path: Path) -> Iterator[KafkaBroker]:
    if reason := missing_requirement():
        give_up(reason)
    with KafkaBroker(tmp_path / "kafka", properties=SPARING) as broker:
        with broker.admin() as admin:
            admin.create_topics(
                {
                    spec.name: {
                        "num_partitions": spec.partitions,
                        "replication_factor": 1,
                        "configs": {
                            name: value
                            for name, value in spec.config.items()
                            if name not in spec.tolerated
                        },
                    }
                    for spec in declared_topics()
                }
            )
        yield broker


@pytest.mark.nightly
def test_a_brokers_own_retention_is_reported_and_corrected_by_one_command(
    sparing: KafkaBroker, tmp_path: Path
) -> None:
    refused = run_inside(sparing, "topics", "apply")
    assert refused.returncode != 0
    assert "retention.bytes: differs from the declaration, value '1000000'" in refused.stderr
    doctor = run_inside(sparing, "doctor")
    assert "retention.bytes" in doctor.stdout

    factory = WorkerFactory(sparing.bootstrap, tmp_path)
    try:
        worker = factory.worker()
        worker.start()
        worker.wait_ready()
        assert "topic setting: smartregion.schools.retention.bytes" in worker.log

        altered = run_inside(sparing, "topics", "apply", "--alter-settings")
        assert altered.returncode == 0, altered.stderr
        with sparing.admin() as admin:
            schools = [ConfigResource(ConfigResourceType.TOPIC, SCHOOLS)]
            shown = admin.describe_configs(schools, config_filter="all")["topic"][SCHOOLS]
        assert shown["retention.bytes"]["value"] == "-1"
        assert shown["message.timestamp.type"]["value"] == "LogAppendTime"
        assert "begins at 0" in run_inside(sparing, "doctor").stdout

        send(sparing.bootstrap, region(7, date(2016, 1, 1), date(2016, 6, 30)))
        assert wait_done(sparing.bootstrap, seconds=60), worker.log[-3000:]
        with sparing.admin() as admin:
            admin.delete_records({TopicPartition(SCHOOLS, 3): 5})

        doctor = run_inside(sparing, "doctor")
        assert doctor.returncode == 1
        assert "smartregion.schools[3] ends at" in doctor.stdout
        assert "all records before offset 5 were deleted" in doctor.stdout
        audit = run_inside(sparing, "audit", "--json", "--against", worker.url)
        found = json.loads(audit.stdout)
        assert found["topics"]["starts"] == {"smartregion.schools[3]": 5}
        assert "smartregion.schools[3]: begins at offset 5" in run_inside(sparing, "audit").stdout
        start = f'smartregion_topic_log_start_offset{{partition="3",topic="{SCHOOLS}"}} 5.0'
        assert wait_until(lambda: worker.shows(start), seconds=90, every=0.5), worker.metrics()
        assert worker.stop() == 0
    finally:
        factory.stop_all()
