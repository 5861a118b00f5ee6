"""Ready says a worker whose partitions are owned, whose topics are there, and who is heard."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import date
from pathlib import Path

import pytest

from broker.topic_admin import alter_settings, apply_topics
from events.fact import Family
from events.topics import declared_topics, topic_name
from tests.support.commands import run
from tests.support.kafka import KafkaBroker
from tests.support.traffic import region, send, wait_done
from tests.support.waiting import wait_until
from tests.support.workers import Worker, WorkerFactory

pytestmark = pytest.mark.timeout(240)

REPORT_SECONDS = 60.0
SCHOOLS = topic_name(Family.SCHOOLS)


def at_work(factory: WorkerFactory, **settings: str) -> Worker:
    worker = factory.worker(**settings)
    worker.start()
    worker.wait_ready()
    return worker


def says(worker: Worker, text: str) -> None:
    assert wait_until(
        lambda: text in str(worker.readiness().get("waiting_for")), seconds=REPORT_SECONDS
    ), (worker.readiness(), worker.log[-3000:])
    assert not worker.ready
    assert "smartregion_indicator_value{" not in worker.metrics()


def ends(worker: Worker, text: str) -> None:
    assert wait_until(lambda: not worker.alive, seconds=REPORT_SECONDS), worker.log[-3000:]
    assert worker.status == 1
    assert text in worker.log


def test_a_worker_and_a_page_wait_for_the_topics(kafka: KafkaBroker, tmp_path: Path) -> None:
    """On Kubernetes they start beside the job, or Strimzi's operator, that creates them."""
    factory = WorkerFactory(kafka.bootstrap, tmp_path)
    with ExitStack() as stack:
        stack.callback(factory.stop_all)
        worker = factory.worker()
        page = factory.page(workers=worker.url)
        waiting = [(worker, "waiting for topics to be created: "), (page, "waiting: topics: ")]
        for process, _ in waiting:
            process.start()
        assert wait_until(
            lambda: all(said in process.log for process, said in waiting), seconds=REPORT_SECONDS
        )
        apply_topics(kafka.bootstrap, declared_topics())
        for process, said in waiting:
            process.wait_ready()
            assert process.log.count(said) == 1


def test_wrong_settings_and_added_partitions_are_reported_within_a_minute(
    broker: KafkaBroker, factory: WorkerFactory
) -> None:
    """Figures stay under a wrong setting, and are withheld where partitions were added."""
    worker = at_work(factory)

    def has_fault(fault: str) -> bool:
        labels = f'fault="{fault}",partition="",topic="{SCHOOLS}"'
        return worker.shows(f"smartregion_topic_fault{{{labels}}} 1.0")

    with broker.admin() as admin:
        alter_settings(admin, [SCHOOLS], {"cleanup.policy": "compact"})
        changed = "settings_changed"
        assert wait_until(lambda: has_fault(changed), seconds=REPORT_SECONDS), worker.log[-3000:]
        assert worker.readiness()["ready"]
        alter_settings(admin, [SCHOOLS], {"cleanup.policy": "delete"})
        assert wait_until(lambda: not has_fault(changed), seconds=REPORT_SECONDS)
        admin.create_partitions({SCHOOLS: 9})
    says(worker, f"{SCHOOLS} has 9 partitions, not 8")
    assert f"topic: {SCHOOLS} has cleanup.policy=compact, not delete" in worker.log
    assert f"topic: {SCHOOLS} has 9 partitions" in worker.log
    assert has_fault("partitions_added")


def test_workers_whose_topic_was_deleted_say_so_and_end(
    broker: KafkaBroker, factory: WorkerFactory
) -> None:
    """One of them is still in the rebalance: it cannot commit what it read from the topic."""
    workers = [at_work(factory, stall_timeout="20") for _ in range(2)]
    send(broker.bootstrap, region(7, date(2016, 1, 1), date(2016, 1, 31)))
    assert wait_done(broker.bootstrap, seconds=REPORT_SECONDS)
    with broker.admin() as admin:
        admin.delete_topics([SCHOOLS])
    for worker in workers:
        says(worker, f"its topics: {SCHOOLS} is missing: it was deleted")
    for worker in workers:
        ends(worker, f"{SCHOOLS} is missing")
    again = run(broker, "worker", stall_timeout="3")
    assert again.returncode == 2
    assert SCHOOLS in again.stderr


def test_a_worker_whose_broker_is_dead_is_not_ready(
    broker: KafkaBroker, factory: WorkerFactory
) -> None:
    worker = at_work(factory)
    broker.stop()
    says(worker, "the broker: the broker last answered a heartbeat")
    broker.start()
    assert wait_until(lambda: worker.ready or not worker.alive, seconds=REPORT_SECONDS)
