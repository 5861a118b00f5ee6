"""Another producer's word about a lycée: refused, on Kafka and at the gateway, never counted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from broker.reading import read_topics
from events.cloudevent import CloudEvent, encode_structured
from events.producers.model import REGION
from events.topics import DEAD_LETTERS
from tests.support.commands import run_inside
from tests.support.gateways import Gateway, issue_credentials
from tests.support.histories import event, uai
from tests.support.kafka import KafkaBroker
from tests.support.traffic import message_of, send, wait_done
from tests.support.workers import Worker, WorkerFactory

pytestmark = pytest.mark.timeout(300)

PARIS = uai("0750001")
MELUN = uai("0770001")
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

PRODUCERS = f"""\
producers:
  - id: lycees
    title: Lycées
    contact: lycees
    sources: ["urn:iledefrance:lycees"]
    types: [school.*]
    owns: [school.*]
    quota: {{ events_per_second: 1_000, burst: 1_000 }}
    expected_every: daily
  - id: formation
    title: Lycées de l’est
    contact: est
    sources: ["{ANOTHER}"]
    types: [school.*]
    owns:
      - {{ types: [school.*], territories: [D77] }}
    quota: {{ events_per_second: 1_000, burst: 1_000 }}
    expected_every: daily
"""


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


def test_a_later_retraction_of_another_takes_no_connection_back(
    broker: KafkaBroker, factory: WorkerFactory
) -> None:
    worker = factory.worker()
    worker.start()
    undeclared = replace(TAKEN_BACK, id="nobodys", source="/nobody")
    send_events(broker, REGISTERED, TAKEN_BACK, CONNECTED, TAKEN_BACK, undeclared)
    worker.wait_ready()

    assert audited(broker, worker) == ({"not_owner": 3}, 1)
    assert [exported(broker), exported(broker, "--known-on", "2020-12-31")] == [1, 1]
    assert (
        'smartregion_producer_refused_total{producer="formation",reason="not_owner"} 2.0'
        in worker.metrics()
    )
    letters = run_inside(broker, "dead-letters", "list", "--json").stdout.splitlines()
    assert [json.loads(letter)["reason"] for letter in letters] == ["not_owner"] * 3
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


def test_the_gateway_lets_in_what_the_producer_owns_and_nothing_else(
    broker: KafkaBroker, factory: WorkerFactory, tmp_path: Path
) -> None:
    declared = tmp_path / "producers.yaml"
    declared.write_text(PRODUCERS, encoding="utf-8")
    credentials = issue_credentials("formation", tmp_path)
    variables = {"SMART_REGION_PRODUCERS": str(declared)}
    worker = factory.worker(producers=str(declared))
    worker.start()
    send_events(broker, REGISTERED, CONNECTED)
    own = [
        event("school.registered", MELUN, "2018-01-01", source=ANOTHER),
        event("school.connected", MELUN, "2018-03-01", source=ANOTHER),
    ]
    with Gateway(
        broker.bootstrap, tmp_path, secrets=credentials.file, settings=variables
    ) as gateway:
        answers = [_posted(gateway, credentials.token, one) for one in (*own, TAKEN_BACK)]
    worker.wait_ready()

    assert [status for status, _ in answers] == [202, 202, 403]
    assert answers[-1][1]["type"] == "/problems/not_owner"
    assert "lycees" not in json.dumps(answers[-1][1])
    assert audited(broker, worker, producers=str(declared)) == ({}, 2)
    report = run_inside(broker, "producers", "report", "--format", "json", producers=str(declared))
    cards = {one["producer"]: one for one in json.loads(report.stdout)["scorecards"]}
    assert (cards["formation"]["attempts"], cards["formation"]["accepted"]) == (1, 2)
    assert cards["lycees"]["attempts_by_others"] == 1


def _posted(gateway: Gateway, token: str, sent: CloudEvent) -> tuple[int, Any]:
    answer = requests.post(
        f"{gateway.url}/events",
        data=encode_structured(sent).value,
        headers={
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/cloudevents+json",
        },
        timeout=30,
    )
    return answer.status_code, answer.json()
