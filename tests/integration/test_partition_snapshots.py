"""Snapshots of partitions on a real broker: what they save, and what they must not show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date
from functools import partial
from pathlib import Path

import pytest

from audit.comparison import compare
from audit.recount import audit_records
from broker.reading import read_topics
from broker.topic_admin import apply_topics, seen_topics
from catalogue.loader import load_catalogue
from events.fact import Family
from events.topics import declared_topics, topic_name
from operations.programs.kafka import missing_requirement
from tests.support.commands import run_inside
from tests.support.kafka import KafkaBroker
from tests.support.requirements import give_up
from tests.support.traffic import region, send, wait_done
from tests.support.waiting import wait_until
from tests.support.workers import Worker, WorkerFactory

pytestmark = [pytest.mark.timeout(300), pytest.mark.integration]

LAST_DAY = date(2020, 12, 31)
SETTLE_SECONDS = 90.0
YEAR = partial(region, 7, date(2016, 1, 1), date(2016, 12, 31))
LATER = partial(region, 7, date(2017, 1, 1), date(2017, 3, 31))
GRANTS = topic_name(Family.GRANTS)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[KafkaBroker]:
    """Yield a broker of the test's own, with the monitor's topics."""
    if reason := missing_requirement():
        give_up(reason)
    with KafkaBroker(tmp_path / "kafka") as broker:
        apply_topics(broker.bootstrap, declared_topics())
        yield broker


@pytest.fixture
def worker(own: KafkaBroker, tmp_path: Path) -> Iterator[Worker]:
    """Yield a worker that has written snapshots of a year, and is stopped."""
    folder = tmp_path / "snapshots"
    folder.mkdir()
    factory = WorkerFactory(own.bootstrap, tmp_path)
    worker = factory.worker(snapshots=str(folder))
    worker.start()
    send(own.bootstrap, YEAR())
    is_exact(own, worker)
    assert worker.stop() == 0
    yield worker
    factory.stop_all()


def is_exact(broker: KafkaBroker, worker: Worker) -> None:
    """Wait until all is committed; the worker's figures are then those of a recount."""
    assert wait_done(broker.bootstrap, seconds=SETTLE_SECONDS), worker.log()[-3000:]
    worker.wait_ready()
    audit = audit_records(read_topics(broker.bootstrap), load_catalogue(), LAST_DAY)
    comparison = compare(audit, [worker.url])
    assert comparison.differences == ()
    assert comparison.compared > 100


def test_a_worker_reads_only_what_no_snapshot_has(
    own: KafkaBroker, worker: Worker, tmp_path: Path
) -> None:
    """The events about persons, of which nothing is on its disk, and those that came since."""
    sent = Counter(message.family for message in YEAR())
    files = {file.name.rpartition("-")[0] for file in (tmp_path / "snapshots").iterdir()}
    assert files == {family for family in sent if not family.about_persons}

    worker.start()
    worker.wait_ready()

    assert f"merged={sent[Family.TRAININGS]} " in worker.log().rpartition(" ready ")[2]
    assert 'smartregion_partition_snapshots_total{outcome="discarded"}' not in worker.metrics()
    is_exact(own, worker)
    send(own.bootstrap, LATER())
    is_exact(own, worker)
    assert worker.stop() == 0


def test_a_snapshot_of_a_topic_that_was_created_again_is_discarded(
    own: KafkaBroker, worker: Worker
) -> None:
    """It has another id, and other events under the same offsets."""
    with own.admin() as admin:
        admin.delete_topics([GRANTS])
        assert wait_until(
            lambda: GRANTS not in seen_topics(admin, [GRANTS]), seconds=SETTLE_SECONDS
        )
    apply_topics(own.bootstrap, declared_topics())
    send(own.bootstrap, [one for one in LATER() if one.family is Family.GRANTS])

    worker.start()
    accept = ("topics", "accept-loss", GRANTS, "--because", "it was deleted", "--yes")
    assert run_inside(own, *accept).returncode == 0

    is_exact(own, worker)
    assert "snapshot discarded family=grants" in worker.log()
    assert "snapshot discarded family=schools" not in worker.log()
    assert worker.stop() == 0
