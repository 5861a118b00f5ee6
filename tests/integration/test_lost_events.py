"""Events that a broker has lost: figures are withheld until an operator accepts the loss."""

from __future__ import annotations

import re
import struct
from collections import Counter
from collections.abc import Sequence
from contextlib import closing, suppress
from datetime import date
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from kafka import TopicPartition
from kafka.admin import KafkaAdminClient

from broker.clients import opened
from broker.reading import read_topics
from broker.topic_admin import alter_settings, apply_topics
from events.fact import Family
from events.partitioning import partition_for
from events.topics import (
    DEAD_LETTER_OUTCOMES,
    DEFAULT_APP_ID,
    DEFAULT_PARTITIONS,
    declared_topics,
    topic_name,
)
from operations.programs.kafka import missing_requirement
from streams.decisions import read_decisions
from tests.chaos.cluster import Cluster
from tests.support.commands import run_inside
from tests.support.kafka import KafkaBroker
from tests.support.recounts import exact
from tests.support.requirements import give_up
from tests.support.tcp_proxy import CUT, OPEN
from tests.support.traffic import NOT_THERE, Message, a_year, region, send, wait_done
from tests.support.waiting import wait_until
from tests.support.workers import Worker, WorkerFactory, supervised

pytestmark = [pytest.mark.timeout(300), pytest.mark.integration]

SETTLE_SECONDS = 90.0
#: Within a minute, on a loaded machine.
REPORT_SECONDS = 90.0
#: "Within seconds" of the decision, on a loaded machine.
DECIDED_SECONDS = 30.0
LOST = 100

COMPACTED = {"cleanup.policy": "compact", "segment.ms": "100", "min.cleanable.dirty.ratio": "0"}

#: The header of a record batch, up to the offset of its last record.
_BATCH: struct.Struct = struct.Struct(">qiibIhi")


class Place(NamedTuple):
    """A partition of a topic of events."""

    family: Family
    partition: int

    @property
    def topic(self) -> str:
        return topic_name(self.family)

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]"


def place_of(message: Message) -> Place:
    return Place(message.family, partition_for(message.key, DEFAULT_PARTITIONS))


@cache
def busiest() -> Place:
    return Counter(map(place_of, a_year())).most_common(1)[0][0]


@cache
def later() -> Sequence[Message]:
    messages = region(7, date(2017, 1, 1), date(2017, 12, 31))
    return [message for message in messages if place_of(message) == busiest()]


def working(broker: KafkaBroker, worker: Worker) -> None:
    worker.start()
    send(broker.bootstrap, a_year())
    assert wait_done(broker.bootstrap, seconds=SETTLE_SECONDS), worker.log[-3000:]


def cut_last(broker: KafkaBroker, place: Place, count: int) -> int:
    """Cut the last records of a partition from its file; return how many are left.

    Of a batch none or all are cut: a few more records may be. The broker is down.
    """
    [folder] = broker.folder.rglob(f"{place.topic}-{place.partition}")
    [file] = folder.glob("*.log")
    content = file.read_bytes()
    batches: list[tuple[int, int, int]] = []
    at = 0
    while len(content) - at >= _BATCH.size:
        first, length, *_, delta = _BATCH.unpack_from(content, at)
        batches.append((at, first, first + delta + 1))
        at += struct.calcsize(">qi") + length
    end = batches[-1][2]
    size, left = next((at, first) for at, first, after in batches if after > end - count)
    with file.open("r+b") as log:
        log.truncate(size)
    for pattern in ("*.index", "*.timeindex", "*.snapshot"):
        for derived in folder.glob(pattern):
            derived.unlink()
    assert 0 < left <= end - count
    return left


def labels_of(place: Place) -> str:
    return f'partition="{place.partition}",topic="{place.topic}"'


