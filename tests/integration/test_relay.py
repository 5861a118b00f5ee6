"""From a PostgreSQL outbox to a real Kafka: every committed event, and no other."""

from __future__ import annotations

import json
import random
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

from broker.reading import read_topics
from events.cloudevent import CloudEvent, decode
from events.fact import Family
from events.topics import topic_name
from tests.support.children import Child
from tests.support.commands import run_inside
from tests.support.gateways import Gateway, issue_credentials
from tests.support.histories import uai
from tests.support.kafka import KafkaBroker
from tests.support.postgres import Database, PostgresServer, started_postgres
from tests.support.private_files import private_file
from tests.support.traffic import wait_done
from tests.support.waiting import wait_until
from tests.support.workers import WorkerFactory

pytestmark = pytest.mark.timeout(300)

SCHOOLS = topic_name(Family.SCHOOLS)
WRITERS = 3
TRANSACTION_SECONDS = 0.02
BACKLOG = 1_200
NOTE_ALL = """
CREATE TABLE everything (id uuid);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN INSERT INTO public.everything VALUES (NEW.id); RETURN NEW; END $$;
CREATE TRIGGER note BEFORE INSERT ON smart_region.outbox FOR EACH ROW EXECUTE FUNCTION note();
"""
SPEED = json.dumps({"downlink_mbps": 1000})


class Relay(Child):
    """A `smart-region relay postgres` of its own process."""

    def __init__(self, database: str, bootstrap: str, folder: Path, *options: str) -> None:
        command = [
            *(sys.executable, "-m", "smart_region", "relay", "postgres"),
            *("--database", database, "--poll", "1", *options),
        ]
        variables = {"SMART_REGION_BROKER": bootstrap}
        super().__init__(command, variables, log_file=folder / "relay.log")


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with started_postgres() as server:
        yield server


@pytest.fixture
def relay(database: Database, broker: KafkaBroker, tmp_path: Path) -> Iterator[Relay]:
    relay = Relay(database.user("a_relay", "smart_region_relay"), broker.bootstrap, tmp_path)
    yield relay
    relay.kill()


def arrived(broker: KafkaBroker) -> list[CloudEvent]:
    records = read_topics(broker.bootstrap, topics=[SCHOOLS])
    return [decode(record.headers, record.value) for record in records]


