"""A changelog that was lost is reported, not shown as zero, and rebuilt from the raw topics."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from functools import cache, partial
from typing import Any

import pytest
from kafka import TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, OffsetSpec
from kafka.errors import BrokerResponseError
from kafka.structs import OffsetAndMetadata

from events.fact import Family
from events.topics import DEFAULT_APP_ID, changelog_name, changelog_topics, topic_name
from operations.rebuild import procedure
from tests.support.commands import run, run_inside
from tests.support.kafka import KafkaBroker
from tests.support.traffic import Message, region, send, wait_done
from tests.support.waiting import wait_until
from tests.support.workers import Worker, WorkerFactory

pytestmark = pytest.mark.timeout(240)

SETTLE_SECONDS = 60.0
SCHOOLS = changelog_name(DEFAULT_APP_ID, Family.SCHOOLS)
SPEC = next(spec for spec in changelog_topics() if spec.name == SCHOOLS)


@cache
def a_quarter() -> tuple[Message, ...]:
    """Return what the Région sends in the first quarter of 2016."""
    return tuple(region(7, date(2016, 1, 1), date(2016, 3, 31)))


def made_anew(broker: KafkaBroker) -> None:
    """Delete the lycées' changelog, and declare it again: empty."""
    with broker.admin() as admin:
        admin.delete_topics([SCHOOLS])
        assert wait_until(lambda: SCHOOLS not in admin.list_topics(), seconds=20)
    applied = run_inside(broker, "topics", "apply")
    assert applied.returncode == 0, applied.stderr


def cut_short(broker: KafkaBroker) -> None:
    """Delete the first half of the lycées' changelog, as a retention does that was set on it."""
    with broker.admin() as admin:
        partitions = {partition: (end + 1) // 2 for partition, end in ends(admin).items()}
        policy = partial(ConfigResource, ConfigResourceType.TOPIC, SCHOOLS)
        admin.alter_configs([policy({"cleanup.policy": "delete"})])
        assert wait_until(lambda: deleted(admin, partitions), seconds=20)
        admin.alter_configs([policy({"cleanup.policy": "compact"})])


def deleted(admin: Any, partitions: dict[TopicPartition, int]) -> bool:  # noqa: ANN401 - untyped
    """Delete what comes before some offsets; a broker that has not heard of it yet refuses."""
    try:
        admin.delete_records(partitions)
    except BrokerResponseError:
        return False
    return True


def ends(admin: Any) -> dict[TopicPartition, int]:  # noqa: ANN401 - kafka-python has no types
    """Return where each partition of the lycées' changelog ends that ever held something."""
    partitions = [TopicPartition(SCHOOLS, number) for number in range(SPEC.partitions)]
    found = admin.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.LATEST))
    return {partition: one.offset for partition, one in found.items() if one.offset}


def worked(broker: KafkaBroker, factory: WorkerFactory) -> None:
    """Have a worker process a quarter, and stop it."""
    worker = factory.worker("before")
    worker.start()
    send(broker.bootstrap, a_quarter())
    done(broker, worker)
    assert worker.stop() == 0


def done(broker: KafkaBroker, worker: Worker) -> None:
    """Wait until every record is processed and the worker is ready."""
    worker.wait_ready()
    assert wait_done(broker.bootstrap, seconds=SETTLE_SECONDS), worker.log()[-3000:]


def assert_reported(worker: Worker, text: str) -> None:
    """Wait until a worker that is not ready says why."""
    assert wait_until(
        lambda: text in str(worker.readiness().get("waiting_for")), seconds=SETTLE_SECONDS
    ), (worker.readiness(), worker.log()[-3000:])
    assert not worker.ready


