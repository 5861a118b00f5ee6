"""Upgrades on a real broker: contracts, catalogue and partitions change, and the figures hold."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import replace

import pytest

from broker.reading import EVENT_TOPICS, read_topics
from events.school import SchoolConnected
from events.topics import DEFAULT_APP_ID
from tests.support.commands import run, run_inside
from tests.support.kafka import KafkaBroker
from tests.support.newer_release import SchoolConnectedTwo
from tests.support.traffic import Message, a_year, send, wait_done
from tests.support.waiting import wait_until
from tests.support.workers import Worker, WorkerFactory

pytestmark = pytest.mark.timeout(240)

NEWER = "tests.support.newer_release"
SETTLE_SECONDS = 60.0


def in_version_two(message: Message) -> Message:
    if SchoolConnected.TYPE.encode() not in message.value:
        return message
    try:
        content = json.loads(message.value)
        content["type"] = SchoolConnectedTwo.TYPE
        content["data"]["uplink_mbps"] = content["data"]["downlink_mbps"]
    except (ValueError, KeyError, TypeError):
        return message  # One of the simulator's mistakes.
    return replace(message, value=json.dumps(content).encode())


def recount(
    broker: KafkaBroker, workers: Sequence[Worker], **settings: str
) -> subprocess.CompletedProcess[str]:
    addresses = [part for worker in workers for part in ("--against", worker.url)]
    return run(broker, "audit", *addresses, "--json", module=NEWER, **settings)


def done(broker: KafkaBroker, *workers: Worker, group: str = DEFAULT_APP_ID) -> None:
    assert wait_done(broker.bootstrap, seconds=SETTLE_SECONDS, group=group), "\n".join(
        worker.log[-3000:] for worker in workers
    )
    for worker in workers:
        worker.wait_ready()


def share_the_work(*workers: Worker) -> None:
    def shared() -> bool:
        states = [worker.readiness() for worker in workers]
        return all(one.get("ready") and one["partitions"] for one in states)

    assert wait_until(shared, seconds=SETTLE_SECONDS), workers[0].log[-3000:]


def versions_on_the_topic(broker: KafkaBroker) -> set[str]:
    return {
        kind
        for record in read_topics(broker.bootstrap, topics=[EVENT_TOPICS[0]])
        for kind in (SchoolConnected.TYPE, SchoolConnectedTwo.TYPE)
        if kind.encode() in (record.value or b"")
    }


@pytest.mark.nightly
def test_two_versions_of_a_contract_live_together_through_a_rolling_restart(
    broker: KafkaBroker, factory: WorkerFactory
) -> None:
    """Workers are replaced one by one while v1 flows, then v1 and v2: nothing is missed.

    A producer that sends v2 too early is refused by the worker of the older release that has its
    partition; after the upgrade those events count, and a replay of their dead letters changes
    nothing.
    """
    quarter = len(a_year()) // 4
    first, second, third, fourth = (a_year()[n * quarter :][:quarter] for n in range(4))
    old = [factory.worker(name) for name in ("old-a", "old-b")]
    new = [factory.worker(name, module=NEWER) for name in ("new-a", "new-b")]
    for worker in old:
        worker.start()
    share_the_work(*old)
    send(broker.bootstrap, first)
    done(broker, *old)

    assert old[0].stop() == 0
    new[0].start()
    share_the_work(new[0], old[1])
    send(broker.bootstrap, [*second, *map(in_version_two, third)])
    done(broker, new[0], old[1])
    assert SchoolConnectedTwo.TYPE in new[0].metrics()
    none_refused = 'smartregion_dead_letters_total{reason="unknown_type"} 0.0'
    assert none_refused not in old[1].metrics()

    assert old[1].stop() == 0
    new[1].start()
    send(broker.bootstrap, fourth)
    done(broker, *new)
    # What was sent too early counts where the newer release reads it; its dead letter still waits.
    assert recount(broker, new).returncode == 0
    replayed = run(broker, "dead-letters", "replay", "--reason", "unknown_type", module=NEWER)
    assert not replayed.stdout.startswith("0 sent again"), replayed.stderr
    done(broker, *new)

    audited = recount(broker, new)
    assert audited.returncode == 0, audited.stdout[-3000:] + audited.stderr
    assert json.loads(audited.stdout)["comparison"]["compared"] > 200
    assert versions_on_the_topic(broker) == {SchoolConnected.TYPE, SchoolConnectedTwo.TYPE}


@pytest.mark.nightly
def test_more_partitions_are_taken_by_a_new_application(
    broker: KafkaBroker, factory: WorkerFactory
) -> None:
    """Refused while settings and topics differ; the documented procedure then leads to the figures.

    Records that lie where 8 partitions put them are forwarded to their place among 16.
    """
    old = factory.worker("eight")
    old.start()
    send(broker.bootstrap, a_year())
    done(broker, old)
    assert old.stop() == 0

    refused = run(broker, "worker", partitions="16")
    assert refused.returncode == 2
    assert "partitions" in refused.stderr

    # As docs/upgrading.md has it: more partitions, and a new application that reads all.
    with broker.admin() as admin:
        admin.create_partitions(dict.fromkeys(EVENT_TOPICS, 16))
    refused = run(broker, "worker")
    assert refused.returncode == 2
    assert "partitions" in refused.stderr
    settings = {"partitions": "16", "app_id": "monitor-16"}
    applied = run_inside(broker, "topics", "apply", **settings)
    assert applied.returncode == 0, applied.stderr
    workers = [factory.worker(name, **settings) for name in ("sixteen-a", "sixteen-b")]
    for worker in workers:
        worker.start()
    done(broker, *workers, group=settings["app_id"])
    audited = recount(broker, workers, **settings)
    assert audited.returncode == 0, audited.stdout[-3000:] + audited.stderr
    account = json.loads(audited.stdout)["account"]
    assert account["forwarded"] > account["produced"] // 4
