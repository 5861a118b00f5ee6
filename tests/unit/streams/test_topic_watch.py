"""The faults of topics, and when they end a worker."""

from __future__ import annotations

import asyncio
import logging
from contextlib import nullcontext
from datetime import UTC, date, datetime
from typing import Final, Never

import pytest
from prometheus_client.exposition import generate_latest

from boundary.errors import SmartRegionError
from boundary.web import registry_of
from broker.errors import BrokerRefusedError
from broker.offsets import GroupMembers
from broker.topic_admin import SeenTopic
from catalogue.loader import load_catalogue
from events.fact import Family
from events.records import OutgoingRecord
from events.topics import DEAD_LETTER_OUTCOMES, declared_topics, topic_name
from streams import topic_watch as subject
from streams.clock import FixedClock
from streams.commit_metadata import Attempt, CommitMetadata, Committed
from streams.decisions import Decisions, KnownTopic, decisions_in, topic_record
from streams.engine import Engine
from streams.exposition import WorkerCollector
from streams.membership import Membership
from streams.settings import Settings
from streams.topic_faults import FaultKind, ids_of, recreated
from streams.topic_watch import FAILURES_TO_REPORT, NOTE_SECONDS, KnownTopics, TopicWatch
from tests.support.fake_group import FakeApp, FakeConsumer
from tests.support.letters import arrived
from tests.support.passing_time import PassingTime
from tests.support.records import PARTITIONS

CATALOGUE = load_catalogue()
SETTINGS = Settings(app_id="monitor", partitions=PARTITIONS)
SCHOOLS: Final = topic_name(Family.SCHOOLS)
WHOLE = {name: SeenTopic(f"id of {name}", PARTITIONS) for name in map(topic_name, Family)}
ALL = frozenset((topic_name(family), number) for family in Family for number in range(PARTITIONS))
BEFORE = KnownTopic(topic=SCHOOLS, id="before", at=datetime(2020, 1, 1, tzinfo=UTC))
IDS = ids_of(WHOLE)
FULL = GroupMembers("Stable", 2, ALL)


class Watched:
    def __init__(self) -> None:
        engine = Engine(CATALOGUE, FixedClock(date(2020, 12, 31)), partitions=PARTITIONS)
        self.consumer = FakeConsumer()
        self.membership = Membership(FakeApp(self.consumer).real, engine, dict)
        self.time = PassingTime()
        self.known_topics = KnownTopics(SETTINGS, {}, {})
        self.watch = TopicWatch(SETTINGS, self.membership, self.known_topics, clock=self.time.clock)
        self.watch.judge(WHOLE, FULL)

    @property
    def reported(self) -> list[tuple[str, FaultKind]]:
        return [(fault.topic, fault.fault) for fault in self.membership.faults()]


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_a_topic_recreated_before_the_start_is_reported_until_it_is_accepted(
    watched: Watched,
) -> None:
    watched.known_topics.faults = recreated({SCHOOLS: "now"}, {SCHOOLS: BEFORE}, is_read=True)
    watched.watch.judge(WHOLE, FULL)
    watched.time.sleep(SETTINGS.stall_timeout + 1)
    watched.watch.judge(WHOLE, FULL)
    assert watched.reported == [(SCHOOLS, FaultKind.TOPIC_RECREATED)]

    watched.known_topics.faults = ()
    watched.watch.judge(WHOLE, FULL)
    assert watched.reported == []


