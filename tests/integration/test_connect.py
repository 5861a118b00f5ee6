"""From a PostgreSQL outbox by Debezium's connector, on a real Kafka Connect, to a real Kafka."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from broker.reading import read_topics
from broker.stored_record import RawRecord
from events.cloudevent import decode
from events.fact import Family
from events.topics import topic_name
from tests.support.commands import run_inside
from tests.support.connect import ConnectWorker, connector_for, page_commands, role_commands
from tests.support.guide import Reader
from tests.support.histories import uai
from tests.support.kafka import KafkaBroker
from tests.support.postgres import Database, PostgresServer, started_postgres
from tests.support.traffic import wait_done
from tests.support.waiting import wait_until
from tests.support.workers import WorkerFactory

pytestmark = pytest.mark.timeout(400)

SCHOOLS = topic_name(Family.SCHOOLS)
SPEED = json.dumps({"downlink_mbps": 1000})
SECONDS = 90.0
CLEAN = "SELECT smart_region.clean(%s, '0 s')"


@pytest.fixture(scope="module")
def worker(
    shared_broker: KafkaBroker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ConnectWorker]:
    worker = ConnectWorker(shared_broker.bootstrap, tmp_path_factory.mktemp("connect"))
    try:
        worker.start()
        yield worker
    finally:
        worker.stop()


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with started_postgres() as server:
        yield server


@pytest.fixture(scope="module")
def server(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> PostgresServer:
    reader = Reader(tmp_path_factory.mktemp("desk"), env=postgres.variables("postgres"))
    reader.follow(role_commands())
    return postgres


@pytest.fixture
def database(server: PostgresServer, request: pytest.FixtureRequest) -> Database:
    name = request.function.__name__
    return Database(server, name, source=f"urn:iledefrance:{name}")


@pytest.fixture
def connect(worker: ConnectWorker, database: Database) -> Iterator[ConnectWorker]:
    connector = connector_for(database)
    worker.create(connector)
    try:
        wait_for(worker, lambda: runs(worker, connector["name"]))
        yield worker
    finally:
        worker.delete(connector["name"])


def wait_for(connect: ConnectWorker, condition: Callable[[], bool]) -> None:
    assert wait_until(condition, seconds=SECONDS), connect.log_end(60)


def runs(connect: ConnectWorker, name: str) -> bool:
    return connect.states(name) == ["RUNNING", "RUNNING"]


def emit(database: Database, *lycees: str) -> list[str]:
    with database.connected() as connection:
        rows = connection.execute(
            "SELECT smart_region.emit('school.connected', lycee, '2018-03-01', %s)"
            " FROM unnest(%s::text[]) AS lycee",
            (SPEED, list(lycees)),
        ).fetchall()
    return [str(one) for (one,) in rows]


def arrived(broker: KafkaBroker, database: Database) -> dict[str, RawRecord]:
    events = {}
    for record in read_topics(broker.bootstrap, topics=[SCHOOLS]):
        event = decode(record.headers, record.value, family=Family.SCHOOLS)
        if event.source == database.source:
            events[event.id] = record
    return events


def has(broker: KafkaBroker, database: Database, sent: Collection[str]) -> bool:
    return arrived(broker, database).keys() == set(sent)


def test_kills_and_restarts_lose_and_change_nothing(
    shared_broker: KafkaBroker,
    shared_factory: WorkerFactory,
    postgres: PostgresServer,
    database: Database,
    connect: ConnectWorker,
) -> None:
    monitor = shared_factory.worker()
    monitor.start()
    sent = emit(database, *lycees("075", 500))
    connect.kill()
    sent += emit(database, *lycees("077", 500))
    connect.start()
    sent += emit(database, *lycees("078", 500))
    postgres.kill()
    postgres.start()
    sent += emit(database, *lycees("091", 1))

    def complete() -> bool:
        # A task that starts while the database is unavailable ends, and Kafka Connect leaves it so.
        if "FAILED" in connect.states(database.name):
            connect.restart_failed(database.name)
        return has(shared_broker, database, sent)

    wait_for(connect, complete)
    with database.connected() as connection:
        emitted = connection.execute("SELECT key, event FROM smart_region.outbox").fetchall()
    records = arrived(shared_broker, database).values()
    assert {((one.key or b"").decode(), (one.value or b"").decode()) for one in records} == set(
        emitted
    )
    contents = {dict(one.headers)["content-type"] for one in records}
    assert contents == {b"application/cloudevents+json"}
    assert wait_done(shared_broker.bootstrap, seconds=SECONDS), monitor.log[-3000:]
    done = run_inside(shared_broker, "audit", "--against", monitor.url)
    assert (done.returncode, done.stderr) == (0, "")


def lycees(department: str, count: int) -> list[str]:
    return [uai(f"{department}{number:04}") for number in range(count)]


def test_cleaning_removes_only_what_has_arrived(
    shared_broker: KafkaBroker, database: Database, connect: ConnectWorker, tmp_path: Path
) -> None:
    """Whatever the requested age, what the connector has not passed stays."""
    sent = emit(database, uai("0750001"))
    wait_for(connect, lambda: has(shared_broker, database, sent))

    def cleaned() -> bool:
        with database.connected() as connection:
            connection.execute(CLEAN, (database.name,))
            return connection.execute("SELECT count(*) FROM smart_region.outbox").fetchone() == (0,)

    wait_for(connect, cleaned)
    connect.kill()
    sent += emit(database, uai("0750002"))
    for _ in range(3):
        assert not cleaned()
    connect.start()
    wait_for(connect, lambda: has(shared_broker, database, sent))
    wait_for(connect, cleaned)
    sent = emit(database, uai("0750003"))
    page_upkeep(database, tmp_path)
    with database.connected() as connection:
        rows = connection.execute("SELECT id::text FROM smart_region.outbox").fetchall()
    assert rows == [(one,) for one in sent]


def test_after_a_lost_slot_the_outbox_is_read_again(
    shared_broker: KafkaBroker, database: Database, connect: ConnectWorker
) -> None:
    """By the page's commands: what no slot has seen arrives, and what is emitted afterwards."""
    sent = emit(database, uai("0750001"))
    wait_for(connect, lambda: has(shared_broker, database, sent))
    connect.kill()
    wait_for(connect, lambda: slot_is_active(database) is False)
    with database.connected() as connection:
        connection.execute("SELECT pg_drop_replication_slot(%s)", (database.name,))
    sent += emit(database, uai("0750002"))
    connect.start()

    connect.begin_anew(database)
    wait_for(connect, lambda: slot_is_active(database) is True)

    sent += emit(database, uai("0750003"))
    wait_for(connect, lambda: has(shared_broker, database, sent))


def slot_is_active(database: Database) -> bool | None:
    with database.connected() as connection:
        row = connection.execute(
            "SELECT active FROM pg_replication_slots WHERE slot_name = %s", (database.name,)
        ).fetchone()
    return None if row is None else bool(row[0])


def page_upkeep(database: Database, folder: Path) -> None:
    reader = Reader(folder, env=database.server.variables(database.name))
    reader.follow(
        [
            replace(block, text=block.text.replace("smart_region_outbox", database.name))
            for block in page_commands()[2:4]
        ]
    )
