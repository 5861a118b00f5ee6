"""Which partitions this worker owns, and whether their state is rebuilt."""

from __future__ import annotations

import asyncio
import gc
import logging
import weakref
from datetime import date

import pytest
from faust.types import TP

from catalogue.loader import load_catalogue
from events.fact import Family
from events.topics import topic_name
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


class Group:
    """A worker in a group that the test plays."""

    def __init__(self) -> None:
        self.consumer = FakeConsumer(owned=owned(0, 2))
        self.app = FakeApp(self.consumer)
        clock = FixedClock(date(2020, 12, 31))
        engine = Engine(CATALOGUE, clock, app_id="monitor", partitions=PARTITIONS)
        self.membership = Membership(self.app.real, engine)


@pytest.fixture
def group() -> Group:
    """Return a worker that is ready."""
    return Group()


class TestWaitingFor:
    """The description of a worker that is not ready."""

    def test_is_nothing_when_ready(self, group: Group) -> None:
        """The tables are restored and there is no rebalance."""
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

    def test_is_a_rebuild_where_states_were_lost(self, group: Group) -> None:
        """With the first of them, and how many more."""
        lost = [TopicFault("log", n, FaultKind.CHANGELOG_LOST, "is empty") for n in (3, 4, 5)]
        group.consumer.faults = lost

        reported = str(group.membership.waiting_for())
        assert "log[3] is empty (and 2 more)" in reported
        assert "smart-region rebuild" in reported
        assert group.membership.snapshot().faults == tuple(lost)

    def test_is_the_broker_before_the_consumer_started(self, group: Group) -> None:
        """There is no connection yet."""
        group.consumer.started = False
        group.app.tables.actives_ready = False

        assert group.membership.waiting_for() == "the broker"

    def test_is_an_assignment_while_the_group_forms(self, group: Group) -> None:
        """The state of the old assignment is there, and may be another worker's."""
        group.app.rebalancing = True

        assert group.membership.waiting_for() == "an assignment of partitions"

    def test_is_a_missing_topic_while_the_group_forms(self, group: Group) -> None:
        """Members of a group whose topic was deleted may never be assigned partitions again."""
        group.app.rebalancing = True
        missing = TopicFault("raw", None, FaultKind.TOPIC_MISSING, "is missing: it was deleted")
        group.membership.topic_faults = (missing,)

        assert group.membership.waiting_for() == "its topics: raw is missing: it was deleted"

    def test_says_what_came_of_the_last_request_to_join(self, group: Group) -> None:
        """A coordinator that answers the same for ever is nothing that a restart mends."""
        group.app.rebalancing = True
        group.consumer.join_step = "JoinGroup: COORDINATOR_LOAD_IN_PROGRESS"

        assert group.membership.waiting_for() == (
            "an assignment of partitions (JoinGroup: COORDINATOR_LOAD_IN_PROGRESS)"
        )

    def test_is_an_assignment_before_any_partition_is_owned(self, group: Group) -> None:
        """A recovery of nothing is no recovery."""
        group.app.tables.actives_ready = False
        group.app.in_recovery = True
        group.consumer.owned = set()

        assert group.membership.waiting_for() == "an assignment of partitions"

    @pytest.mark.parametrize(("remaining", "reported"), [(1200, 1200), (-3, 0)])
    def test_is_the_recovery_with_what_is_left(
        self, group: Group, remaining: int, reported: int
    ) -> None:
        """So that an operator sees it move; Faust's count may fall below zero."""
        group.app.tables.actives_ready = False
        group.app.in_recovery = True
        group.app.tables.recovery.remaining = remaining

        assert group.membership.waiting_for() == (
            f"recovery of the state ({reported} changelog records to go)"
        )


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

    def rebalance(self, group: Group, *assigned: int, generation: int) -> None:
        """Begin a rebalance, and assign partitions: their states are restored from then on."""
        group.membership.waiting_for()
        group.app.rebalancing = group.app.in_recovery = True
        group.app.tables.actives_ready = False
        self.assign(group, *assigned, generation=generation)

    def assign(self, group: Group, *assigned: int, generation: int) -> None:
        """Assign partitions in a generation."""
        group.consumer.owned = owned(*assigned)
        group.app.consumer_generation_id = group.consumer.generation = generation
        asyncio.run(group.app.on_partitions_assigned.send(group.consumer.owned))

    def test_are_the_owned_ones_when_ready(self, group: Group) -> None:
        """All their states are restored."""
        assert group.membership.shown() == {0, 2}

    def test_are_none_before_the_first_recovery(self, group: Group) -> None:
        """Figures of states that are half restored would be too small."""
        group.app.tables.actives_ready = False

        assert group.membership.shown() == frozenset()

    def test_stay_while_the_group_forms(self, group: Group) -> None:
        """Nobody else can own them before the group answers."""
        group.membership.waiting_for()
        group.app.rebalancing = True

        assert group.membership.shown() == {0, 2}

    def test_are_none_between_the_answer_and_the_assignment(self, group: Group) -> None:
        """They may be another worker's in the new generation."""
        group.membership.waiting_for()
        group.app.rebalancing = True
        group.consumer.generation = GENERATION + 1

        assert group.membership.shown() == frozenset()

    def test_are_those_that_stay_while_others_are_restored(self, group: Group) -> None:
        """Partition 0 is another worker's, partition 4 has yet to be restored."""
        self.rebalance(group, 2, 4, generation=GENERATION + 1)

        assert group.membership.waiting_for() is not None
        assert group.membership.shown() == {2}
        assert list(group.membership.snapshot().figures) == [2]

    def test_are_all_once_the_others_are_restored(self, group: Group) -> None:
        """The worker is ready again."""
        self.rebalance(group, 2, 4, generation=GENERATION + 1)
        group.app.rebalancing = group.app.in_recovery = False
        group.app.tables.actives_ready = True

        assert group.membership.shown() == {2, 4}

    def test_are_not_all_before_the_others_are_checked(self, group: Group) -> None:
        """Faust took the end of a recovery for that of the rebalance that had just begun."""
        self.rebalance(group, 2, 4, generation=GENERATION + 1)
        group.app.rebalancing = group.app.in_recovery = False
        group.app.tables.actives_ready = True
        group.consumer.checked = False

        assert group.membership.waiting_for() is not None
        assert group.membership.shown() == {2}

    def test_stay_through_two_rebalances_in_a_row(self, group: Group) -> None:
        """What had to be restored in the first of them is not shown in the second either."""
        self.rebalance(group, 2, 4, generation=GENERATION + 1)
        self.assign(group, 2, 4, generation=GENERATION + 2)

        assert group.membership.shown() == {2}

    def test_stay_where_the_worker_joins_again(self, group: Group) -> None:
        """A member that is not the leader gets the assignment of the same generation."""
        self.rebalance(group, 0, 2, generation=GENERATION)

        assert group.membership.waiting_for() is not None
        assert group.membership.shown() == {0, 2}

    def test_are_none_that_were_away(self, group: Group) -> None:
        """A worker without a generation between may have missed another owner's events."""
        self.rebalance(group, 0, 2, generation=GENERATION + 2)

        assert group.membership.shown() == frozenset()

    def test_are_none_where_the_generations_begin_anew(self, group: Group) -> None:
        """The group was deleted."""
        self.rebalance(group, 0, 2, generation=1)

        assert group.membership.shown() == frozenset()

    def test_are_none_while_the_broker_is_silent(self, group: Group) -> None:
        """The lease has run out: the session may have, too."""
        self.rebalance(group, 0, 2, generation=GENERATION + 1)
        group.consumer.problem = "the broker last answered a heartbeat 13.0 s ago"

        assert group.membership.shown() == frozenset()

    def test_are_none_where_topics_have_faults(self, group: Group) -> None:
        """Figures of what is left would be wrong."""
        self.rebalance(group, 0, 2, generation=GENERATION + 1)
        group.consumer.faults = [TopicFault("log", 3, FaultKind.CHANGELOG_LOST, "is empty")]

        assert group.membership.shown() == frozenset()

    def test_are_reported_by_readyz(self, group: Group) -> None:
        """Beside the owned ones."""
        self.rebalance(group, 2, 4, generation=GENERATION + 1)

        details = group.membership.readiness().details
        assert (details["partitions"], details["shown"]) == ([2, 4], [2])


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
        """With what was recovered."""
        with caplog.at_level(logging.INFO):
            for _ in range(3):
                group.membership.waiting_for()

        [line] = caplog.messages
        assert line.startswith("ready partitions=0,2 entities=0 restored=0 seconds=")

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
        group.app.tables.actives_ready = False

        snapshot = group.membership.snapshot()

        assert not snapshot.ready
        assert snapshot.figures == {}


class TestLog:
    """One line an assignment."""

    def test_logs_what_was_assigned(self, group: Group, caplog: pytest.LogCaptureFixture) -> None:
        """The partitions owned of every family, and the topic partitions in all."""
        with caplog.at_level(logging.INFO):
            asyncio.run(group.app.on_partitions_assigned.send(owned(0, 2)))

        assert caplog.messages == ["assigned partitions=0,2 kept=none topic_partitions=20"]

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


def test_hands_out_the_app_s_consumer_and_producer(group: Group) -> None:
    """Which its transport made."""
    assert group.membership.consumer is group.consumer.real
    assert group.membership.producer is group.app.producer.real
