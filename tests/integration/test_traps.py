"""Faust's traps, one by one: each decision of the engine, and what happens without it."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from kafka.admin import KafkaAdminClient, NewPartitions

from audit.comparison import compare
from audit.recount import audit_records
from broker.clients import opened
from broker.reading import read_topics
from catalogue.loader import load_catalogue
from events.fact import Family
from events.topics import DEFAULT_APP_ID, DEFAULT_PARTITIONS, topic_name
from tests.support.kafka import KafkaBroker
from tests.support.traffic import Message, region, send, wait_done
from tests.support.waiting import wait_until
from tests.support.workers import Worker, WorkerFactory

pytestmark = pytest.mark.timeout(180)

FAULTY = "tests.support.faulty_worker"
LAST_DAY = date(2020, 12, 31)


@pytest.fixture(scope="module")
def half_year() -> list[Message]:
    """Return what the Région sends in the first half of 2016."""
    return region(7, date(2016, 1, 1), date(2016, 6, 30))


def ended(worker: Worker, *, seconds: float) -> int | None:
    """Wait until a worker ends by itself; returns its exit status, None if it did not."""
    wait_until(lambda: not worker.alive, seconds=seconds)
    return worker.status()


def differences(broker: KafkaBroker, worker: Worker) -> tuple[str, ...]:
    """Wait until all is committed and ready, and return what differs from a recount."""
    assert wait_done(broker.bootstrap, seconds=60), worker.log()[-3000:]
    worker.wait_ready()
    audit = audit_records(read_topics(broker.bootstrap), load_catalogue(), LAST_DAY)
    return compare(audit, [worker.url]).differences


def committed(broker: KafkaBroker) -> int:
    """Return the sum of the group's committed offsets."""
    admin = opened(KafkaAdminClient, broker.bootstrap)
    try:
        offsets = admin.list_group_offsets(DEFAULT_APP_ID).get(DEFAULT_APP_ID, {})
    finally:
        admin.close()
    return sum(offset.offset for offset in offsets.values())


def test_an_exception_in_a_batch_ends_nothing(
    broker: KafkaBroker, factory: WorkerFactory, half_year: list[Message]
) -> None:
    """The batch is processed again, record by record; what does not fail again counts."""
    send(broker.bootstrap, half_year)
    faulty = factory.worker("faulty", module=FAULTY, test_fault="batch:3")
    faulty.start()
    assert differences(broker, faulty) == ()
    assert "working singly" in faulty.log()
    assert "unprocessable" not in faulty.log()
    assert faulty.stop() == 0


def test_a_failed_write_ends_the_worker_and_loses_nothing(
    broker: KafkaBroker, factory: WorkerFactory, half_year: list[Message]
) -> None:
    """A write that the broker does not take ends the process; a restart is exact."""
    send(broker.bootstrap, half_year)
    faulty = factory.worker("faulty", module=FAULTY, test_fault="produce:3")
    faulty.start()
    assert ended(faulty, seconds=60) == 1, faulty.log()[-3000:]
    # At once, and reported as it was: Faust's own orderly stop would be found out seconds later.
    assert "ending reason=ProduceFailedError " in faulty.log()
    assert committed(broker) < len(half_year)
    healthy = factory.worker("healthy")
    healthy.start()
    assert differences(broker, healthy) == ()


def test_a_coordinator_that_fails_for_good_ends_the_worker(
    broker: KafkaBroker, factory: WorkerFactory
) -> None:
    """The error that aiokafka parks is found by the watchdog, reported, and ends the process."""
    worker = factory.worker(module=FAULTY, test_fault="coordinator")
    worker.start()
    assert ended(worker, seconds=40) == 1, worker.log()[-3000:]
    assert "coordinator: 5 errors" in worker.log()
    assert "Traceback" not in worker.log().rsplit("ending reason=", 1)[1]
    assert broker.running


