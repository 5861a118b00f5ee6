"""The watch for states that another process wrote."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Final

import pytest
from faust.types import TP

from catalogue.loader import load_catalogue
from events.fact import Family
from events.topics import changelog_name, topic_name
from streams.changelog_tally import ChangelogTally
from streams.clock import FixedClock
from streams.engine import Engine
from streams.late_writes import LateWriteWatch
from streams.membership import Membership
from streams.settings import Settings
from tests.support.fake_group import FakeApp, FakeConsumer
from tests.support.records import PARTITIONS

CATALOGUE = load_catalogue()
SETTINGS = Settings(app_id="monitor", partitions=PARTITIONS, self_check_interval=1e-9)
LOG: Final = TP(changelog_name("monitor", Family.SCHOOLS), 1)


class Watched:
    """A worker that owns every partition, its changelogs, and the watch over them."""

    def __init__(self) -> None:
        self.consumer = FakeConsumer(
            {TP(topic_name(family), number) for family in Family for number in range(PARTITIONS)}
        )
        self.app = FakeApp(self.consumer)
        engine = Engine(
            CATALOGUE, FixedClock(date(2020, 12, 31)), app_id="monitor", partitions=PARTITIONS
        )
        self.tally: ChangelogTally = engine.tallies.of(Family.SCHOOLS, 1)
        self.membership = Membership(self.app.real, engine)
        self.watch = LateWriteWatch(SETTINGS, self.membership)
        self.write(2)

    def write(self, count: int) -> None:
        """Let the worker write states, and the broker acknowledge them."""
        planned = self.tally.plan([(b"%d" % number, b"{}") for number in range(count)])
        self.consumer.log_ends[LOG] = self.consumer.log_ends.get(LOG, 0) + count
        self.tally.record_write(planned, self.consumer.log_ends[LOG], topic=LOG.topic, partition=1)

    def recover(self) -> None:
        """Read what is not merged."""
        for offset in range(self.tally.merged, self.consumer.log_ends[LOG]):
            self.tally.read(offset, b"1", b"{}", None)

    def check(self, times: int = 2) -> int:
        """Check so often; return how often the worker has joined again."""
        for _ in range(times):
            asyncio.run(self.watch.check())
        return self.consumer.rejoined


@pytest.fixture
def watched() -> Watched:
    """Return a worker with two states."""
    return Watched()


def test_own_writes_are_no_reason(watched: Watched) -> None:
    """As long as nobody else writes, no rebalance is asked for."""
    for _ in range(3):
        watched.write(3)
        assert watched.check() == 0


def test_a_write_of_another_process_is_merged_by_joining_again(watched: Watched) -> None:
    """The recovery that comes with it reads the record; after it there is no reason any more."""
    watched.consumer.log_ends[LOG] += 1
    assert watched.check() == 1
    watched.recover()
    watched.write(1)
    assert watched.check(times=4) == 1


def test_a_write_without_its_answer_is_waited_for(watched: Watched) -> None:
    """The broker has it, the worker has not heard yet: the check after next decides."""
    watched.consumer.log_ends[LOG] += 1
    assert watched.check(times=1) == 0
    planned = watched.tally.plan([(b"1", b"{}")])
    watched.tally.record_write(planned, watched.consumer.log_ends[LOG], topic="log", partition=1)
    assert watched.check(times=3) == 0


def test_the_same_record_is_a_reason_once(watched: Watched) -> None:
    """A record that no recovery returns, as one that compaction has removed, causes no loop."""
    watched.consumer.log_ends[LOG] += 1
    assert watched.check(times=8) == 1
    watched.consumer.log_ends[LOG] += 1
    assert watched.check(times=8) == 2


def test_a_partition_that_has_gone_is_no_reason(watched: Watched) -> None:
    """Its new owner recovers it."""
    watched.consumer.log_ends[LOG] += 1
    watched.check(times=1)
    watched.consumer.owned.clear()
    assert watched.check() == 0


def test_a_broker_that_does_not_answer_is_asked_again(watched: Watched) -> None:
    """The watch goes on."""
    watched.consumer.log_ends[LOG] += 1
    watched.consumer.error = TimeoutError()
    assert watched.check() == 0
    watched.consumer.error = None
    assert watched.check() == 1


def test_a_worker_that_is_not_ready_is_not_checked(watched: Watched) -> None:
    """Its recovery reads everything anyway."""
    watched.consumer.log_ends[LOG] += 1
    watched.app.tables.actives_ready = False

    async def some_rounds() -> None:
        running = asyncio.create_task(watched.watch.run())
        for _ in range(100):
            await asyncio.sleep(0)
        running.cancel()

    asyncio.run(some_rounds())
    assert watched.consumer.rejoined == 0
