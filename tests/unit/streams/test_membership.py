"""Which partitions this worker owns, and whether their states are complete."""

from __future__ import annotations

import asyncio
import gc
import logging
import weakref
from datetime import UTC, date, datetime

import pytest
from faust.types import TP

from catalogue.loader import load_catalogue
from events.fact import Family
from events.topics import topic_name
from streams.accepted_losses import NOTHING_ACCEPTED, AcceptedLoss, AcceptedLosses
from streams.clock import FixedClock
from streams.engine import Engine
from streams.membership import Membership
from streams.topic_faults import FaultKind, TopicFault
from tests.support.fake_group import GENERATION, FakeApp, FakeConsumer
from tests.support.records import PARTITIONS

CATALOGUE = load_catalogue()


def owned(*partitions: int) -> set[TP]:
    """Return the topic partitions of every family's events on some partitions."""
    return {TP(topic_name(family), number) for family in Family for number in partitions}


LOST = TopicFault("raw", 3, FaultKind.EVENTS_LOST, "ends at offset 4, and was read up to 5")


class Group:
    """A worker in a group that the test plays."""

    def __init__(self) -> None:
        self.consumer = FakeConsumer(owned=owned(0, 2))
        self.app = FakeApp(self.consumer)
        clock = FixedClock(date(2020, 12, 31))
        engine = Engine(CATALOGUE, clock, partitions=PARTITIONS)
        self.accepted: AcceptedLosses = NOTHING_ACCEPTED
        self.membership = Membership(self.app.real, engine, lambda: self.accepted)
        self.assign(0, 2, generation=GENERATION)

    def assign(self, *assigned: int, generation: int) -> None:
        """Assign partitions in a generation."""
        self.consumer.owned = owned(*assigned)
        self.app.consumer_generation_id = self.consumer.generation = generation
        asyncio.run(self.app.on_partitions_assigned.send(self.consumer.owned))


@pytest.fixture
def group() -> Group:
    """Return a worker that is ready."""
    return Group()


class TestWaitingFor:
    """The description of a worker that is not ready."""

    def test_is_nothing_when_ready(self, group: Group) -> None:
        """All states are complete and there is no rebalance."""
        assert group.membership.waiting_for() is None

    def test_is_the_broker_while_the_ownership_is_in_doubt(self, group: Group) -> None:
        """Another worker may have the partitions by then: figures are withheld, as long as that."""
        assert group.membership.snapshot().ready
        group.consumer.problem = "the broker last answered a heartbeat 13.0 s ago"

        assert "heartbeat 13.0 s ago" in str(group.membership.waiting_for())
        assert not group.membership.snapshot().ready

    def test_a_doubt_that_ends_is_no_recovery(self, group: Group) -> None:
        """Nothing was rebuilt."""
        group.membership.waiting_for()
        recoveries = group.membership.engine.meters.recoveries
        for doubt in ("silence", None):
            group.consumer.problem = doubt
            group.membership.waiting_for()

        assert group.membership.engine.meters.recoveries == recoveries

    def test_is_a_decision_where_records_were_lost(self, group: Group) -> None:
        """With the first loss, and how many more."""
        lost = [LOST._replace(partition=number) for number in (3, 4, 5)]
        group.consumer.faults = lost

        assert group.membership.waiting_for() == (
            "a decision on lost records: raw[3] ends at offset 4, and was read up to 5 (and 2"
            " more): see the runbook TopicFaulty"
        )
        assert group.membership.snapshot().faults == tuple(lost)
        assert group.membership.waits_for_repair()

    def test_is_the_broker_before_the_consumer_started(self, group: Group) -> None:
        """There is no connection yet."""
        group.consumer.started = False

        assert group.membership.waiting_for() == "the broker"
        assert (group.membership.faults(), group.membership.to_catch_up()) == ((), 0)

    def test_is_an_assignment_while_the_group_forms(self, group: Group) -> None:
        """The partitions of the old assignment may be another worker's."""
        group.app.rebalancing = True

        assert group.membership.waiting_for() == "an assignment of partitions"

    def test_is_a_missing_topic_while_the_group_forms(self, group: Group) -> None:
        """Members of a group whose topic was deleted may never be assigned partitions again."""
        group.app.rebalancing = True
        missing = TopicFault("raw", None, FaultKind.TOPIC_MISSING, "is missing: it was deleted")
        group.membership.topic_faults = (missing,)

        assert group.membership.waiting_for() == "its topics: raw is missing: it was deleted"

    def test_says_what_came_of_the_last_request_to_join(self, group: Group) -> None:
        """A coordinator that answers the same for ever is nothing that a restart repairs."""
        group.app.rebalancing = True
        group.consumer.join_step = "JoinGroup: COORDINATOR_LOAD_IN_PROGRESS"

        assert group.membership.waiting_for() == (
            "an assignment of partitions (JoinGroup: COORDINATOR_LOAD_IN_PROGRESS)"
        )

    def test_is_an_assignment_until_its_partitions_are_sought(self, group: Group) -> None:
        """Whatever Faust says: it may take the end of one rebalance for that of the next."""
        group.consumer.sought = False

        assert group.membership.waiting_for() == "an assignment of partitions"

    def test_is_nothing_where_no_partition_is_assigned(self, group: Group) -> None:
        """A worker too many is ready, and shows nothing."""
        group.assign(generation=GENERATION + 1)

        assert group.membership.waiting_for() is None
        assert group.membership.shown() == frozenset()

    def test_is_the_events_that_are_read_again(self, group: Group) -> None:
        """With what is left, so that an operator sees it move."""
        group.consumer.behind = {TP(topic_name(Family.SCHOOLS), 2): 1200}

        assert group.membership.waiting_for() == "its events (1200 processed ones to read)"
        assert group.membership.to_catch_up() == 1200


