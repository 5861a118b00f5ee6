"""Which partitions this worker owns, and whether their states are complete."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import date
from unittest.mock import Mock

import pytest
from faust.types import TP

from catalogue.loader import load_catalogue
from events.fact import Family
from events.topics import topic_name
from streams.clock import FixedClock
from streams.decisions import NOTHING_ACCEPTED, AcceptedLosses
from streams.engine import Engine
from streams.membership import Membership
from streams.topic_faults import FaultKind, TopicFault
from tests.support.fake_group import GENERATION, FakeApp, FakeConsumer
from tests.support.records import PARTITIONS

CATALOGUE = load_catalogue()


def owned(*partitions: int) -> set[TP]:
    return {TP(topic_name(family), number) for family in Family for number in partitions}


MISSING = TopicFault("raw", None, FaultKind.TOPIC_MISSING, "is missing: it was deleted")
ASSIGNMENT = "an assignment of partitions"
SCHOOLS_2 = TP(topic_name(Family.SCHOOLS), 2)
LOST = TopicFault("raw", 3, FaultKind.EVENTS_LOST, "ends at offset 4, and was read up to 5")
DECISION = f"a decision on lost records: {LOST} (and 2 more): see the runbook TopicFaulty"


class Group:
    def __init__(self) -> None:
        self.consumer = FakeConsumer(owned=owned(0, 2))
        self.app = FakeApp(self.consumer)
        clock = FixedClock(date(2020, 12, 31))
        engine = Engine(CATALOGUE, clock, partitions=PARTITIONS)
        self.accepted: AcceptedLosses = NOTHING_ACCEPTED
        self.membership = Membership(self.app.real, engine, lambda: self.accepted)
        self.assign(0, 2, generation=GENERATION)

    def assign(self, *assigned: int, generation: int) -> None:
        self.consumer.owned = owned(*assigned)
        self.app.consumer_generation_id = self.consumer.generation = generation
        asyncio.run(self.app.on_partitions_assigned.send(self.consumer.owned))

    def change(self, values: Mapping[str, object]) -> None:
        for name, value in values.items():
            owner, _, attribute = name.partition(".")
            setattr(getattr(self, owner), attribute, value)


@pytest.fixture
def group() -> Group:
    return Group()


class TestWaitingFor:
    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({}, None),
            # There is no connection yet.
            ({"consumer.started": False}, "the broker"),
            # The partitions of the old assignment may be another worker's.
            ({"app.rebalancing": True}, ASSIGNMENT),
            # Faust may take the end of one rebalance for that of the next.
            ({"consumer.sought": False}, ASSIGNMENT),
            # Members of a group whose topic was deleted may never be assigned partitions again.
            (
                {"app.rebalancing": True, "membership.topic_faults": (MISSING,)},
                "its topics: raw is missing: it was deleted: see the runbook TopicFaulty",
            ),
            # Figures are withheld while another worker may have the partitions.
            ({"consumer.problem": "silent for 13.0 s"}, "the broker: silent for 13.0 s"),
            # With what is left, so that an operator sees it move.
            ({"consumer.behind": {SCHOOLS_2: 1200}}, "its events (1200 processed ones to read)"),
            ({"consumer.faults": [LOST] * 3}, DECISION),
        ],
    )
    def test_is_what_holds_the_worker_up(
        self, group: Group, changes: Mapping[str, object], reason: str | None
    ) -> None:
        group.change(changes)

        assert group.membership.waiting_for() == reason
        assert group.membership.status().ready is (reason is None)

    def test_a_doubt_that_ends_is_no_recovery(self, group: Group) -> None:
        group.membership.waiting_for()
        recoveries = group.membership.engine.meters.recoveries
        for doubt in ("silence", None):
            group.consumer.problem = doubt
            group.membership.waiting_for()

        assert group.membership.engine.meters.recoveries == recoveries


def test_a_partition_is_owned_of_every_family(group: Group) -> None:
    """An indicator may need two families."""
    group.consumer.owned = owned(0, 2) - {TP(topic_name(Family.GRANTS), 2)}

    assert group.membership.owned() == {0}


class TestShown:
    @pytest.mark.parametrize(
        ("changes", "shown"),
        [
            ({}, {0, 2}),
            # Nobody else can own them before the group answers; then they may be another's.
            ({"app.rebalancing": True}, {0, 2}),
            ({"app.rebalancing": True, "consumer.generation": GENERATION + 1}, set()),
            ({"consumer.started": False}, set()),
            # The lease has run out: the session may have, too.
            ({"consumer.problem": "silent for 13.0 s"}, set()),
            # Figures of what is left would be wrong.
            ({"membership.topic_faults": (MISSING,)}, set()),
        ],
    )
    def test_are_those_that_nobody_else_can_own(
        self, group: Group, changes: Mapping[str, object], shown: set[int]
    ) -> None:
        group.change(changes)

        assert group.membership.shown() == shown

    def test_are_those_that_are_caught_up_for_every_family(self, group: Group) -> None:
        """Figures of states that are half read would be too small."""
        group.consumer.behind = {TP(topic_name(Family.GRANTS), 2): 1}

        assert group.membership.shown() == {0}
        assert not group.membership.status().ready
        assert list(group.membership.status().shown) == [0]


class TestLosses:
    def test_a_loss_is_logged_once(self, group: Group, caplog: pytest.LogCaptureFixture) -> None:
        for faults in ([LOST], [LOST], [], [LOST]):
            group.consumer.faults = faults
            asyncio.run(group.membership.look_at_logs())

        assert caplog.messages == [f"lost: {LOST}"] * 2

    def test_a_look_without_an_answer_ends_nothing(
        self, group: Group, caplog: pytest.LogCaptureFixture
    ) -> None:
        group.consumer.look_failure = OSError("gone")

        asyncio.run(group.membership.look_at_logs())

        assert caplog.messages == ["logs not looked at error=OSError('gone')"]


def test_a_check_of_the_lag_during_a_revocation_ends_nothing(
    group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client's thread takes them away between two questions: aiokafka asserts."""
    monkeypatch.setattr(group.consumer, "lag", Mock(side_effect=AssertionError("not assigned")))

    group.membership.look_at_lag()

    assert group.membership.overdue() == 0


class TestTurns:
    def test_becoming_ready_is_reported_once(
        self, group: Group, caplog: pytest.LogCaptureFixture
    ) -> None:
        group.membership.engine.recovered_records = 70
        with caplog.at_level(logging.INFO):
            for _ in range(3):
                group.membership.waiting_for()

        [line] = caplog.messages
        assert line.startswith("ready partitions=0,2 entities=0 merged=70 seconds=")

    def test_each_recovery_is_counted_and_timed(self, group: Group) -> None:
        for rebalancing in (False, True, False):
            group.app.rebalancing = rebalancing
            group.membership.waiting_for()

        meters = group.membership.engine.meters
        assert meters.recoveries == 2
        assert meters.recovery_seconds is not None
        assert meters.recovery_seconds >= 0


def test_is_empty_before_the_consumer_started(group: Group) -> None:
    group.consumer.started = False
    membership = group.membership

    membership.look_at_lag()
    assert (membership.owned(), membership.lag(), membership.overdue()) == (frozenset(), {}, 0)
    assert (membership.faults(), membership.to_catch_up()) == ((), 0)