def is_withheld(worker: Worker, place: Place, kind: str) -> None:
    """Check that a worker names a loss, and withholds the figures of this partition alone."""
    fault = f'smartregion_topic_fault{{fault="{kind}",{labels_of(place)}}} 1.0'
    assert wait_until(lambda: worker.shows(fault), seconds=REPORT_SECONDS), (
        worker.readiness(),
        worker.log[-3000:],
    )
    named = rf"{re.escape(str(place))} .*offsets? \d+"
    assert re.search(named, worker.readiness()["waiting_for"])
    assert wait_until(lambda: re.search(f"lost: {named}", worker.log) is not None, seconds=10)
    others = [number for number in range(DEFAULT_PARTITIONS) if number != place.partition]
    assert wait_until(lambda: worker.readiness()["shown"] == others, seconds=REPORT_SECONDS), (
        worker.log[-3000:]
    )
    metrics = worker.metrics()
    owned = re.findall(r'^smartregion_partition_shown\{partition="(\d)"\}', metrics, re.MULTILINE)
    assert owned == list(map(str, others))
    assert "smartregion_indicator_value{" in metrics
    assert not worker.ready


def accept(broker: KafkaBroker | Cluster, worker: Worker, place: Place, **settings: str) -> None:
    doctor = run_inside(broker, "doctor", **settings).stdout
    assert str(place) in doctor, doctor
    process = worker.process.pid
    command = ("topics", "accept-loss", f"{place.topic}/{place.partition}", "--because", "a test")
    shown = run_inside(broker, *command, **settings)
    assert "nothing was decided" in shown.stderr, shown.stdout + shown.stderr
    done = run_inside(broker, *command, "--yes", **settings)
    assert done.stdout == shown.stdout + "accepted\n", done.stdout + done.stderr
    worker.wait_ready(DECIDED_SECONDS)
    assert worker.process.pid == process
    assert "smartregion_topic_fault{" not in worker.metrics()


def lost_and_accepted(broker: KafkaBroker, worker: Worker, kind: str) -> None:
    """Check that a loss of the busiest partition is reported, and that its acceptance ends it."""
    is_withheld(worker, busiest(), kind)
    accept(broker, worker, busiest())
    exact(broker.bootstrap, worker)
    assert worker.stop() == 0


@pytest.mark.parametrize("how", ["alive", pytest.param("frozen", marks=pytest.mark.nightly)])
def test_records_cut_on_disk_and_more_new_ones_than_were_cut(
    broker: KafkaBroker, factory: WorkerFactory, how: str
) -> None:
    """The log is longer than the position again: only the last merged record shows the loss.

    A worker that was frozen reads from its position on, and finds records there.
    """
    worker = factory.worker(session_timeout="60", request_timeout="65")
    working(broker, worker)
    worker.wait_ready()
    if how == "frozen":
        worker.sleep()
    broker.stop()
    left = cut_last(broker, busiest(), LOST)
    broker.start()
    cut = Counter(map(place_of, a_year()))[busiest()] - left
    assert len(later()) > cut + LOST
    send(broker.bootstrap, later()[: cut + LOST])
    if how == "frozen":
        worker.wake()

    lost_and_accepted(broker, worker, "log_diverged")


@pytest.mark.nightly
def test_an_unclean_election_and_more_new_ones_than_it_lost(tmp_path: Path) -> None:
    """A replica that was behind leads: its log lacks what the other one alone had."""
    if reason := missing_requirement():
        give_up(reason)
    place, topics = busiest(), declared_topics(replication=2)
    with Cluster.started(tmp_path / "cluster") as cluster:
        apply_topics(cluster.bootstrap, topics)
        allow_loss(cluster, place.topic, [topic.name for topic in topics])
        factory = WorkerFactory(cluster.bootstrap, tmp_path)
        worker = factory.worker(replication="2")
        with supervised(worker):
            send(cluster.bootstrap, a_year())
            exact(cluster.bootstrap, worker)
            leader, follower = replicas(cluster.bootstrap, place, in_sync=2)
            ahead, behind = cluster.nodes[leader - 1], cluster.nodes[follower - 1]
            behind.proxy.set(CUT)
            behind.pause()
            replicas(ahead.address, place, in_sync=1)
            send(ahead.address, later()[:LOST])
            assert wait_done(ahead.address, seconds=SETTLE_SECONDS), worker.log[-3000:]
            ahead.broker.kill()
            behind.resume()
            behind.proxy.set(OPEN)
            assert wait_until(
                lambda: replicas(behind.address, place, in_sync=1)[0] == follower,
                seconds=SETTLE_SECONDS,
            )
            send(behind.address, later()[LOST : 3 * LOST])
            ahead.launch()

            is_withheld(worker, place, "log_diverged")
            replicas(behind.address, place, in_sync=2)
            accept(cluster, worker, place, replication="2")
            exact(cluster.bootstrap, worker)


