"""The watchdog: ends a worker that is alive but does nothing."""

from __future__ import annotations

import asyncio
from datetime import date
from math import floor
from time import monotonic

import pytest
from aiokafka.errors import InconsistentGroupProtocolError
from faust.types import TP

from boundary.errors import SmartRegionError
from broker.errors import BrokerEntryError
from catalogue.loader import load_catalogue
from streams.clock import FixedClock
from streams.engine import Engine
from streams.membership import Membership
from streams.settings import Settings
from streams.topic_faults import FaultKind, TopicFault
from streams.watchdog import Watchdog
from tests.support.fake_group import FakeApp, FakeConsumer

CATALOGUE = load_catalogue()
PARTITION = TP("smartregion.schools", 0)
WAITING = {PARTITION: 7}
SETTINGS = Settings(ready_timeout=60, stall_timeout=30)


class Watch:
    """A watchdog whose time the test moves, over a worker that is ready and has nothing to do."""

    def __init__(self) -> None:
        # The membership reads the real one. Sums of whole seconds are exact, whatever the uptime.
        self.now: float = floor(monotonic())
        self.consumer = FakeConsumer(owned={PARTITION})
        self.app = FakeApp(self.consumer)
        clock = FixedClock(date(2020, 12, 31))
        self.engine = Engine(CATALOGUE, clock, partitions=1)
        self.membership = Membership(self.app.real, self.engine, dict)
        self.membership.waiting_for()
        self.membership.ready_since = self.engine.progressed_at = self.now
        self.watchdog = Watchdog(SETTINGS, self.membership, clock=lambda: self.now)

    def check(self, *, after: float = 1.0) -> None:
        self.now += after
        asyncio.run(self.watchdog.check())

    def unready(self) -> None:
        self.app.rebalancing = True
        self.membership.waiting_for()
        self.membership.unready_since = self.now

    def catching_up(self, remaining: int) -> None:
        is_first = not self.consumer.behind
        self.consumer.behind = {PARTITION: remaining}
        if is_first:
            self.membership.waiting_for()
            self.membership.unready_since = self.now


@pytest.fixture
def watch() -> Watch:
    return Watch()


def test_a_silent_broker_is_checked_and_one_that_answers_is_not(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> None:
        raise BrokerEntryError("broker:9092", problem="does not open", remedy="ask it")

    monkeypatch.setattr("streams.watchdog.preflight", refuse)
    watch.check(after=3600)
    watch.consumer.silent_seconds = 10

    with pytest.raises(BrokerEntryError, match="does not open"):
        watch.check(after=10)


class TestCoordinator:
    @pytest.mark.parametrize(
        ("error", "said"),
        [
            (OSError("no right to read the group"), "5 errors in a row.*no right to read"),
            (InconsistentGroupProtocolError(), "another program is a member"),
        ],
    )
    def test_errors_in_a_row_end_the_worker(
        self, watch: Watch, error: Exception, said: str
    ) -> None:
        watch.consumer.error = error

        for _ in range(4):
            watch.check()
        with pytest.raises(SmartRegionError, match=said):
            watch.check()

    def test_an_error_that_passes_is_forgotten(self, watch: Watch) -> None:
        for error in (*[OSError("moved")] * 4, None, *[OSError("moved")] * 4):
            watch.consumer.error = error
            watch.check()

        assert watch.engine.meters.coordinator_errors == 8

    def test_a_coordinator_that_does_not_answer_is_an_error(self, watch: Watch) -> None:
        watch.watchdog = Watchdog(
            SETTINGS.model_copy(update={"request_timeout": 0.001}),
            watch.membership,
            clock=lambda: watch.now,
        )

        async def never() -> None:
            await asyncio.Event().wait()

        watch.consumer.check_errors = never  # type: ignore[method-assign]

        watch.check()

        assert watch.engine.meters.coordinator_errors == 1


class TestReadiness:
    def test_a_worker_that_takes_its_time_says_so(
        self, watch: Watch, caplog: pytest.LogCaptureFixture
    ) -> None:
        watch.check(after=3600)
        watch.unready()

        for _ in range(60):
            watch.check()

        assert [record.getMessage() for record in caplog.records] == [
            f"not ready seconds={seconds} waiting_for=an assignment of partitions"
            for seconds in (30, 60)
        ]

    def test_a_worker_that_takes_longer_is_ended(self, watch: Watch) -> None:
        watch.unready()

        with pytest.raises(
            SmartRegionError, match=r"after 61 s, still waiting for an assignment.*READY_TIMEOUT"
        ):
            watch.check(after=61)

    def test_a_worker_that_reads_on_is_left_alone_until_it_stops(self, watch: Watch) -> None:
        for left in range(5000, 0, -1000):
            watch.catching_up(left)
            watch.check(after=25)

        with pytest.raises(SmartRegionError, match="not ready after 156 s"):
            watch.check(after=31)

    def test_a_worker_that_reads_no_further_is_ended(self, watch: Watch) -> None:
        """Before the time-out: a broker that went away may have left it waiting for ever."""
        watch.catching_up(5000)
        watch.check(after=5)

        with pytest.raises(SmartRegionError, match="not ready after 36 s"):
            watch.check(after=31)

    def test_a_worker_that_a_quota_holds_back_is_not_ended(self, watch: Watch) -> None:
        watch.catching_up(5000)
        watch.consumer.unthrottled_seconds = 0

        watch.check(after=3600)


def test_a_worker_that_reports_faults_goes_on_until_a_recovery_after_them_hangs(
    watch: Watch,
) -> None:
    watch.consumer.faults = [TopicFault("log", 3, FaultKind.EVENTS_LOST, "ends too early")]
    watch.membership.waiting_for()
    watch.membership.unready_since = watch.now
    for _ in range(2):
        watch.check(after=3600)
    watch.app.rebalancing = True

    with pytest.raises(SmartRegionError, match="after 61 s, still waiting for an assignment"):
        watch.check(after=61)


class TestProgress:
    def test_records_behind_an_open_transaction_are_no_stall(self, watch: Watch) -> None:
        """No restart makes the transaction end."""
        watch.consumer.waiting = WAITING
        watch.consumer.behind_transactions = WAITING

        watch.check(after=3600)

    def test_a_batch_is_progress(self, watch: Watch) -> None:
        watch.consumer.waiting = WAITING
        watch.engine.progressed_at = watch.now + 20

        watch.check(after=50)

    def test_a_worker_that_a_quota_holds_back_is_no_stall(self, watch: Watch) -> None:
        """After a restart it would have more to read, under the same quota."""
        watch.consumer.waiting = WAITING
        watch.consumer.unthrottled_seconds = 0
        watch.check(after=31)
        watch.consumer.unthrottled_seconds = 31
        with pytest.raises(SmartRegionError, match="stall_timeout: no batch in 32 s"):
            watch.check()

    def test_a_stall_after_a_quiet_time_is_found(self, watch: Watch) -> None:
        watch.check(after=3600)
        watch.consumer.waiting = WAITING
        watch.check()

        with pytest.raises(SmartRegionError, match="no batch in 31 s with 7 records waiting"):
            watch.check(after=30)
