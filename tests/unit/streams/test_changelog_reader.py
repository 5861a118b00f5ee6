"""The replica: what it makes of changelog records, and how long it waits for the broker."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count
from typing import cast

import pytest

from broker import answer_watch
from broker.errors import BrokerUnreachableError
from broker.reading import TopicReader
from broker.stored_record import RawRecord
from catalogue.loader import load_catalogue
from events.fact import Family
from events.topics import changelog_name
from streams import changelog_reader as subject
from streams.changelog_reader import ChangelogReader, ChangelogUnreadableError, read_changelogs
from streams.settings import Settings
from streams.state import EntityState, encode_state
from streams.topic_faults import FaultKind, TopicFault
from tests.support.histories import event, state_of, uai

CATALOGUE = load_catalogue()
APP_ID = "monitor"
TIMEOUT_SECONDS = 60.0
PARIS = uai("0750001")
REGISTERED = state_of(event("school.registered", PARIS, "2016-01-01"))
CONNECTED = state_of(
    event("school.registered", PARIS, "2016-01-01"), event("school.connected", PARIS, "2018-01-01")
)

_CELL = '[1514764800000000, "/foreign", "1", %s]'
NO_STATES = [
    *(b"", b"{", b"[]", b'{"school.connected": 1}', b"\xff", b"1"),
    # Well formed, and what no worker writes.
    b'{"school.connected": {"no day": ' + (_CELL % "{}").encode() + b"}}",
    b'{"school.connected": {"2018-01-01": ["now", "/foreign", "1", {}]}}',
    b'{"school.connected": {"2018-01-02": ' + (_CELL % '{"department": ["75"]}').encode() + b"}}",
]

_offsets = count()


class ScriptedReader:
    """A reader whose polls return the batches of a script, and then nothing."""

    def __init__(self, *polls: Iterable[RawRecord], answers: bool = True) -> None:
        self.polls = [list(poll) for poll in polls]
        self.is_answered = answers
        self.asked = 0
        self.caught_up = False

    def poll(self) -> list[RawRecord]:
        """Bring the next records."""
        return self.polls.pop(0) if self.polls else []

    def behind(self) -> dict[str, int | None]:
        """Return what is left, one partition's end being unknown."""
        return {"known": sum(map(len, self.polls)), "unknown": None}

    def answers(self, *, wait_seconds: float) -> bool:
        """Return the next answer of the script."""
        assert wait_seconds > 0
        self.asked += 1
        return self.is_answered


class _Content:
    """A check that finds nothing."""

    def __init__(self, _: Settings) -> None:
        pass

    def faults(self, *_: object) -> list[TopicFault]:
        """Return none."""
        return []


def written(
    entity: str, state: EntityState | None, *, family: Family = Family.SCHOOLS
) -> RawRecord:
    """Return the changelog record of a state; None is a tombstone."""
    value = None if state is None else encode_state(state)
    topic = changelog_name(APP_ID, family)
    return RawRecord(topic, 3, next(_offsets), entity.encode(), value)


def changelogs_of(reader: ScriptedReader) -> ChangelogReader:
    """Return a replica that reads from a script."""
    return ChangelogReader(
        cast("TopicReader", reader), CATALOGUE, app_id=APP_ID, bootstrap="broker:9092"
    )


def poll_for_a_while(changelog_reader: ChangelogReader, *, timeout: float) -> None:
    """Poll some times; nothing is to come."""
    for _ in range(5):
        assert changelog_reader.poll(timeout=timeout) == 0


@pytest.fixture
def minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Advance the clock by a minute with each call."""
    passed = count()
    for module in (subject, answer_watch):
        monkeypatch.setattr(module, "monotonic", lambda: 60.0 * next(passed))


def test_holds_what_the_changelogs_say() -> None:
    """By family and partition, as the workers hold it."""
    changelog_reader = changelogs_of(
        ScriptedReader([written(PARIS, REGISTERED), written(PARIS, CONNECTED)])
    )
    assert changelog_reader.poll(timeout=TIMEOUT_SECONDS) == 2
    assert changelog_reader.state_store.states(Family.SCHOOLS, 3) == {PARIS: CONNECTED}


def test_a_poorer_record_undoes_nothing() -> None:
    """One that a worker wrote which had lost the partition without knowing."""
    changelog_reader = changelogs_of(
        ScriptedReader([written(PARIS, CONNECTED), written(PARIS, REGISTERED)])
    )
    changelog_reader.poll(timeout=TIMEOUT_SECONDS)
    assert changelog_reader.state_store.states(Family.SCHOOLS, 3) == {PARIS: CONNECTED}


def test_forgets_an_entity_that_was_erased() -> None:
    """A record without a value ends its state, and the figures lose it."""
    changelog_reader = changelogs_of(
        ScriptedReader([written(PARIS, CONNECTED), written(PARIS, None)])
    )
    assert changelog_reader.poll(timeout=TIMEOUT_SECONDS) == 2
    assert changelog_reader.state_store.states(Family.SCHOOLS, 3) == {}
    assert changelog_reader.state_store.fold.series(3) == {}


@pytest.mark.parametrize("value", NO_STATES)
def test_a_record_that_is_no_state_is_said_and_ends_nothing(
    value: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Topic, partition and offset; what its entity comes to is not known then."""
    record = RawRecord(changelog_name(APP_ID, Family.SCHOOLS), 3, 17, PARIS.encode(), value)
    changelog_reader = changelogs_of(ScriptedReader([record], [written(PARIS, CONNECTED)]))

    assert changelog_reader.poll(timeout=TIMEOUT_SECONDS) == 1
    assert "schools-changelog partition=3 offset=17" in caplog.text
    assert changelog_reader.state_store.unreadable() == {(Family.SCHOOLS, 3): 1}
    changelog_reader.poll(timeout=TIMEOUT_SECONDS)
    assert changelog_reader.state_store.unreadable() == {}
    assert changelog_reader.state_store.states(Family.SCHOOLS, 3) == {PARIS: CONNECTED}