class Ledger:
    """The decisions topic, and what a worker writes to it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.records: list[OutgoingRecord] = []
        self.is_read = False
        self.time = PassingTime()
        monkeypatch.setattr(subject, "KafkaWriter", lambda *_, **__: nullcontext(self))
        monkeypatch.setattr(subject, "read_decisions", lambda *_, **__: self.decisions())
        monkeypatch.setattr(subject, "has_committed", lambda _: self.is_read)

    def send(self, records: list[OutgoingRecord]) -> None:
        self.records += records

    def decisions(self) -> Decisions:
        return decisions_in(arrived(self.records))

    def started(self) -> KnownTopics:
        """Return what a worker knows that starts now."""
        decisions = self.decisions()
        known = KnownTopics(
            SETTINGS, decisions.topics, decisions.noted_of(IDS), clock=self.time.clock
        )
        known.look(IDS)
        return known


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch) -> Ledger:
    return Ledger(monkeypatch)


def test_the_ids_of_new_topics_are_noted(ledger: Ledger) -> None:
    assert not ledger.started().faults
    assert {one.topic: one.id for one in ledger.decisions().topics.values()} == IDS


def test_a_ledger_without_topics_that_the_group_has_read_was_created_again(ledger: Ledger) -> None:
    ledger.is_read = True
    known = ledger.started()
    (fault,) = known.faults
    assert (fault.topic, fault.fault) == (DEAD_LETTER_OUTCOMES, FaultKind.TOPIC_RECREATED)
    assert ledger.records == []

    at = datetime(2020, 1, 1, tzinfo=UTC)
    ledger.send([topic_record(KnownTopic(topic=one, id=IDS[one], at=at)) for one in IDS])
    known.look(IDS)
    assert known.faults == []


def test_commits_are_noted_at_once_and_then_at_intervals(ledger: Ledger) -> None:
    def noted() -> list[int]:
        return [one.offset for one in ledger.decisions().noted]

    known = ledger.started()
    known.note({(SCHOOLS, 0): Committed(7, CommitMetadata(start=0))})
    assert noted() == [7]
    attempts = CommitMetadata(start=0, attempts=(Attempt(offset=9, count=1),))
    later = {(SCHOOLS, 0): Committed(9, attempts)}
    ledger.time.sleep(NOTE_SECONDS - 1)
    known.note(later)
    assert noted() == [7]
    ledger.time.sleep(1)
    known.note(later)
    assert noted() == [9]
    assert ledger.decisions().noted[0].metadata == CommitMetadata(start=0)

    ledger.time.sleep(NOTE_SECONDS)
    count = len(ledger.records)
    ledger.started().note(later)
    assert len(ledger.records) == count
    known.note(later | {(SCHOOLS, 1): Committed(2, CommitMetadata(start=0))})
    assert noted() == [9, 2]


def test_a_topic_is_read_again_once_it_is_no_longer_compacted(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, SeenTopic]] = []
    monkeypatch.setattr(watched.watch, "_describe", lambda: (seen[-1], FULL))
    for policy in ("delete", "compact", "compact,delete", "delete", "delete"):
        seen.append(configured(cleanup_policy=policy))
        asyncio.run(watched.watch.check())

    assert watched.consumer.again == [{SCHOOLS}]


def test_an_unowned_partition_is_reported_and_ends_the_worker(watched: Watched) -> None:
    fewer = FULL._replace(assigned=ALL - {(SCHOOLS, 1)})
    watched.watch.judge(WHOLE, fewer)
    assert watched.reported == []
    watched.watch.judge(WHOLE, fewer)
    assert watched.reported == [(SCHOOLS, FaultKind.PARTITION_UNOWNED)]
    assert f"{SCHOOLS}[1] belongs to no member" in str(watched.membership.waiting_for())

    watched.time.sleep(SETTINGS.stall_timeout + 1)
    with pytest.raises(SmartRegionError):
        watched.watch.judge(WHOLE, fewer)


@pytest.mark.parametrize("group", [None, FULL._replace(state="PreparingRebalance")])
def test_a_group_that_rebalances_reports_nothing(
    watched: Watched, group: GroupMembers | None
) -> None:
    nobody = group and group._replace(assigned=frozenset())
    watched.watch.judge(WHOLE, nobody)
    watched.watch.judge(WHOLE, nobody)
    assert watched.reported == []


DECLARED = next(spec.config for spec in declared_topics() if spec.name == SCHOOLS)


def configured(**settings: str) -> dict[str, SeenTopic]:
    changed = {name.replace("_", "."): value for name, value in settings.items()}
    return {**WHOLE, SCHOOLS: WHOLE[SCHOOLS]._replace(settings={**DECLARED, **changed})}


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("cleanup_policy", "compact"),
        ("cleanup_policy", "delete,compact"),
        ("message_timestamp_type", "CreateTime"),
        ("retention_ms", "604800000"),
        ("retention_bytes", "1000000"),
    ],
)
def test_a_setting_with_which_events_are_lost_is_reported(
    watched: Watched, caplog: pytest.LogCaptureFixture, setting: str, value: str
) -> None:
    for _ in range(2):
        watched.watch.judge(configured(**{setting: value}, flush_ms="7"), FULL)
        watched.time.sleep(SETTINGS.stall_timeout + 1)

    name = setting.replace("_", ".")
    said = f"{SCHOOLS} has {name}={value}, not {DECLARED[name]}: run `smart-region topics apply"
    assert [said in record.getMessage() for record in caplog.records] == [True]
    assert watched.membership.waiting_for() is None
    assert f'{{fault="settings_changed",partition="",topic="{SCHOOLS}"}} 1.0' in exposed(watched)


def test_settings_that_cannot_be_seen_change_nothing(watched: Watched) -> None:
    """A fault stays until the settings are seen to be as declared; the demo's broker has none."""
    assert "topic_fault{" not in exposed(watched)
    for seen, is_reported in (
        (configured(retention_ms="1"), True),
        (WHOLE, True),
        (configured(), False),
        (WHOLE, False),
    ):
        watched.watch.judge(seen, FULL)
        assert ("settings_changed" in exposed(watched)) is is_reported


def exposed(watched: Watched) -> str:
    engine = watched.membership.engine
    collector = WorkerCollector(
        engine.catalogue, engine.state_store, engine.meters, watched.membership.status
    )
    return generate_latest(registry_of(collector)).decode()


def test_a_check_that_fails_for_a_minute_is_logged_once(
    watched: Watched, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refused() -> Never:
        raise BrokerRefusedError("administer topics at", "kafka:9092", cause="not authorized")

    def check(times: int) -> list[str]:
        caplog.clear()
        for _ in range(times):
            asyncio.run(watched.watch.check())
        return [record.getMessage() for record in caplog.records]

    caplog.set_level(logging.INFO, "streams.topic_watch")
    monkeypatch.setattr(watched.watch, "_describe", refused)
    assert check(FAILURES_TO_REPORT - 1) == []
    (said,) = check(FAILURES_TO_REPORT)
    assert "not described in 6 checks" in said
    assert "not authorized" in said

    monkeypatch.setattr(watched.watch, "_describe", lambda: (WHOLE, FULL))
    (said,) = check(2)
    assert "described again after 11 failed checks" in said