@pytest.mark.parametrize("lose", [made_anew, cut_short])
def test_a_lost_changelog_is_reported_and_rebuilt(
    broker: KafkaBroker, factory: WorkerFactory, lose: Callable[[KafkaBroker], None]
) -> None:
    """The worker names it and shows no figure; after a rebuild each figure is right."""
    worked(broker, factory)
    lose(broker)

    worker = factory.worker("after")
    worker.start()
    assert_reported(worker, f"{SCHOOLS}[")
    assert f"lost: {SCHOOLS}[" in worker.log()
    metrics = worker.metrics()
    assert "smartregion_worker_ready 0.0" in metrics
    assert "smartregion_indicator_value{" not in metrics
    assert f'smartregion_topic_fault{{fault="changelog_lost",partition="0",topic="{SCHOOLS}"}}' in (
        metrics
    )
    refused = run_inside(broker, "rebuild", "--yes")
    assert refused.returncode == 2
    assert "stop every worker" in refused.stderr
    assert worker.stop() == 0

    planned = run_inside(broker, "rebuild", "--family", "schools")
    assert planned.returncode == 0, planned.stderr
    assert "nothing was done" in planned.stderr
    rebuilt = run(broker, "rebuild", "--family", "schools", "--yes")
    assert rebuilt.returncode == 0, rebuilt.stderr
    again = factory.worker("again")
    again.start()
    done(broker, again)
    audited = run_inside(broker, "audit", "--against", again.url, "--json")
    assert audited.returncode == 0, audited.stdout[-3000:] + audited.stderr
    assert json.loads(audited.stdout)["comparison"]["compared"] > 100


def test_a_worker_that_starts_during_a_rebuild_is_reported(
    broker: KafkaBroker, factory: WorkerFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have read states before they were deleted, and writes none again that it has."""
    worked(broker, factory)
    empty = procedure._empty_changelogs
    late = factory.worker("late")

    def emptied(*arguments: Any) -> None:
        late.start()
        late.wait_ready()
        empty(*arguments)

    monkeypatch.setattr(procedure, "_empty_changelogs", emptied)
    refused = run_inside(broker, "rebuild", "--yes")
    monkeypatch.undo()

    assert refused.returncode == 2
    assert "a worker was started" in refused.stderr
    assert "run it again" in refused.stderr
    assert late.stop() == 0
    rebuilt = run_inside(broker, "rebuild", "--yes")
    assert rebuilt.returncode == 0, rebuilt.stderr


def test_a_partition_that_no_topic_has_is_no_broker_that_is_away(broker: KafkaBroker) -> None:
    """The broker has answered: the setting is wrong, or the topics are not there."""
    # A broker that never had a group makes the topic of groups first.
    assert wait_until(lambda: run_inside(broker, "rebuild").returncode == 0, seconds=20)
    planned = run_inside(broker, "rebuild", partitions=str(SPEC.partitions + 1))
    assert planned.returncode == 2
    assert "SMART_REGION_PARTITIONS" in planned.stderr
    assert "answered" not in planned.stderr


@pytest.mark.parametrize("accepted", [True, False])
def test_the_events_say_whether_an_empty_changelog_of_0_1_is_lost(
    broker: KafkaBroker,
    factory: WorkerFactory,
    accepted: bool,  # noqa: FBT001 - a case
) -> None:
    """Its workers noted nothing beside an offset: where all was refused, there are no states."""
    messages = [one for one in a_quarter() if one.family is Family.SCHOOLS]
    send(broker.bootstrap, messages if accepted else [replace(one, value=b"{") for one in messages])
    with broker.admin() as admin:
        partitions = [TopicPartition(topic_name(Family.SCHOOLS), n) for n in range(SPEC.partitions)]
        found = admin.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.LATEST))
        committed = {
            partition: OffsetAndMetadata(one.offset, "", None) for partition, one in found.items()
        }
        admin.alter_group_offsets(DEFAULT_APP_ID, committed)

    worker = factory.worker()
    worker.start()
    if accepted:
        assert_reported(worker, "were accepted")
    else:
        worker.wait_ready()