class TestOwned:
    """The partitions of the figures."""

    def test_are_those_owned_of_every_family(self, group: Group) -> None:
        """An indicator may need two families."""
        group.consumer.owned = owned(0, 2) - {TP(topic_name(Family.GRANTS), 2)}

        assert group.membership.owned() == {0}

    def test_are_none_before_the_consumer_started(self, group: Group) -> None:
        """Nobody has assigned any."""
        group.consumer.started = False

        assert group.membership.owned() == frozenset()


class TestShown:
    """The partitions whose figures are shown, through a rebalance."""

    @staticmethod
    def begin_rebalance(group: Group, *assigned: int, generation: int) -> None:
        """Begin a rebalance, and assign partitions, which are not sought yet."""
        group.membership.waiting_for()
        group.app.rebalancing, group.consumer.sought = True, False
        group.assign(*assigned, generation=generation)

    def test_are_the_owned_ones_when_ready(self, group: Group) -> None:
        """All their states are complete."""
        assert group.membership.shown() == {0, 2}

    def test_are_none_before_the_first_assignment(self, group: Group) -> None:
        """Nor before the consumer started."""
        clock = FixedClock(date(2020, 12, 31))
        engine = Engine(CATALOGUE, clock, partitions=PARTITIONS)
        assert Membership(FakeApp(FakeConsumer()).real, engine, dict).shown() == frozenset()

        group.consumer.started = False
        assert group.membership.shown() == frozenset()

    def test_are_those_that_are_caught_up_for_every_family(self, group: Group) -> None:
        """Figures of states that are half read would be too small."""
        group.consumer.behind = {TP(topic_name(Family.GRANTS), 2): 1}

        assert group.membership.shown() == {0}
        assert not group.membership.snapshot().ready
        assert list(group.membership.snapshot().figures) == [0]

    def test_stay_while_the_group_forms(self, group: Group) -> None:
        """Nobody else can own them before the group answers."""
        group.app.rebalancing = True

        assert group.membership.shown() == {0, 2}

    def test_are_none_between_the_answer_and_the_assignment(self, group: Group) -> None:
        """They may be another worker's in the new generation."""
        group.app.rebalancing = True
        group.consumer.generation = GENERATION + 1

        assert group.membership.shown() == frozenset()

    def test_are_those_that_stay_while_others_are_read(self, group: Group) -> None:
        """Partition 0 is another worker's, partition 4 has yet to be read."""
        group.consumer.behind = {TP(topic_name(Family.SCHOOLS), 4): 10}
        self.begin_rebalance(group, 2, 4, generation=GENERATION + 1)

        assert group.membership.waiting_for() is not None
        assert group.membership.shown() == {2}
        assert list(group.membership.snapshot().figures) == [2]
        details = group.membership.readiness().details
        assert (details["partitions"], details["shown"]) == ([2, 4], [2])
        assert group.membership.generation == GENERATION + 1

    def test_are_none_while_the_broker_is_silent(self, group: Group) -> None:
        """The lease has run out: the session may have, too."""
        group.consumer.problem = "the broker last answered a heartbeat 13.0 s ago"

        assert group.membership.shown() == frozenset()

    def test_are_none_where_topics_have_faults(self, group: Group) -> None:
        """Figures of what is left would be wrong."""
        missing = TopicFault("raw", None, FaultKind.TOPIC_MISSING, "is missing: it was deleted")
        group.membership.topic_faults = (missing,)

        assert group.membership.shown() == frozenset()