def allow_loss(cluster: Cluster, topic: str, topics: Sequence[str]) -> None:
    with closing(opened(KafkaAdminClient, cluster.bootstrap)) as admin:
        alter_settings(admin, topics, {"min.insync.replicas": "1"})
        alter_settings(admin, [topic], {"unclean.leader.election.enable": "true"})


def replicas(bootstrap: str, place: Place, *, in_sync: int) -> list[int]:
    found: list[int] = []

    def are_in_sync() -> bool:
        with suppress(*NOT_THERE), closing(opened(KafkaAdminClient, bootstrap)) as admin:
            [topic] = admin.describe_topics([place.topic])
            one = next(
                one for one in topic["partitions"] if one["partition_index"] == place.partition
            )
            leader = one["leader_id"]
            others = [replica for replica in one["replica_nodes"] if replica != leader]
            found[:] = [leader, *others]
            return leader >= 0 and len(one["isr_nodes"]) == in_sync
        return False

    assert wait_until(are_in_sync, seconds=SETTLE_SECONDS, every=0.5), found
    return found


@pytest.mark.nightly
def test_records_cut_on_disk_and_none_sent_since(
    broker: KafkaBroker, factory: WorkerFactory
) -> None:
    worker = factory.worker()
    working(broker, worker)
    broker.stop()
    cut_last(broker, busiest(), LOST)
    broker.start()

    lost_and_accepted(broker, worker, "events_lost")


@pytest.mark.nightly
def test_records_deleted_by_compaction(
    broker: KafkaBroker, factory: WorkerFactory, tmp_path: Path
) -> None:
    """They are missing in the middle, which the running worker finds as it reads them again."""
    (snapshots := tmp_path / "snapshots").mkdir()
    worker = factory.worker(snapshots=str(snapshots))
    working(broker, worker)
    before = offsets_of(broker, busiest())
    with broker.admin() as admin:
        alter_settings(admin, [busiest().topic], COMPACTED)
    labels = f'fault="settings_changed",partition="",topic="{busiest().topic}"'
    assert wait_until(lambda: worker.shows(labels), seconds=REPORT_SECONDS)
    left = iter(later())

    def is_compacted() -> bool:
        send(broker.bootstrap, [next(left)])
        return len(before) - len(before & offsets_of(broker, busiest())) > LOST

    assert wait_until(is_compacted, seconds=SETTLE_SECONDS, every=1.0)
    apply_topics(broker.bootstrap, declared_topics(), alter_settings=True)

    lost_and_accepted(broker, worker, "records_deleted")


def offsets_of(broker: KafkaBroker, place: Place) -> set[int]:
    records = read_topics(broker.bootstrap, topics=[place.topic])
    return {record.offset for record in records if record.partition == place.partition}


def test_records_deleted_at_the_beginning_under_a_running_worker(
    broker: KafkaBroker, factory: WorkerFactory
) -> None:
    worker = factory.worker()
    working(broker, worker)
    with broker.admin() as admin:
        admin.delete_records({TopicPartition(busiest().topic, busiest().partition): LOST})

    lost_and_accepted(broker, worker, "records_deleted")


@pytest.mark.nightly
def test_a_topic_deleted_and_created_again_under_a_running_worker(
    broker: KafkaBroker, factory: WorkerFactory
) -> None:
    """With new events: nothing of the old topic is counted, and nothing of the new one left out."""
    worker = factory.worker()
    topic = busiest().topic
    with supervised(worker) as statuses:
        send(broker.bootstrap, a_year())
        assert wait_done(broker.bootstrap, seconds=SETTLE_SECONDS), worker.log[-3000:]
        with broker.admin() as admin:
            admin.delete_topics([topic])
            assert wait_until(lambda: topic not in admin.list_topics(), seconds=20)
        apply_topics(broker.bootstrap, declared_topics())
        send(broker.bootstrap, later()[:LOST])

        assert wait_until(lambda: 1 in statuses, seconds=REPORT_SECONDS), worker.log[-3000:]
        # Kafka deletes the group's offsets with the topic.
        reported = f'fault="topic_recreated",partition="",topic="{topic}"'
        assert wait_until(lambda: worker.shows(reported), seconds=REPORT_SECONDS), worker.log[
            -3000:
        ]
        assert not worker.ready
        assert "was deleted and created again" in run_inside(broker, "doctor").stdout
        done = run_inside(
            broker, "topics", "accept-loss", topic, "--because", "it was deleted", "--yes"
        )
        assert done.returncode == 0, done.stderr
        exact(broker.bootstrap, worker)


