"""Producers that write in transactions: what they took back, or have not ended, counts nowhere."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from kafka import KafkaProducer

from broker.clients import opened
from broker.errors import TopicsStalledError
from broker.offsets import wait_for_group
from broker.reading import read_topics
from events.cloudevent import CloudEvent, Header, encode_structured
from events.fact import Family
from events.partitioning import partition_for
from events.topics import DEAD_LETTERS, topic_name
from streams.settings import Settings
from tests.support.commands import run_inside
from tests.support.histories import event, uai
from tests.support.kafka import KafkaBroker
from tests.support.traffic import wait_done
from tests.support.waiting import wait_until
from tests.support.workers import Worker, WorkerFactory

pytestmark = pytest.mark.timeout(300)

PARTITIONS = 8
SCHOOLS = topic_name(Family.SCHOOLS)
ABORTED, COMMITTED, OPEN = uai("0750001"), uai("0770001"), uai("0920001")
PERSON = "enrolment-000001"


class Transaction:
    """A transaction that a test begins and ends when it likes."""

    def __init__(self, broker: KafkaBroker, name: str) -> None:
        self.producer: Any = opened(KafkaProducer, broker.bootstrap, transactional_id=name)
        self.producer.init_transactions()
        self.producer.begin_transaction()

    def send(self, topic: str, key: str, value: bytes, headers: Sequence[Header] = ()) -> None:
        home = partition_for(key.encode(), PARTITIONS) if topic != DEAD_LETTERS else 0
        self.producer.send(
            topic, value, key=key.encode(), headers=list(headers), partition=home
        ).get(timeout=30)

    def write(self, events: Iterable[CloudEvent]) -> None:
        for one in events:
            record = encode_structured(one)
            self.send(
                topic_name(one.fact.FAMILY), record.key.decode(), record.value, record.headers
            )

    def commit(self) -> None:
        self.producer.commit_transaction()

    def abort(self) -> None:
        self.producer.abort_transaction()


@contextmanager
def transaction(broker: KafkaBroker, name: str) -> Iterator[Transaction]:
    begun = Transaction(broker, name)
    try:
        yield begun
    finally:
        begun.producer.close(timeout=5)


def events_of(lycee: str) -> list[CloudEvent]:
    return [
        event("school.registered", lycee, "2018-01-01"),
        event("school.connected", lycee, "2018-03-01"),
    ]


def audited(broker: KafkaBroker, worker: Worker) -> Any:  # noqa: ANN401 - JSON
    done = run_inside(broker, "audit", "--json", "--against", worker.url)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    return json.loads(done.stdout)


def accepted(broker: KafkaBroker) -> tuple[int, str]:
    done = run_inside(broker, "producers", "report", "--format", "json")
    assert done.returncode == 0, done.stderr
    cards = json.loads(done.stdout)["scorecards"]
    return sum(card["accepted"] for card in cards), done.stderr


def lag_of(lycee: str, records: int) -> str:
    home = partition_for(lycee.encode(), PARTITIONS)
    return f'smartregion_consumer_lag_records{{partition="{home}",topic="{SCHOOLS}"}} {records}.0'


def test_only_what_is_committed_counts_for_every_reader(
    broker: KafkaBroker, factory: WorkerFactory
) -> None:
    worker = factory.worker()
    worker.start()
    settings = Settings(broker=broker.bootstrap)
    with (
        transaction(broker, "one") as aborted,
        transaction(broker, "two") as committed,
        transaction(broker, "three") as still_open,
    ):
        aborted.write([*events_of(ABORTED), event("training.enrolled", PERSON, "2018-01-01")])
        aborted.send(DEAD_LETTERS, "key", b"no letter")
        aborted.abort()
        committed.write(events_of(COMMITTED))
        committed.commit()
        still_open.write(events_of(OPEN))
        worker.wait_ready()

        assert wait_until(lambda: worker.shows(lag_of(OPEN, 2)), seconds=30), worker.metrics()
        assert wait_until(lambda: worker.shows(lag_of(COMMITTED, 0)), seconds=30), worker.metrics()
        wait_for_group(
            settings.app_id,
            [SCHOOLS],
            settings.broker,
            security=settings.security(),
            wait_seconds=30,
            outcome="nothing was checked",
        )
        held = {f"{SCHOOLS}[{partition_for(OPEN.encode(), PARTITIONS)}]": 2}
        found = audited(broker, worker)
        assert (found["account"]["produced"], found["topics"]["held"]) == (2, held)
        count, states = accepted(broker)
        assert count == 2
        assert next(iter(held)) in states
        with pytest.raises(TopicsStalledError, match=r"open .*schools\[\d\] \(2 records left\)"):
            list(read_topics(broker.bootstrap, wait_seconds=4))
        assert json.loads(run_inside(broker, "dead-letters", "list", "--json").stdout or "[]") == []

        still_open.commit()

        assert wait_until(lambda: worker.shows(lag_of(OPEN, 0)), seconds=30), worker.metrics()
    found = audited(broker, worker)
    assert (found["account"]["produced"], found["topics"]["held"]) == (4, {})
    assert accepted(broker) == (4, "")
    # Before, it would wait for the open transaction.
    erased = run_inside(broker, "erase", standard_input=PERSON)
    assert (erased.returncode, erased.stdout.startswith("0 records")) == (0, True), erased.stderr
    assert wait_done(broker.bootstrap, seconds=30), "the group's offsets skip the markers"
    today, hindsight = (
        run_inside(broker, "export", "--format", "json", *options).stdout
        for options in ((), ("--known-on", "2020-12-31"))
    )
    assert ABORTED not in today
    assert _figures(today) == _figures(hindsight) != []
    assert worker.stop() == 0

    # A log that ends with marks, and has aborted records, is read to its end.
    again = factory.worker("again")
    again.start()
    again.wait_ready()
    assert 'smartregion_entities{family="schools"} 2.0' in again.metrics()
    assert audited(broker, again)["account"]["produced"] == 4
    assert again.stop() == 0


def _figures(text: str) -> list[Any]:
    return [
        row["numerator"]
        for row in json.loads(text)
        if row["indicator"] == "schools_connected_ratio"
    ]