@pytest.mark.parametrize("value", NO_STATES)
def test_a_foreign_record_undoes_no_state(value: bytes) -> None:
    """The one that is known holds, and the fold with it."""
    record = RawRecord(changelog_name(APP_ID, Family.SCHOOLS), 3, 17, PARIS.encode(), value)
    changelog_reader = changelogs_of(ScriptedReader([written(PARIS, CONNECTED), record]))

    changelog_reader.poll(timeout=TIMEOUT_SECONDS)

    assert changelog_reader.state_store.states(Family.SCHOOLS, 3) == {PARIS: CONNECTED}
    assert changelog_reader.state_store.unreadable() == {}
    assert changelog_reader.state_store.mismatches(Family.SCHOOLS, 3) == 0


def test_a_reading_to_the_end_names_the_record_without_which_a_state_is_not_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And what to check: a figure that misses an entity would look right."""
    record = RawRecord(changelog_name(APP_ID, Family.SCHOOLS), 3, 17, b"key", b"{")
    read = [written(PARIS, CONNECTED), record]
    monkeypatch.setattr(subject, "read_topics", lambda *_, **__: iter(read))
    monkeypatch.setattr(subject, "ChangelogCheck", _Content)

    with pytest.raises(ChangelogUnreadableError, match=r"schools-changelog\[3\]@17 .* app_id"):
        read_changelogs(Settings(broker="broker:9092", app_id=APP_ID), CATALOGUE)
    read.append(written("key", REGISTERED))
    folded = read_changelogs(Settings(broker="broker:9092", app_id=APP_ID), CATALOGUE)
    assert folded.entities() == {Family.SCHOOLS: 2}


def test_reports_what_is_left_as_far_as_it_is_known() -> None:
    """A partition that has not answered yet counts as nothing."""
    reader = ScriptedReader([written(PARIS, REGISTERED)], [written(PARIS, CONNECTED)])
    changelog_reader = changelogs_of(reader)
    assert changelog_reader.lag() == 2
    changelog_reader.poll(timeout=TIMEOUT_SECONDS)
    assert changelog_reader.lag() == 1


def test_says_what_a_judgement_waits_for() -> None:
    """Records to read, then states that cannot be read, then nothing."""
    reader = ScriptedReader([written(PARIS, REGISTERED)], [written(PARIS, CONNECTED)])
    changelog_reader = changelogs_of(reader)
    assert changelog_reader.waiting_for() == "the changelogs (2 records to go)"
    reader.caught_up = True
    assert changelog_reader.waiting_for() is None
    changelog_reader.state_store.restore(Family.SCHOOLS, 3, b"key", b"{")
    assert str(changelog_reader.waiting_for()).startswith("states that can be read (1 cannot")
    changelog_reader.faults = [TopicFault("log", 3, FaultKind.CHANGELOG_LOST, "is empty")]
    changelog_reader.state_store.restore(Family.SCHOOLS, 3, b"key", b"{}")
    assert "rebuild of lost states: log[3] is empty" in str(changelog_reader.waiting_for())


@pytest.mark.usefixtures("minutes")
def test_goes_on_while_a_silent_broker_answers() -> None:
    """Nothing new is no failure."""
    reader = ScriptedReader()
    poll_for_a_while(changelogs_of(reader), timeout=TIMEOUT_SECONDS)
    assert reader.asked > 0


@pytest.mark.usefixtures("minutes")
def test_gives_a_broker_up_that_does_not_answer() -> None:
    """After the timeout, with the broker's address and the time waited."""
    changelog_reader = changelogs_of(ScriptedReader(answers=False))
    with pytest.raises(BrokerUnreachableError, match=r"within 120 s, value 'broker:9092'"):
        poll_for_a_while(changelog_reader, timeout=TIMEOUT_SECONDS)


@pytest.mark.usefixtures("minutes")
def test_waits_out_a_short_outage() -> None:
    """A broker that answers again within the timeout raises no error."""
    reader = ScriptedReader(answers=False)
    changelog_reader = changelogs_of(reader)
    changelog_reader.poll(timeout=1e6)
    reader.is_answered = True
    poll_for_a_while(changelog_reader, timeout=200)