@pytest.mark.nightly
def test_a_topic_and_the_ledger_created_again_while_no_worker_runs(
    broker: KafkaBroker, factory: WorkerFactory
) -> None:
    """Neither the group's offsets nor the ledger shows the topic; one command accepts it all."""
    topic, others = busiest().topic, [TopicPartition("smartregion.grants", one) for one in (1, 2)]
    worker = factory.worker()
    working(broker, worker)
    worker.wait_ready()
    assert worker.stop() == 0
    lost = [topic, DEAD_LETTER_OUTCOMES]
    with broker.admin() as admin:
        admin.delete_records(dict.fromkeys(others, 1))
        admin.delete_topics(lost)
        assert wait_until(lambda: not {*lost} & {*admin.list_topics()}, seconds=20)
    apply_topics(broker.bootstrap, declared_topics())
    send(broker.bootstrap, later()[:LOST])

    worker.start()
    fault = f'fault="topic_recreated",partition="",topic="{DEAD_LETTER_OUTCOMES}"'
    assert wait_until(lambda: worker.shows(fault), seconds=REPORT_SECONDS), worker.log[-3000:]
    assert not worker.ready
    named = f"{DEAD_LETTER_OUTCOMES} was deleted and created again"
    assert named in worker.readiness()["waiting_for"]
    assert named in run_inside(broker, "doctor").stdout
    command = ("topics", "accept-loss", "all", "--because", "a test")
    done = run_inside(broker, *command, "--yes")
    assert done.returncode == 0, done.stderr
    assert named in done.stdout
    assert len(re.findall(r"grants\[[12]\] begins at offset 1 ", done.stdout)) == len(others)
    worker.wait_ready(DECIDED_SECONDS)
    exact(broker.bootstrap, worker)
    assert "its loss is accepted already" in run_inside(broker, *command).stderr
    assert worker.stop() == 0


@pytest.mark.nightly
def test_records_cut_on_disk_after_the_group_has_expired(
    broker: KafkaBroker, factory: WorkerFactory
) -> None:
    worker = factory.worker()
    working(broker, worker)
    worker.wait_ready()
    assert worker.stop() == 0
    count = Counter(map(place_of, a_year()))[busiest()]
    worker.start()

    def is_noted() -> bool:
        noted = read_decisions(broker.bootstrap).noted
        place = busiest().topic, busiest().partition
        return place in {(one.topic, one.partition) for one in noted if one.offset >= count}

    assert wait_until(is_noted, seconds=REPORT_SECONDS), worker.log[-3000:]
    assert worker.stop() == 0
    with broker.admin() as admin:
        assert admin.delete_groups([DEFAULT_APP_ID]) == {DEFAULT_APP_ID: "OK"}
    broker.stop()
    cut_last(broker, busiest(), LOST)
    broker.start()
    worker.start()

    lost_and_accepted(broker, worker, "events_lost")


@pytest.mark.nightly
def test_a_new_leader_that_begins_a_segment_has_lost_nothing(
    broker: KafkaBroker, factory: WorkerFactory
) -> None:
    """What is fetched from the last record on then ends before the leader's first batch."""
    worker = factory.worker()
    with broker.admin() as admin:
        alter_settings(admin, [busiest().topic], {"segment.ms": "1000"})
    working(broker, worker)
    broker.stop()
    broker.start()
    left = iter(later())

    def has_new_segment() -> bool:
        send(broker.bootstrap, [next(left)])
        [folder] = broker.folder.rglob(f"{busiest().topic}-{busiest().partition}")
        return len([*folder.glob("*.log")]) > 1

    assert wait_until(has_new_segment, seconds=SETTLE_SECONDS, every=1.5)
    exact(broker.bootstrap, worker)
    worker.kill()
    again = factory.worker("again")
    again.start()

    exact(broker.bootstrap, again)
    assert again.stop() == 0