class Backlog:
    """How many events wait, asked over one connection for as long as it lasts."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: psycopg.Connection[Any] | None = None

    def events(self) -> int | None:
        try:
            if self._connection is None:
                self._connection = psycopg.connect(self._database.url(), autocommit=True)
            [(events,)] = self._connection.execute("SELECT events FROM smart_region.waiting()")
        except psycopg.OperationalError:
            self.close()
            return None
        return int(events)

    def is_empty(self) -> bool:
        return self.events() == 0

    def is_below(self, events: int) -> bool:
        found = self.events()
        return found is not None and found < events

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@pytest.fixture
def backlog(database: Database) -> Iterator[Backlog]:
    backlog = Backlog(database)
    yield backlog
    backlog.close()


def emit_burst(database: Database, lycees: Sequence[str]) -> None:
    with database.connected() as connection:
        connection.execute(
            "SELECT count(smart_region.emit('school.connected', lycee, '2018-03-01', %s))"
            " FROM unnest(%s::text[]) AS lycee",
            (SPEED, list(lycees)),
        )


class Writers:
    """Programs that emit until they are stopped; one transaction in ten is rolled back."""

    def __init__(self, database: Database) -> None:
        self.committed: list[str] = []
        self._database = database
        self._end = threading.Event()
        self._threads = [
            threading.Thread(target=self._write, args=(number,)) for number in range(WRITERS)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()

    def _write(self, writer: int) -> None:
        chance = random.Random(writer)
        while not self._end.wait(TRANSACTION_SECONDS):
            # While the database restarts, a program tries again.
            with suppress(psycopg.OperationalError), self._database.connected() as connection:
                while not self._end.wait(TRANSACTION_SECONDS):
                    self._transaction(connection, chance, writer)

    def _transaction(
        self, connection: psycopg.Connection[Any], chance: random.Random, writer: int
    ) -> None:
        ids: list[str] = []
        undone = chance.random() < 0.1
        with connection.transaction(force_rollback=undone):
            for _ in range(chance.randint(1, 5)):
                lycee = uai(f"075{writer}{chance.randint(0, 9):03}")
                day = f"2018-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}"
                row = connection.execute(
                    "SELECT smart_region.emit('school.connected', %s, %s, %s)", (lycee, day, SPEED)
                ).fetchone()
                assert row is not None
                ids.append(str(row[0]))
        if not undone:
            # A commit whose answer is lost may have taken place: the outbox knows.
            self.committed += ids


@pytest.mark.nightly
def test_kills_and_restarts_lose_and_invent_nothing(
    broker: KafkaBroker,
    postgres: PostgresServer,
    database: Database,
    backlog: Backlog,
    relay: Relay,
    factory: WorkerFactory,
) -> None:
    worker = factory.worker()
    worker.start()
    with database.connected() as connection:
        # Every event that is ever committed, whoever removes it from the outbox.
        connection.execute(NOTE_ALL)
    writers = Writers(database)
    writers.start()
    chance = random.Random(5)
    for turn in range(6):
        # More than two batches wait, beside what the writers commit meanwhile.
        emit_burst(database, [uai(f"077{one % 100:04}") for one in range(BACKLOG)])
        relay.start()
        # Before, within or between batches.
        left = chance.randint(1, BACKLOG)
        assert wait_until(partial(backlog.is_below, left), seconds=30, every=0.005)
        if turn % 3 == 1:
            postgres.stop()
            postgres.start()
        elif turn % 3 == 2:
            postgres.kill()
            postgres.start()
        relay.kill()
    relay.start()
    writers.end()
    assert wait_until(backlog.is_empty, seconds=60), relay.log[-3000:]
    assert relay.stop() == 0

    with database.connected() as connection:
        committed = {str(one) for (one,) in connection.execute("SELECT id FROM everything")}
    events = arrived(broker)
    assert set(writers.committed) <= committed
    assert {one.id for one in events} == committed
    in_order(events)
    assert wait_done(broker.bootstrap, seconds=90), worker.log[-3000:]
    done = run_inside(broker, "audit", "--against", worker.url)
    assert (done.returncode, done.stderr) == (0, "")


def in_order(events: list[CloudEvent]) -> None:
    times = defaultdict(list)
    for one in events:
        times[one.fact.entity_id].append(one.time)
    for sent in times.values():
        last = {time: place for place, time in enumerate(sent)}
        assert sorted(last) == sorted(last, key=lambda time: last[time])


def test_through_the_gateway_a_refused_event_is_put_aside(
    broker: KafkaBroker, database: Database, backlog: Backlog, tmp_path: Path
) -> None:
    credentials = issue_credentials("lycees", tmp_path)
    secret = private_file(tmp_path / "token", credentials.token)
    with database.connected() as connection:
        for lycee in (uai("0750001"), "0750002X", uai("0750003")):
            connection.execute(
                "SELECT smart_region.emit('school.connected', %s, '2018-03-01', %s)", (lycee, SPEED)
            )
    with Gateway(broker.bootstrap, tmp_path, secrets=credentials.file) as gateway:
        relay = Relay(
            database.url(),
            broker.bootstrap,
            tmp_path,
            *("--gateway", gateway.url, "--secret", str(secret)),
        )
        relay.start()
        try:
            assert wait_until(backlog.is_empty, seconds=60), relay.log[-3000:]
        finally:
            relay.kill()
    assert {one.fact.entity_id for one in arrived(broker)} == {uai("0750001"), uai("0750003")}
    with database.connected() as connection:
        [(key, reason)] = connection.execute("SELECT key, reason FROM smart_region.refused")
    assert key == "0750002X"
    assert "uai" in reason
