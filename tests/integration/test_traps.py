"""Faust's traps on real processes: failed batches and writes, early figures, a stop under load.

The simulation has the others: seeks, rebalances and coordinators that fail.
"""

from __future__ import annotations

import re
from datetime import date

import pytest
from kafka.admin import KafkaAdminClient

from broker.clients import opened
from events.topics import DEFAULT_APP_ID, DEFAULT_PARTITIONS
from tests.support.kafka import KafkaBroker
from tests.support.processes import listening
from tests.support.recounts import exact
from tests.support.traffic import Message, region, send
from tests.support.waiting import wait_until
from tests.support.workers import Worker, WorkerFactory

pytestmark = pytest.mark.timeout(180)

FAULTY = "tests.support.faulty_worker"


@pytest.fixture(scope="module")
def half_year() -> list[Message]:
    return region(7, date(2016, 1, 1), date(2016, 6, 30))


def ended(worker: Worker, *, seconds: float) -> int | None:
    wait_until(lambda: not worker.alive, seconds=seconds)
    return worker.status


def committed(broker: KafkaBroker) -> int:
    admin = opened(KafkaAdminClient, broker.bootstrap)
    try:
        offsets = admin.list_group_offsets(DEFAULT_APP_ID).get(DEFAULT_APP_ID, {})
    finally:
        admin.close()
    return sum(offset.offset for offset in offsets.values())


def test_a_failed_write_ends_the_worker_and_loses_nothing(
    broker: KafkaBroker, factory: WorkerFactory, half_year: list[Message]
) -> None:
    """A write that the broker does not take ends the process; a restart is exact."""
    send(broker.bootstrap, half_year)
    faulty = factory.worker("faulty", module=FAULTY, test_fault="produce:3")
    faulty.start()
    assert ended(faulty, seconds=60) == 1, faulty.log[-3000:]
    # At once, and reported as it was: Faust's own orderly stop would be found out seconds later.
    assert "ending reason=ProduceFailedError " in faulty.log
    assert committed(broker) < len(half_year)
    healthy = factory.worker("healthy")
    healthy.start()
    exact(broker.bootstrap, healthy)


@pytest.mark.nightly
def test_no_figure_before_the_log_is_read(
    broker: KafkaBroker, factory: WorkerFactory, half_year: list[Message]
) -> None:
    """A restarted worker shows a partition once it is read, and says what it waits for.

    Of Faust's own web server, with its pages that show data, nothing listens.
    """
    first = factory.worker("first")
    first.start()
    send(broker.bootstrap, half_year)
    exact(broker.bootstrap, first)
    assert first.stop() == 0
    second = factory.worker("second")
    second.start()
    waits: set[str] = set()
    counted: list[int] = []

    def ready_at_last() -> bool:
        readiness = second.readiness()
        if readiness.get("ready"):
            return True
        if readiness:
            shown = second.metrics()
            # Between the two questions it may have become ready.
            if "smartregion_worker_ready 0" in shown:
                waits.add(readiness["waiting_for"])
                partitions = set(
                    re.findall(r'smartregion_partition_shown{partition="(\d+)"', shown)
                )
                figures = re.findall(r'smartregion_indicator_\w+{.*partition="(\d+)"', shown)
                assert set(figures) <= partitions
                counted.append(len(partitions))
        return False

    assert wait_until(ready_at_last, seconds=60, every=0.01), second.log[-3000:]
    assert waits, "it was never seen waiting"
    assert min(counted) < DEFAULT_PARTITIONS
    assert "smartregion_indicator_value{" in second.metrics()
    assert listening(second.process.pid) == {second.port}


def test_sigterm_ends_a_busy_worker_in_time(
    broker: KafkaBroker, factory: WorkerFactory, half_year: list[Message]
) -> None:
    send(broker.bootstrap, half_year)
    worker = factory.worker()
    worker.start()
    assert wait_until(worker.has_read, seconds=40), worker.log[-3000:]
    assert worker.stop() == 0
    assert "stopped reason=signal" in worker.log
    successor = factory.worker("successor")
    successor.start()
    exact(broker.bootstrap, successor)
