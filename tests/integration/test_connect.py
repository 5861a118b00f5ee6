"""From a PostgreSQL outbox by Debezium's connector, on a real Kafka Connect, to a real Kafka."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import pytest

from broker.reading import read_topics
from broker.stored_record import RawRecord
from events.cloudevent import decode
from events.fact import Family
from events.topics import topic_name
from operations.programs.addresses import free_address
from operations.programs.kafka import QUICK_START
from operations.programs.program import Program, answers
from tests.support.commands import run_inside
from tests.support.guide import Block, Reader, blocks_of
from tests.support.histories import uai
from tests.support.kafka import KafkaBroker
from tests.support.postgres import Database, PostgresServer, started_postgres
from tests.support.requirements import give_up
from tests.support.traffic import wait_done
from tests.support.waiting import wait_until
from tests.support.workers import WorkerFactory

ROOT: Final = Path(__file__).parents[2]
CONNECT: Final = ROOT / "deploy" / "connect"
JARS: Final = CONNECT / "target" / "jars"
CONNECTOR: Final = CONNECT / "outbox.json"
PAGE: Final = ROOT / "docs" / "databases.md"
NAME: Final = "smart-region-outbox"
SLOT: Final = "smart_region_outbox"
#: The placeholder for the address of Kafka Connect in the page.
PLACE: Final = "CONNECT:8083"
#: Who it makes for Debezium.
USER: Final = "debezium"

PROPERTIES: Final = """\
bootstrap.servers={bootstrap}
group.id=connect-of-tests
listeners=http://{address}
key.converter=org.apache.kafka.connect.storage.StringConverter
value.converter=org.apache.kafka.connect.storage.StringConverter
config.storage.topic=connect-configs
offset.storage.topic=connect-offsets
status.storage.topic=connect-status
config.storage.replication.factor=1
offset.storage.replication.factor=1
offset.storage.partitions=1
status.storage.replication.factor=1
status.storage.partitions=1
# A killed worker may rejoin and continue soon.
offset.flush.interval.ms=1000
session.timeout.ms=6000
heartbeat.interval.ms=1000
scheduled.rebalance.max.delay.ms=0
# All plugins are declared as services, so it need not search every jar for them.
plugin.discovery=service_load
"""


def page_commands() -> list[Block]:
    """Return the commands of the page that need Kafka Connect.

    In this order: create, restart, clean, watch, begin with a new slot.
    """
    return [block for block in blocks_of(PAGE) if block.language == "sh"]


def role_commands() -> list[Block]:
    """Return the commands of the page that create an outbox and the roles of its users."""
    return [
        block
        for block in blocks_of(PAGE)
        if "CREATE ROLE" in block.text and "smart_region_figures" not in block.text
    ]


def connector_for(database: Database) -> dict[str, Any]:
    """Return the shipped connector with its names filled in, as the page says.

    It and its slot have the database's name, since Kafka Connect remembers offsets by name.
    """
    text = CONNECTOR.read_text(encoding="utf-8").replace(NAME, database.name)
    document: dict[str, Any] = json.loads(text)
    host, port = database.server.address.split(":")
    document["config"] |= {
        "database.hostname": host,
        "database.port": port,
        "database.dbname": database.name,
        "database.user": USER,
        "database.password": "none",
        "slot.name": database.name,
        # If the slot moves quickly, a test can check it sooner.
        "heartbeat.interval.ms": "1000",
    }
    return document


def _of(block: Block, database: Database) -> Block:
    """Return a command with a database's names for connector and slot, as in `connector_for`."""
    text = block.text.replace(NAME, database.name).replace(SLOT, database.name)
    return replace(block, text=text)


class ConnectWorker(Program):
    """A worker in distributed mode: connectors are given to it over HTTP."""

    def __init__(self, bootstrap: str, folder: Path) -> None:
        if not any(JARS.glob("debezium-connector-postgres-*.jar")):
            give_up(f"there is no Kafka Connect in {JARS}: run tests/packages.sh deploy/connect")
        self.folder = folder
        self.address = free_address()
        properties = folder / "connect.properties"
        text = PROPERTIES.format(bootstrap=bootstrap, address=self.address)
        properties.write_text(text, encoding="utf-8")
        command = (
            *("java", "-Xmx512m", *QUICK_START, "-Dorg.apache.logging.log4j.level=WARN"),
            *("-cp", f"{JARS}/*", "org.apache.kafka.connect.cli.ConnectDistributed"),
            str(properties),
        )
        super().__init__(
            "connect",
            command,
            folder=folder,
            is_ready=answers(f"http://{self.address}/connectors"),
            ready_seconds=90,
            stop_seconds=20,
        )

    def create(self, connector: dict[str, Any]) -> None:
        (self.folder / CONNECTOR.name).write_text(json.dumps(connector), encoding="utf-8")
        self._follow(page_commands()[0])

    def restart_failed(self, connector: str) -> None:
        """Restart the failed parts of a connector, with the page's second command."""
        block = page_commands()[1]
        self._follow(replace(block, text=block.text.replace(NAME, connector)))

    def begin_anew(self, database: Database) -> None:
        """Make a database's connector begin with a new slot, with the page's command for that."""
        self._follow(
            _of(page_commands()[4], database), env=database.server.variables(database.name)
        )

    def delete(self, connector: str) -> None:
        """Delete a connector; its replication slot stays."""
        self._ask(f"/connectors/{connector}", method="DELETE")

    def states(self, connector: str) -> list[str]:
        """Return the states of a connector and its tasks; none while it is unknown."""
        try:
            status = self._ask(f"/connectors/{connector}/status")
        except (urllib.error.URLError, OSError):
            return []
        return [status["connector"]["state"], *(task["state"] for task in status["tasks"])]

    def _follow(self, block: Block, *, env: Mapping[str, str] | None = None) -> None:
        text = block.text.replace(PLACE, self.address)
        if env is None:
            Reader(self.folder, env={}).follow([replace(block, text=text)])
            return
        with TemporaryDirectory() as desk:  # As in a new terminal, with the variables of the first.
            Reader(Path(desk), env=env).follow([replace(block, text=text)])

    def _ask(self, path: str, *, method: str = "GET") -> Any:  # noqa: ANN401 - as its API has it
        request = urllib.request.Request(f"http://{self.address}{path}", method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return json.loads(answer.read() or "null")


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


@pytest.mark.nightly
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


@pytest.mark.nightly
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


@pytest.mark.nightly
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
