"""Snapshots of partitions on a real broker: what they save, and what they must not show."""

from __future__ import annotations

from collections import Counter
from datetime import date
from functools import partial
from pathlib import Path

import pytest

from broker.topic_admin import apply_topics, seen_topics
from events.fact import Family
from events.topics import declared_topics, topic_name
from tests.support.commands import run_inside
from tests.support.kafka import KafkaBroker
from tests.support.recounts import exact
from tests.support.traffic import a_year, region, send
from tests.support.waiting import wait_until
from tests.support.workers import WorkerFactory

pytestmark = [pytest.mark.timeout(300), pytest.mark.integration]

SETTLE_SECONDS = 90.0
LATER = partial(region, 7, date(2017, 1, 1), date(2017, 3, 31))
GRANTS = topic_name(Family.GRANTS)


def test_a_worker_reads_only_what_no_snapshot_has(
    broker: KafkaBroker, factory: WorkerFactory, tmp_path: Path
) -> None:
    """The events about persons, of which nothing is on its disk, and those that came since.

    A snapshot of a topic that was created again is discarded: it has other events at its offsets.
    """
    folder = tmp_path / "snapshots"
    folder.mkdir()
    worker = factory.worker(snapshots=str(folder))
    worker.start()
    send(broker.bootstrap, a_year())
    exact(broker.bootstrap, worker)
    assert worker.stop() == 0
    sent = Counter(message.family for message in a_year())
    files = {file.name.rpartition("-")[0] for file in folder.iterdir()}
    assert files == {family for family in sent if not family.about_persons}

    worker.start()
    worker.wait_ready()

    assert f"merged={sent[Family.TRAININGS]} " in worker.log.rpartition(" ready ")[2]
    assert 'smartregion_partition_snapshots_total{outcome="discarded"}' not in worker.metrics()
    exact(broker.bootstrap, worker)
    send(broker.bootstrap, LATER())
    exact(broker.bootstrap, worker)
    assert worker.stop() == 0

    with broker.admin() as admin:
        admin.delete_topics([GRANTS])
        assert wait_until(
            lambda: GRANTS not in seen_topics(admin, [GRANTS]), seconds=SETTLE_SECONDS
        )
    apply_topics(broker.bootstrap, declared_topics())
    send(broker.bootstrap, [one for one in LATER() if one.family is Family.GRANTS])

    worker.start()
    accept = ("topics", "accept-loss", GRANTS, "--because", "it was deleted", "--yes")
    assert run_inside(broker, *accept).returncode == 0

    exact(broker.bootstrap, worker)
    assert "snapshot discarded family=grants" in worker.log
    assert "snapshot discarded family=schools" not in worker.log
    assert worker.stop() == 0
