"""Another producer's word about a lycée, and an event of the future: refused and never counted."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer

from broker.clients import opened
from broker.reading import read_topics
from events.cloudevent import CloudEvent, encode_structured
from events.fact import Family
from events.producers.model import REGION
from events.topics import DEAD_LETTERS, topic_name
from tests.support.commands import run_inside
from tests.support.histories import event, uai
from tests.support.kafka import KafkaBroker
from tests.support.traffic import message_of, send, wait_done
from tests.support.workers import Worker, WorkerFactory

pytestmark = pytest.mark.timeout(300)

PARIS = uai("0750001")
ANOTHER = "urn:iledefrance:formation"

REGISTERED = event("school.registered", PARIS, "2018-01-01", id="known")
CONNECTED = event("school.connected", PARIS, "2018-03-01", id="said")
TAKEN_BACK = event(
    "school.connected",
    PARIS,
    "2018-03-01",
    at="2018-09-01T00:00:00",
    id="anothers",
    source=ANOTHER,
    retracted=True,
)
#: By this producer's clock, which its record carries too; the broker's own decides.
AHEAD = event(
    "school.connected", PARIS, "2018-03-01", at="2999-01-01T00:00:00", id="ahead", retracted=True
)
AHEAD_MS = 32_472_144_000_000


def send_ahead(broker: KafkaBroker) -> None:
    record = encode_structured(AHEAD)
    with closing(opened(KafkaProducer, broker.bootstrap)) as producer:
        producer.send(
            topic_name(Family.SCHOOLS),
            record.value,
            key=record.key,
            headers=record.headers,
            timestamp_ms=AHEAD_MS,
        ).get(timeout=30)


def send_events(broker: KafkaBroker, *events: CloudEvent) -> None:
    for one in events:  # Each is acknowledged before the next is sent.
        send(broker.bootstrap, [message_of(one)])


def audited(broker: KafkaBroker, worker: Worker, **settings: str) -> tuple[Any, float]:
    assert wait_done(broker.bootstrap, seconds=60), worker.log[-3000:]
    done = run_inside(broker, "audit", "--json", "--against", worker.url, **settings)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    found = json.loads(done.stdout)
    figure = next(
        one
        for one in found["figures"]
        if one["indicator"] == "schools_connected_ratio" and one["department"] is None
    )
    return found["account"]["refusals"], figure["numerator"]


def exported(broker: KafkaBroker, *options: str, **settings: str) -> float:
    done = run_inside(broker, "export", *options, "--format", "json", **settings)
    assert done.returncode == 0, done.stderr
    value = next(
        row["value"]
        for row in json.loads(done.stdout)
        if row["indicator"] == "schools_connected_ratio" and row["department"] is None
    )
    return float(value)


def letters(broker: KafkaBroker) -> int:
    return sum(1 for _ in read_topics(broker.bootstrap, topics=[DEAD_LETTERS]))


def test_a_retraction_of_another_or_of_the_future_takes_no_connection_back(
    broker: KafkaBroker, factory: WorkerFactory
) -> None:
    worker = factory.worker()
    worker.start()
    undeclared = replace(TAKEN_BACK, id="nobodys", source="/nobody")
    send_events(broker, REGISTERED, TAKEN_BACK, CONNECTED, TAKEN_BACK, undeclared)
    send_ahead(broker)
    worker.wait_ready()

    assert audited(broker, worker) == ({"not_owner": 3, "time_ahead": 1}, 1)
    assert [exported(broker), exported(broker, "--known-on", "2020-12-31")] == [1, 1]
    assert (
        'smartregion_producer_refused_total{producer="formation",reason="not_owner"} 2.0'
        in worker.metrics()
    )
    letters = run_inside(broker, "dead-letters", "list", "--json").stdout.splitlines()
    reasons = sorted(json.loads(letter)["reason"] for letter in letters)
    assert reasons == ["not_owner"] * 3 + ["time_ahead"]
    early = run_inside(broker, "dead-letters", "replay", "--reason", "time_ahead")
    assert "later than the broker's clock" in early.stdout + early.stderr
    replayed = run_inside(broker, "dead-letters", "replay", "--reason", "not_owner")
    assert replayed.returncode == 1
    assert "0 sent again, 3 still refused" in replayed.stdout
    report = json.loads(run_inside(broker, "producers", "report", "--format", "json").stdout)
    cards = {
        card["producer"]: (card["attempts"], card["attempts_by_others"])
        for card in report["scorecards"]
        if card["attempts"] or card["attempts_by_others"]
    }
    assert cards == {"formation": (2, 0), "unknown": (1, 0), "lycees": (0, 3)}


def test_an_event_that_was_accepted_and_is_refused_now_gets_its_dead_letter(
    broker: KafkaBroker, factory: WorkerFactory, tmp_path: Path
) -> None:
    """A start with owners changes the figures; one without them, back again."""
    anybodys = tmp_path / "anybodys.yaml"
    lines = REGION.read_text(encoding="utf-8").splitlines()
    anybodys.write_text(
        "\n".join(one for one in lines if "owns:" not in one and "ARCEP-" not in one),
        encoding="utf-8",
    )
    everybodys = factory.worker("before", producers=str(anybodys))
    everybodys.start()
    send_events(broker, REGISTERED, CONNECTED, TAKEN_BACK)
    everybodys.wait_ready()
    assert audited(broker, everybodys, producers=str(anybodys)) == ({}, 0)
    assert letters(broker) == 0
    assert everybodys.stop() == 0

    for name in ("worker", "again"):
        worker = factory.worker(name)
        worker.start()
        worker.wait_ready()
        assert audited(broker, worker) == ({"not_owner": 1}, 1)
        assert exported(broker) == 1
        assert letters(broker) == 1
        assert worker.stop() == 0

    everybodys = factory.worker("after", producers=str(anybodys))
    everybodys.start()
    everybodys.wait_ready()
    assert audited(broker, everybodys, producers=str(anybodys)) == ({}, 0)
    assert everybodys.stop() == 0
