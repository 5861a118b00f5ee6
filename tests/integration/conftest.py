"""The real Kafka of the integration tests: one broker per run, clean for each test."""

from collections.abc import Generator, Iterator
from pathlib import Path

import psycopg
import pytest

from broker.topic_admin import apply_topics
from events.topics import declared_topics
from operations.programs.kafka import missing_requirement
from tests.support.kafka import KafkaBroker
from tests.support.postgres import Database, PostgresServer, started_postgres
from tests.support.requirements import give_up
from tests.support.workers import WorkerFactory

FOLDER = Path(__file__).parent
BROKER = pytest.StashKey[KafkaBroker]()


@pytest.fixture(scope="session")
def kafka_broker(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[KafkaBroker]:
    """Yield the run's one broker, as its last user left it."""
    if reason := missing_requirement():
        give_up(reason)
    with KafkaBroker(tmp_path_factory.mktemp("kafka")) as broker:
        request.config.stash[BROKER] = broker
        yield broker


@pytest.fixture
def kafka(kafka_broker: KafkaBroker) -> KafkaBroker:
    """Return the run's broker, running, without a topic or a consumer group."""
    kafka_broker.reset()
    return kafka_broker


@pytest.fixture
def broker(kafka: KafkaBroker) -> KafkaBroker:
    """Return the run's broker with the monitor's topics, empty."""
    apply_topics(kafka.bootstrap, declared_topics())
    return kafka


@pytest.fixture
def factory(broker: KafkaBroker, tmp_path: Path) -> Iterator[WorkerFactory]:
    """Yield a factory of workers on the broker; all are killed when the test ends."""
    factory = WorkerFactory(broker.bootstrap, tmp_path)
    yield factory
    factory.stop_all()


@pytest.fixture(scope="module")
def shared_broker(kafka_broker: KafkaBroker) -> KafkaBroker:
    """Return the run's broker with the monitor's topics, emptied once for the tests that share it.

    In a file, they come after the tests that empty it by `kafka` or `broker`.
    """
    kafka_broker.reset()
    apply_topics(kafka_broker.bootstrap, declared_topics())
    return kafka_broker


@pytest.fixture(scope="module")
def shared_factory(
    shared_broker: KafkaBroker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WorkerFactory]:
    """Yield a factory of workers that a file's tests share; all are killed when the last ends."""
    factory = WorkerFactory(shared_broker.bootstrap, tmp_path_factory.mktemp("workers"))
    yield factory
    factory.stop_all()


@pytest.fixture(scope="session")
def shared_postgres() -> Iterator[PostgresServer]:
    """Yield the run's one PostgreSQL server, for tests that leave it running."""
    with started_postgres() as server:
        yield server


@pytest.fixture(scope="module")
def postgres(shared_postgres: PostgresServer) -> PostgresServer:
    """Return a PostgreSQL server; a file whose tests end it has a fixture of this name."""
    return shared_postgres


@pytest.fixture
def database(postgres: PostgresServer, request: pytest.FixtureRequest) -> Iterator[Database]:
    """Yield a database with the outbox of the lycées; users are the server's, and go with it."""
    database = Database(
        postgres, f"test_{abs(hash(request.node.nodeid))}", source="urn:iledefrance:lycees"
    )
    yield database
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {database.name} WITH (FORCE)")
        for (name,) in connection.execute(
            "SELECT usename FROM pg_user WHERE usename LIKE 'a\\_%'"
        ).fetchall():
            connection.execute(f"DROP USER {name}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that ask for the broker."""
    for item in items:
        if _asks_for_kafka(item):
            item.add_marker(pytest.mark.integration)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(
    item: pytest.Item, nextitem: pytest.Item | None
) -> Generator[None, None, None]:
    """End the broker after the last test of this folder: an idle one takes processor time too.

    Whoever asks for it again, in another order of the folders, gets it started again.
    """
    yield
    broker = item.config.stash.get(BROKER, None)
    if broker and nextitem is not None and FOLDER not in nextitem.path.parents:
        broker.kill()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the broker logged last, with a test that fails."""
    report = yield
    broker = item.config.stash.get(BROKER, None)
    if report.failed and broker and _asks_for_kafka(item):
        report.sections.append(("Kafka's log", "\n".join(broker.log_end(60))))
    return report


def _asks_for_kafka(item: pytest.Item) -> bool:
    return "kafka_broker" in getattr(item, "fixturenames", ())