class TestLosses:
    """Regular looks at the logs of events."""

    def test_log_starts_are_measured(self, group: Group) -> None:
        """By topic and partition."""
        group.consumer.log_starts = {TP("raw", 2): 7}

        asyncio.run(group.membership.look_at_logs())

        assert group.membership.engine.meters.log_starts == {("raw", 2): 7}

    def test_a_loss_is_logged_once(self, group: Group, caplog: pytest.LogCaptureFixture) -> None:
        """And again where it comes back."""
        for faults in ([LOST], [LOST], [], [LOST]):
            group.consumer.faults = faults
            asyncio.run(group.membership.look_at_logs())

        assert caplog.messages == [f"lost: {LOST}"] * 2

    def test_what_is_accepted_is_read_where_something_is_lost(self, group: Group) -> None:
        """An operator decides while the worker runs."""
        loss = AcceptedLoss(
            topic="raw", partition=3, at=datetime(2026, 1, 1, tzinfo=UTC), because="the disk"
        )
        group.accepted = {("raw", 3): [loss]}
        asyncio.run(group.membership.look_at_logs())
        assert (group.consumer.accepted, group.consumer.looks) == ({}, 1)

        group.consumer.faults = [LOST]
        asyncio.run(group.membership.look_at_logs())
        # It looks again at once with what is accepted.
        assert (group.consumer.accepted, group.consumer.looks) == (group.accepted, 3)

    def test_a_look_without_an_answer_ends_nothing(
        self, group: Group, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The next one is soon."""
        group.consumer.look_failure = OSError("gone")

        asyncio.run(group.membership.look_at_logs())

        assert caplog.messages == ["logs not looked at error=OSError('gone')"]


class TestLag:
    """The records waiting."""

    def test_is_reported_by_topic_and_partition(self, group: Group) -> None:
        """As labels want it."""
        group.consumer.waiting = {TP("smartregion.schools", 0): 3}

        assert group.membership.lag() == {("smartregion.schools", 0): 3}

    def test_is_none_before_the_consumer_started(self, group: Group) -> None:
        """There is no assignment."""
        group.consumer.started = False

        assert group.membership.lag() == {}

    def test_a_look_while_partitions_are_taken_away_ends_nothing(
        self, group: Group, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The client's thread takes them away between two questions: aiokafka asserts."""

        def taken_away() -> dict[TP, int]:
            raise AssertionError("Partition is not assigned")

        monkeypatch.setattr(group.consumer, "lag", taken_away)
        group.membership.look_at_lag()
        assert group.membership.overdue() == 0

    def test_what_a_new_partition_brings_is_overdue(self, group: Group) -> None:
        """The histories tell it; nothing is before the consumer started."""
        group.consumer.started = False
        group.membership.look_at_lag()
        assert group.membership.overdue() == 0

        group.consumer.started = True
        group.consumer.seen_ends = {TP("smartregion.schools", 0): 20}
        group.consumer.waiting = {TP("smartregion.schools", 0): 13}
        group.membership.look_at_lag()
        assert group.membership.overdue() == 13
        assert group.membership.ownership().overdue == 13


class TestTurns:
    """From not ready to ready, and back."""

    def test_becoming_ready_is_reported_once(
        self, group: Group, caplog: pytest.LogCaptureFixture
    ) -> None:
        """With what was read again for it."""
        group.membership.engine.merged = 70
        with caplog.at_level(logging.INFO):
            for _ in range(3):
                group.membership.waiting_for()

        [line] = caplog.messages
        assert line.startswith("ready partitions=0,2 entities=0 merged=70 seconds=")

    def test_each_recovery_is_counted_and_timed(self, group: Group) -> None:
        """One at the start, one after each rebalance."""
        for rebalancing in (False, True, False):
            group.app.rebalancing = rebalancing
            group.membership.waiting_for()

        meters = group.membership.engine.meters
        assert meters.recoveries == 2
        assert meters.recovery_seconds is not None
        assert meters.recovery_seconds >= 0

    def test_a_recovery_keeps_no_garbage(self, group: Group) -> None:
        """What is alive is excluded from collections, and cycles that nobody has any more are not.

        Each recovery would otherwise keep some.
        """

        class Cycle:
            def __init__(self) -> None:
                self.itself = self

        gc.disable()
        try:
            kept = weakref.ref(Cycle())
            group.membership.waiting_for()

            assert kept() is None
        finally:
            gc.enable()
            gc.unfreeze()

    def test_the_time_since_is_kept(self, group: Group) -> None:
        """The watchdog detects a timeout by it."""
        group.membership.waiting_for()
        ready_since = group.membership.ready_since
        group.app.rebalancing = True
        group.membership.waiting_for()

        assert group.membership.unready_since >= ready_since


class TestSnapshot:
    """What /metrics is made of."""

    def test_has_the_owned_partitions_when_ready(self, group: Group) -> None:
        """And the lag."""
        group.consumer.waiting = {TP("smartregion.schools", 0): 3}

        snapshot = group.membership.snapshot()

        assert snapshot.ready
        assert list(snapshot.figures) == [0, 2]
        assert snapshot.lag == {("smartregion.schools", 0): 3}

    def test_has_no_figures_before_the_first_recovery(self, group: Group) -> None:
        """A missing figure is visibly stale."""
        group.consumer.behind = dict.fromkeys(owned(0, 2), 1)

        snapshot = group.membership.snapshot()

        assert not snapshot.ready
        assert snapshot.figures == {}


class TestLog:
    """One line an assignment."""

    def test_logs_what_was_assigned(self, group: Group, caplog: pytest.LogCaptureFixture) -> None:
        """The partitions owned of every family, and the topic partitions in all."""
        with caplog.at_level(logging.INFO):
            asyncio.run(group.app.on_partitions_assigned.send(owned(0, 2)))

        assert caplog.messages == ["assigned partitions=0,2 kept=0,2 topic_partitions=20"]

    def test_logs_what_was_revoked(self, group: Group, caplog: pytest.LogCaptureFixture) -> None:
        """How many topic partitions."""
        with caplog.at_level(logging.INFO):
            asyncio.run(group.app.on_partitions_revoked.send(owned(1)))

        assert caplog.messages == ["revoked topic_partitions=10"]

    def test_says_none_rather_than_nothing(
        self, group: Group, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A worker too many owns no partition."""
        group.consumer.owned = set()
        with caplog.at_level(logging.INFO):
            asyncio.run(group.app.on_partitions_assigned.send(set()))

        assert caplog.messages == ["assigned partitions=none kept=none topic_partitions=0"]


def test_hands_out_the_app_s_consumer(group: Group) -> None:
    """Which its transport made."""
    assert group.membership.consumer is group.consumer.real
