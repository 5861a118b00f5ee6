"""Events of the future straight to Kafka: refused by the broker's clock, and counted nowhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from kafka import KafkaProducer

from broker.clients import administering, opened
from broker.topic_admin import alter_settings, wait_for_settings
from events.cloudevent import CloudEvent, encode_structured
from events.fact import Family
from events.partitioning import partition_for
from events.topics import topic_name
from tests.support.commands import run_inside
from tests.support.histories import event, uai
from tests.support.kafka import KafkaBroker
from tests.support.traffic import wait_done
from tests.support.workers import Worker, WorkerFactory

pytestmark = pytest.mark.timeout(300)

PARTITIONS = 8
PARIS = uai("0750001")
HOME = partition_for(PARIS.encode(), PARTITIONS)
SCHOOLS = topic_name(Family.SCHOOLS)
FUTURE = "2999-01-01T00:00:00"
IN_THE_FUTURE_MS = 32_472_144_000_000  # 2999-01-01

CONNECTED = event("school.connected", PARIS, "2018-03-01", id="said")
MISTAKEN = event("school.connected", PARIS, "2018-03-01", at=FUTURE, id="ahead", retracted=True)
CORRECTED = event("school.connected", PARIS, "2018-03-01", at="2018-06-01T00:00:00", id="later")


def send_events(broker: KafkaBroker, *events: CloudEvent, timestamp_ms: int | None = None) -> None:
    producer: Any = opened(KafkaProducer, broker.bootstrap)
    for one in (event("school.registered", PARIS, "2018-01-01", id="known"), *events):
        record = encode_structured(one)
        producer.send(
            SCHOOLS,
            record.value,
            key=record.key,
            headers=record.headers,
            partition=HOME,
            timestamp_ms=timestamp_ms,
        ).get(timeout=30)
    producer.close()


def audited(
    broker: KafkaBroker, worker: Worker, **settings: str
) -> tuple[Mapping[str, int], tuple[float, float]]:
    """Audit the worker once all is done; its figures have to be the audit's.

    Return the refusals, and how many lycées are connected of how many.
    """
    assert wait_done(broker.bootstrap, seconds=60), worker.log[-3000:]
    done = run_inside(broker, "audit", "--json", "--against", worker.url, **settings)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    found = json.loads(done.stdout)
    figure = next(
        one
        for one in found["figures"]
        if one["indicator"] == "schools_connected_ratio" and one["department"] is None
    )
    return found["account"]["refusals"], (figure["numerator"], figure["denominator"])


def reasons(broker: KafkaBroker) -> list[str]:
    letters = run_inside(broker, "dead-letters", "list", "--json").stdout.splitlines()
    return [json.loads(letter)["reason"] for letter in letters]


def test_a_time_of_the_future_is_refused_whatever_the_client_dates_its_record(
    broker: KafkaBroker, factory: WorkerFactory
) -> None:
    worker = factory.worker()
    worker.start()
    send_events(broker, CONNECTED, MISTAKEN, CORRECTED, timestamp_ms=IN_THE_FUTURE_MS)
    worker.wait_ready()

    assert audited(broker, worker) == ({"time_ahead": 1}, (1, 1))
    assert reasons(broker) == ["time_ahead"]
    replayed = run_inside(broker, "dead-letters", "replay", "--reason", "time_ahead")
    assert "later than the broker's clock" in replayed.stdout + replayed.stderr
    cards = json.loads(run_inside(broker, "producers", "report", "--format", "json").stdout)[
        "scorecards"
    ]
    assert sum(card["accepted"] for card in cards) == 3


def test_a_record_without_a_timestamp_is_refused(
    broker: KafkaBroker, factory: WorkerFactory
) -> None:
    give_setting(broker, "message.timestamp.type", "CreateTime")
    worker = factory.worker()
    worker.start()
    send_events(broker, CONNECTED, timestamp_ms=-1)
    worker.wait_ready()

    assert audited(broker, worker) == ({"no_timestamp": 2}, (0, 0))
    assert run_inside(broker, "topics", "apply", "--alter-settings").returncode == 0
    replayed = run_inside(broker, "dead-letters", "replay", "--reason", "no_timestamp")
    assert replayed.returncode == 0, replayed.stderr
    assert audited(broker, worker)[1] == (1, 1)


def give_setting(broker: KafkaBroker, setting: str, value: str) -> None:
    with administering(broker.bootstrap, what="topics") as admin:
        alter_settings(admin, [SCHOOLS], {setting: value})
        wait_for_settings(admin, [SCHOOLS], {setting: value})