def test_a_seek_that_never_ends_ends_the_worker(
    broker: KafkaBroker, factory: WorkerFactory
) -> None:
    """A worker that is not ready in time says what it waited for and ends."""
    worker = factory.worker(module=FAULTY, test_fault="recovery", ready_timeout="8")
    worker.start()
    assert ended(worker, seconds=40) == 1, worker.log()[-3000:]
    assert "ready_timeout: not ready after" in worker.log()
    assert broker.running


def test_no_record_is_read_between_the_seek_and_the_end_of_its_rebalance(
    broker: KafkaBroker, factory: WorkerFactory, half_year: list[Message]
) -> None:
    """Faust reads on before it seeks, then clears its queues: what it read would be lost."""
    first = factory.worker("first")
    first.start()
    send(broker.bootstrap, half_year[:1000])
    assert differences(broker, first) == ()
    assert first.stop() == 0
    send(broker.bootstrap, half_year[1000:])
    second = factory.worker(
        "second", module=FAULTY, test_fault="late_seek:1", max_poll_records="40"
    )
    second.start()
    assert differences(broker, second) == ()


def test_no_figure_before_the_log_is_read(
    broker: KafkaBroker, factory: WorkerFactory, half_year: list[Message]
) -> None:
    """A restarted worker shows a partition once it is read, and says what it waits for."""
    first = factory.worker("first")
    first.start()
    send(broker.bootstrap, half_year)
    assert differences(broker, first) == ()
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
                    re.findall(r'smartregion_partition_owned{partition="(\d+)"', shown)
                )
                figures = re.findall(r'smartregion_indicator_\w+{.*partition="(\d+)"', shown)
                assert set(figures) <= partitions
                counted.append(len(partitions))
        return False

    assert wait_until(ready_at_last, seconds=60, every=0.01), second.log()[-3000:]
    assert waits, "it was never seen waiting"
    assert min(counted) < DEFAULT_PARTITIONS
    assert "smartregion_indicator_value{" in second.metrics()


def test_sigterm_ends_a_busy_worker_in_time(
    broker: KafkaBroker, factory: WorkerFactory, half_year: list[Message]
) -> None:
    """In the middle of a backlog SIGTERM ends the worker within 10 s, with status 0."""
    send(broker.bootstrap, half_year)
    worker = factory.worker()
    worker.start()
    assert wait_until(worker.has_read, seconds=40), worker.log()[-3000:]
    assert worker.stop(grace=10) == 0
    assert "stopped reason=signal" in worker.log()
    successor = factory.worker("successor")
    successor.start()
    assert differences(broker, successor) == ()


def test_only_its_own_port_is_open(broker: KafkaBroker, factory: WorkerFactory) -> None:
    """Faust's own web server, with its pages that show data, does not listen."""
    worker = factory.worker()
    worker.start()
    worker.wait_ready()
    assert listening_ports(worker.process.pid) == {worker.port}
    assert broker.running


def test_a_topic_with_other_partitions_is_refused(
    broker: KafkaBroker, factory: WorkerFactory
) -> None:
    """A worker does not start on a topic whose partition count is not the declared one."""
    admin = opened(KafkaAdminClient, broker.bootstrap)
    topic = topic_name(Family.GRANTS)
    admin.create_partitions({topic: NewPartitions(total_count=9)})
    # The broker reports them a moment later.
    assert wait_until(lambda: len(admin.describe_topics([topic])[0]["partitions"]) == 9, seconds=30)
    admin.close()
    worker = factory.worker()
    worker.start()
    assert ended(worker, seconds=30) == 2, worker.log()[-3000:]
    assert "smartregion.grants.partitions" in worker.log()
    assert "Traceback" not in worker.log()


def listening_ports(pid: int) -> set[int]:
    """Return the TCP ports on which a process listens (Linux)."""
    inodes = {
        link.readlink().name.removeprefix("socket:[").rstrip("]")
        for link in Path(f"/proc/{pid}/fd").iterdir()
        if link.is_symlink() and str(link.readlink()).startswith("socket:")
    }
    ports = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                ports.add(int(fields[1].rsplit(":", 1)[1], 16))
    return ports
