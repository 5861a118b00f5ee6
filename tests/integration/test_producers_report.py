"""The report on producers from a real broker: an independent recount's, whatever workers suffer."""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from datetime import date, datetime
from functools import cache
from math import ceil
from pathlib import Path
from typing import Any

import pytest

from simulation.emitter import RecordKind, SimulatedRecord
from simulation.simulator import simulate
from tests.support.commands import run_inside
from tests.support.gateway import STRUCTURED
from tests.support.gateway import event as gateway_event
from tests.support.kafka import KafkaBroker
from tests.support.raw_http import RawConnection, post
from tests.support.running_gateway import running_gateway
from tests.support.traffic import Message, send, shuffled, wait_done
from tests.support.waiting import wait_until
from tests.support.workers import WorkerFactory, supervised

pytestmark = pytest.mark.timeout(300)

FIRST, LAST = date(2016, 1, 1), date(2016, 12, 31)
SECONDS = 90
DOUBLED = 0.05
MISROUTED = 0.02
#: A third worker that ends at the same record is one too many: it would be held for a minute.
KILLS = 2


@cache
def simulated() -> tuple[SimulatedRecord, ...]:
    return tuple(simulate(7, FIRST, LAST))


def reported(broker: KafkaBroker, *options: str) -> Any:  # noqa: ANN401 - JSON
    done = run_inside(broker, "producers", "report", "--format", "json", *options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def counted(broker: KafkaBroker) -> dict[str, dict[str, Any]]:
    cards = reported(broker)["scorecards"]
    return {card["producer"]: card for card in cards if card["accepted"] or card["refused"]}


def valid_events(sent: list[Message]) -> list[dict[str, Any]]:
    invalid = {record.line.encode() for record in simulated() if record.kind is RecordKind.INVALID}
    return [json.loads(message.value) for message in sent if message.value not in invalid]


def recounted(sent: list[Message]) -> dict[str, Any]:
    events = valid_events(sent)
    valid: Counter[str] = Counter()
    late: dict[str, dict[str, int]] = defaultdict(dict)
    last: dict[str, str] = {}
    for event_ in events:
        producer = event_["source"].rpartition(":")[2]
        (day,) = (
            value
            for name, value in event_["data"].items()
            if name.endswith("_on") or name in ("as_of", "period_end")
        )
        recorded = datetime.fromisoformat(event_["time"])
        valid[producer] += 1
        late[producer][event_["id"]] = max((recorded.date() - date.fromisoformat(day)).days, 0)
        last[producer] = max(event_["time"], last.get(producer, ""))
    return {
        "refused": len(sent) - len(events),
        "accepted": {producer: len(events) for producer, events in late.items()},
        "duplicates": {producer: valid[producer] - len(late[producer]) for producer in valid},
        "median": {producer: _rank(events.values(), 0.5) for producer, events in late.items()},
        "last": last,
    }


def _rank(days: Any, share: float) -> int:  # noqa: ANN401 - any collection of numbers
    ordered = sorted(days)
    return int(ordered[ceil(share * len(ordered)) - 1])


@pytest.mark.nightly
def test_equals_an_independent_recount_also_after_workers_were_killed(
    broker: KafkaBroker, factory: WorkerFactory
) -> None:
    messages = [
        Message(record.family, record.key.encode(), record.line.encode()) for record in simulated()
    ]
    sent = shuffled(messages, seed=3, doubled=DOUBLED)
    send(broker.bootstrap, sent, misrouted=MISROUTED)

    cards, expected = counted(broker), recounted(sent)

    cards.pop("unknown", None)  # Refused records that do not say whose they are.
    assert {name: card["accepted"] for name, card in cards.items()} == expected["accepted"]
    assert {name: card["duplicates"] for name, card in cards.items()} == expected["duplicates"]
    assert {name: card["lateness"]["median"] for name, card in cards.items()} == expected["median"]
    assert {name: datetime.fromisoformat(card["last_event"]) for name, card in cards.items()} == {
        name: datetime.fromisoformat(last) for name, last in expected["last"].items()
    }
    everybody = reported(broker)["scorecards"]
    assert sum(card["refused"] for card in everybody) == expected["refused"] > 0
    assert sum(card["misplaced"] for card in everybody) > 0
    assert sum(card["reused_ids"] for card in everybody) == 0
    before = reported(broker, "--references")

    worker, chance = factory.worker(max_poll_records="500"), random.Random(5)
    with supervised(worker):
        for _ in range(KILLS):
            worker.wait_ready()
            done = worker.log.count("dead letters")
            target = done + chance.randint(1, 3)
            wait_until(lambda: worker.log.count("dead letters") >= target, seconds=5)  # noqa: B023
            worker.kill()
        assert wait_done(broker.bootstrap, seconds=SECONDS), worker.log[-3000:]

    assert reported(broker, "--references") == before


def test_what_the_gateway_refused_is_its_producer_s(
    broker: KafkaBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_gateway(broker.bootstrap, tmp_path) as (gateway, credentials):
        for body in (
            gateway_event(1),
            gateway_event(1),
            gateway_event(2, source="/subventions"),
            gateway_event(3, data={"uai": "0750652B"}),
        ):
            with RawConnection(gateway.port) as line:
                bearer = f"authorization: Bearer {credentials.token}"
                line.send(post(json.dumps(body).encode(), f"content-type: {STRUCTURED}", bearer))
                assert line.answer() is not None
    monkeypatch.setenv("SMART_REGION_PRODUCERS", str(tmp_path / "producers.yaml"))

    card = counted(broker)["lycees"]

    assert (card["accepted"], card["duplicates"], card["refused"]) == (1, 1, 2)
    assert [(one["reason"], one["field"], one["example"]) for one in card["refusals"]] == [
        ("invalid_data", "data.connected_on", "http"),
        ("not_allowed", "source", "http"),
    ]
