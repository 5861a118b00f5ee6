"""The engine on a real broker: whatever happens, the figures equal an independent recount."""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from audit.recount import Audit
from broker.reading import read_topics
from events.dead_letters import read_dead_letter
from events.topics import DEAD_LETTERS, DEFAULT_PARTITIONS
from tests.support.kafka import KafkaBroker
from tests.support.rebalances import watched
from tests.support.recounts import exact
from tests.support.traffic import a_year, send, shuffled, wait_done
from tests.support.waiting import wait_until
from tests.support.workers import Worker, WorkerFactory, supervised

pytestmark = pytest.mark.timeout(300)

SETTLE_SECONDS = 90.0
#: Slow enough that what a test does to the workers happens in the middle of the traffic.
PER_SECOND = 900.0


@contextmanager
def traffic(bootstrap: str) -> Iterator[threading.Thread]:
    sender = threading.Thread(
        target=send, args=(bootstrap, a_year()), kwargs={"per_second": PER_SECOND}
    )
    sender.start()
    try:
        yield sender
    finally:
        sender.join()


def settled(broker: KafkaBroker, *workers: Worker) -> Audit:
    """Wait until everything is committed, then compare every figure with a recount.

    Also: the counts add up, the dead letters are the refused records, each once or more, and no
    worker is alive but idle.
    """
    audit = exact(broker.bootstrap, *workers)
    account = audit.account
    assert account.produced == account.accepted + account.refused + account.duplicates
    origins = {
        origin
        for letter in map(read_dead_letter, read_topics(broker.bootstrap, topics=[DEAD_LETTERS]))
        for origin in letter.origins
    }
    assert len(origins) == account.refused
    return audit


def test_order_duplicates_and_another_partitioner_change_nothing(
    broker: KafkaBroker, factory: WorkerFactory
) -> None:
    """A fifth is sent twice, and a third lies on the wrong partition: the worker forwards it."""
    messages = shuffled(a_year(), seed=3, doubled=0.2)
    worker = factory.worker()
    worker.start()
    send(broker.bootstrap, messages, misrouted=0.3)
    audit = settled(broker, worker)
    assert audit.account.produced == len(messages)
    assert audit.account.duplicates > len(a_year()) // 6
    assert audit.account.misrouted > len(a_year()) // 5
    assert worker.has_read("misrouted")


def test_three_kills_lose_nothing(broker: KafkaBroker, factory: WorkerFactory) -> None:
    chance = random.Random(11)
    worker = factory.worker()
    with supervised(worker) as statuses, traffic(broker.bootstrap) as sender:
        for _ in range(3):
            worker.wait_ready()
            moment = threading.Event()
            moment.wait(chance.uniform(0.2, 2.0))
            victim = worker.process
            victim.kill()
            assert wait_until(lambda dead=victim: worker.process is not dead, seconds=10)  # type: ignore[misc]
        sender.join()
        settled(broker, worker)
    assert statuses == [-9, -9, -9]


@pytest.mark.nightly
def test_partitions_that_stay_are_shown_while_another_worker_joins(
    broker: KafkaBroker, factory: WorkerFactory
) -> None:
    """The first shows its half while the second reads its own; no entity is held by both."""
    first, second = (factory.worker(name) for name in "ab")
    first.start()
    first.wait_ready()
    send(broker.bootstrap, a_year())
    assert wait_done(broker.bootstrap, seconds=SETTLE_SECONDS)
    held_alone = entities(first)
    with watched(lambda: [first]) as watch:
        second.start()
        second.wait_ready()
        first.wait_ready()
    settled(broker, first, second)
    assert entities(first) + entities(second) == held_alone
    assert 0 < entities(second) < held_alone

    kept = frozenset(first.readiness()["partitions"])
    assert len(kept) == DEFAULT_PARTITIONS // 2
    between = [answer for answer in watch.answers[first.port] if not answer.ready]
    assert any(kept == answer.shown for answer in between), first.log
    assert re.findall(r"merged=(\d+)", first.log) == ["0", "0"]
    assert second.stop() == 0
    assert first.stop() == 0


def entities(worker: Worker) -> int:
    """Return how many entities a worker holds; those of persons are rounded, and left out."""
    return sum(
        int(float(line.rsplit(" ", 1)[1]))
        for line in worker.metrics().splitlines()
        if line.startswith("smartregion_entities{") and "trainings" not in line
    )
