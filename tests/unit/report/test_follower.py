"""What the page shows of what it follows."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from itertools import count

import pytest

from broker.errors import (
    BrokerRefusedError,
    BrokerUnreachableError,
    PositionsOutdatedError,
    TopicsMissingError,
)
from broker.stored_record import RawRecord
from catalogue.terms import Term
from events.cloudevent import CloudEvent
from events.dead_letters import RecordOrigin
from events.fact import Family
from report import follower as subject
from report.follower import Follower
from report.ledger import EventLedger
from report.overview import overview_of
from report.settings import load_page_settings
from streams.assessor import assessor
from streams.decisions import Decisions, Skip
from streams.state_store import StateStore
from tests.support.audits import raw
from tests.support.held_histories import HeldHistories
from tests.support.histories import event, uai
from tests.support.knowledge import LAST_DAY, shipped, simulated_records, view
from tests.support.records import apply_events
from tests.support.served_page import ServedPage

RATIO = shipped().indicator("schools_connected_ratio")


class Histories(HeldHistories):
    late = 0
    """Records of events that workers are late with."""
    age = 0.0
    """In seconds."""
    more: Sequence[CloudEvent] = ()
    """Events that have come since."""
    behind = 0
    """How many workers may have something new."""

    def __init__(self, unknown: Collection[Term], stopping: threading.Event) -> None:
        super().__init__(StateStore(shipped().terms))
        registered = event("school.registered", uai("0750001"), "2016-01-01")
        apply_events(self.state_store, Family.SCHOOLS, [[registered]])
        for one in self.more:
            apply_events(self.state_store, one.fact.FAMILY, [[one]])
        self._not_known = dict.fromkeys(unknown, "http://old:6066")
        self._stopping = stopping

    def poll(self) -> int:
        self._stopping.set()
        return len(self.more)

    missing: str | None = None
    """What is not known."""

    def waiting_for(self) -> str | None:
        return self.missing

    def lag(self) -> int:
        return self.behind

    def overdue(self) -> int:
        return self.late

    def ages(self) -> Mapping[int, float]:
        return {0: self.age}

    def unknown(self) -> Mapping[Term, str]:
        return self._not_known


class Records:
    caught_up = True

    def __init__(self, records: Sequence[RawRecord], stopping: threading.Event) -> None:
        self._polls = [list(records), []]
        self._stopping = stopping

    def poll(self) -> list[RawRecord]:
        if len(self._polls) == 1:
            self._stopping.set()
        return self._polls.pop(0)

    def behind(self) -> Mapping[object, int]:
        return {}

    def check_answering(self, bootstrap: str, **_: object) -> None:
        """Be content."""


def look(follower: Follower, *unknown: Term) -> None:
    stopping = threading.Event()

    @contextmanager
    def opened(*_: object) -> Iterator[Histories]:
        yield Histories(unknown, stopping)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subject, "open_histories", opened)
        follower.follow_figures(stopping)


@contextmanager
def following(*unknown: Term) -> Iterator[Follower]:
    settings = load_page_settings(broker="localhost:1", clock="2018-12-31")
    with EventLedger() as ledger:
        follower = Follower(settings, shipped(), ledger)
        look(follower, *unknown)
        yield follower


def test_an_open_page_learns_that_events_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    with following() as follower:
        before = follower.version
        monkeypatch.setattr(Histories, "late", 3)
        look(follower)
        assert follower.version == before + 1
        known = follower.now()
        assert known is not None
        assert "3 évènements reçus ne sont pas encore comptés" in known[1].text


def enrolled(day: str) -> list[CloudEvent]:
    return [event("training.enrolled", f"enrolment-{n:06}", day) for n in range(12)]


@pytest.fixture
def judges_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assessor, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(assessor, "PAUSE_SHARE", 0.0)


@pytest.mark.slow
@pytest.mark.usefixtures("judges_at_once")
def test_enrolments_that_are_not_published_move_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """An open page is told nothing, while a reader sees no other figure; later ones are told."""
    page = "/promesses/trainees_enrolled"
    monkeypatch.setattr(Histories, "behind", 2)
    with following() as follower:
        told, seen = follower.version, pages(follower, page)
        monkeypatch.setattr(Histories, "more", enrolled("2018-12-20"))
        look(follower)
        assert (follower.version, pages(follower, page)) == (told, seen)

        monkeypatch.setattr(Histories, "more", enrolled("2018-10-20"))
        look(follower)
        assert follower.version != told
        assert pages(follower, page) != seen


def pages(follower: Follower, path: str) -> list[str]:
    known = follower.now()
    assert known is not None
    served = ServedPage(
        follower.ledger, known[0], version=follower.version, completeness=known[1], today=LAST_DAY
    )
    return [one.body for one in served.ask(path, f"{path}.json", "/", "/donnees.json")]


@pytest.mark.slow
@pytest.mark.parametrize(
    "error",
    [
        BrokerRefusedError("return records at", "localhost:1", cause="[Error 29]"),
        TopicsMissingError("localhost:1", ["smartregion.trainings"]),
    ],
)
def test_past_days_do_without_persons_where_their_events_may_not_be_read(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """The page says so, and shows all other figures; a broker hides a topic, or refuses it."""

    def refused(*_: object, **__: object) -> Iterator[RawRecord]:
        yield from ()
        raise error

    monkeypatch.setattr(subject, "read_topics", refused)
    monkeypatch.setattr(subject, "read_decisions", lambda *_, **__: Decisions())
    with following() as follower:
        follower.ledger.append(simulated_records())
        follower._has_events = True
        known, completeness = follower.known_on(date(2018, 6, 30))
    assert not completeness.is_complete
    assert "Les chiffres sur des personnes manquent" in completeness.text
    assert known.catalogue.indicators == tuple(
        one for one in shipped().indicators if one.publication is None
    )
    assert known.standing(RATIO, None, date(2018, 6, 30)).judgement.value is not None


def test_a_page_that_restarts_tells_open_pages_of_another_version() -> None:
    """They show what the former process knew: what came meanwhile would stay unseen."""
    with following() as before, following() as after:
        assert before.version != after.version


def test_open_pages_are_told_when_workers_no_longer_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    with following() as follower:
        known = follower.version
        look(follower)
        assert follower.version == known
        monkeypatch.setattr(Histories, "age", 3600.0)
        look(follower)
        assert follower.version != known


def test_an_indicator_that_workers_do_not_know_is_not_called_unreported() -> None:
    with following(RATIO.measure.numerator) as follower:
        known = follower.now()
        assert known is not None
        knowledge, completeness = known
        assert not completeness.is_complete
        assert "1 indicateur n’y est pas." in completeness.text
        overview = overview_of(knowledge, view())
        shown = {row.indicator.id for group in overview.groups for row in group.rows}
        assert shown == {one.id for one in shipped().indicators} - {RATIO.id}
        page = ServedPage(follower.ledger, knowledge, completeness=completeness)
        of_it, of_another, data = page.ask(
            f"/promesses/{RATIO.id}", "/promesses/schools_equipped_ratio", "/donnees.json"
        )
    assert (of_it.status, of_another.status, data.status) == (503, 200, 200)
    assert "la première page dit pourquoi" in of_it.body
    assert "Retry-After" in of_it.headers


@pytest.fixture
def topics(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    stopping = threading.Event()

    @contextmanager
    def opened(*_: object, **__: object) -> Iterator[Records]:
        yield Records(simulated_records()[:3], stopping)

    monkeypatch.setattr(subject, "open_reader", opened)
    monkeypatch.setattr(subject, "read_decisions", lambda *_, **__: Decisions())
    return stopping


def test_topics_that_were_created_anew_are_read_again(
    topics: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    polls, poll = count(), Records.poll

    def outdated(records: Records) -> list[RawRecord]:
        if next(polls) == 1:
            raise PositionsOutdatedError({"smartregion.schools[0]": 3})
        return poll(records)

    monkeypatch.setattr(Records, "poll", outdated)
    with following() as follower:
        follower.follow_events(topics)
        assert (follower.ledger.events, follower.has_events()) == (3, True)


@pytest.mark.parametrize("is_away", [False, True])
def test_records_that_operators_skip_while_the_page_runs_are_left_out(
    topics: threading.Event, monkeypatch: pytest.MonkeyPatch, *, is_away: bool
) -> None:
    """From their next start on workers refuse them; without an answer nothing changes."""
    decision = Skip(at=datetime(2018, 12, 31, tzinfo=UTC), because="it ends workers")
    decided = {RecordOrigin(*simulated_records()[1][:3]): decision}
    calls = count()

    def read(*_: object, **__: object) -> Decisions:
        if not next(calls):
            return Decisions()
        if is_away:
            raise BrokerUnreachableError(
                "localhost:1", waited_seconds=1.0, cause="no answer", security_protocol="PLAINTEXT"
            )
        return Decisions(decided)

    monkeypatch.setattr(subject, "read_decisions", read)
    monkeypatch.setattr(subject, "DECISIONS_SECONDS", 0.0)
    with following() as follower:
        follower.follow_events(topics)
        assert follower.ledger.events == (3 if is_away else 2)


def test_what_was_known_on_a_day_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until more is known to have been recorded by then, or a while has passed."""
    monkeypatch.setattr(Follower, "_person_records", lambda _: iter(()))
    now = 0.0
    monkeypatch.setattr(subject, "monotonic", lambda: now)
    day = date(2018, 6, 30)
    with following() as follower:
        follower._has_events = True
        first = follower.known_on(day)
        follower.ledger.append([raw("grant.committed", "g-1", "2018-09-01")])
        assert follower.known_on(day) is first
        follower.ledger.append([raw("grant.committed", "g-2", "2018-05-01")])
        second = follower.known_on(day)
        assert second is not first
        now += subject.PAST_DAY_SECONDS
        assert follower.known_on(day) is not second
