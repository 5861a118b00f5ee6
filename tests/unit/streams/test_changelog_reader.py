"""The replica: what it makes of changelog records, and how long it waits for the broker."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count
from typing import cast

import pytest

from broker.errors import BrokerUnreachableError
from broker.reading import TopicReader
from broker.stored_record import RawRecord
from catalogue.loader import load_catalogue
from events.fact import Family
from events.topics import changelog_name
from streams import changelog_reader as subject
from streams.changelog_reader import ChangelogUnreadableError, Replica, read_replica
from streams.settings import Settings
from streams.state import EntityState, encode_state
from tests.support.histories import event, state_of, uai

CATALOGUE = load_catalogue()
APP_ID = "monitor"
PATIENCE = 60.0
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
    """A reader whose polls bring what a script says, and then nothing."""

    def __init__(self, *polls: Iterable[RawRecord], answers: bool = True) -> None:
        self.polls = [list(poll) for poll in polls]
        self.is_answered = answers
        self.asked = 0
        self.caught_up = False

    def poll(self) -> list[RawRecord]:
        """Bring the next records."""
        return self.polls.pop(0) if self.polls else []

    def behind(self) -> dict[str, int | None]:
        """Tell what is left, one partition's end being unknown."""
        return {"known": sum(map(len, self.polls)), "unknown": None}

    def answers(self, *, wait_seconds: float) -> bool:
        """Answer as the script says."""
        assert wait_seconds > 0
        self.asked += 1
        return self.is_answered


def written(
    entity: str, state: EntityState | None, *, family: Family = Family.SCHOOLS
) -> RawRecord:
    """Return the changelog record of a state; None is a tombstone."""
    value = None if state is None else encode_state(state)
    topic = changelog_name(APP_ID, family)
    return RawRecord(topic, 3, next(_offsets), entity.encode(), value)


def replica_of(reader: ScriptedReader) -> Replica:
    """Return a replica that reads from a script."""
    return Replica(cast("TopicReader", reader), CATALOGUE, app_id=APP_ID, bootstrap="broker:9092")


def poll_for_a_while(replica: Replica, *, patience: float) -> None:
    """Poll some times; nothing is to come."""
    for _ in range(5):
        assert replica.poll(patience=patience) == 0


@pytest.fixture
def minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a minute pass with each look at the clock."""
    passed = count()
    monkeypatch.setattr(subject, "monotonic", lambda: 60.0 * next(passed))


def test_holds_what_the_changelogs_say() -> None:
    """By family and partition, as the workers hold it."""
    replica = replica_of(ScriptedReader([written(PARIS, REGISTERED), written(PARIS, CONNECTED)]))
    assert replica.poll(patience=PATIENCE) == 2
    assert replica.holdings.states(Family.SCHOOLS, 3) == {PARIS: CONNECTED}


def test_a_poorer_record_undoes_nothing() -> None:
    """One that a worker wrote which had lost the partition without knowing."""
    replica = replica_of(ScriptedReader([written(PARIS, CONNECTED), written(PARIS, REGISTERED)]))
    replica.poll(patience=PATIENCE)
    assert replica.holdings.states(Family.SCHOOLS, 3) == {PARIS: CONNECTED}


def test_forgets_an_entity_that_was_erased() -> None:
    """A record without a value ends its state, and the figures lose it."""
    replica = replica_of(ScriptedReader([written(PARIS, CONNECTED), written(PARIS, None)]))
    assert replica.poll(patience=PATIENCE) == 2
    assert replica.holdings.states(Family.SCHOOLS, 3) == {}
    assert replica.holdings.fold.series(3) == {}


@pytest.mark.parametrize("value", NO_STATES)
def test_a_record_that_is_no_state_is_said_and_ends_nothing(
    value: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Topic, partition and offset; what its entity comes to is not known then."""
    record = RawRecord(changelog_name(APP_ID, Family.SCHOOLS), 3, 17, PARIS.encode(), value)
    replica = replica_of(ScriptedReader([record], [written(PARIS, CONNECTED)]))

    assert replica.poll(patience=PATIENCE) == 1
    assert "schools-changelog partition=3 offset=17" in caplog.text
    assert replica.holdings.unreadable() == {(Family.SCHOOLS, 3): 1}
    replica.poll(patience=PATIENCE)
    assert replica.holdings.unreadable() == {}
    assert replica.holdings.states(Family.SCHOOLS, 3) == {PARIS: CONNECTED}


@pytest.mark.parametrize("value", NO_STATES)
def test_a_foreign_record_undoes_no_state(value: bytes) -> None:
    """The one that is known holds, and the fold with it."""
    record = RawRecord(changelog_name(APP_ID, Family.SCHOOLS), 3, 17, PARIS.encode(), value)
    replica = replica_of(ScriptedReader([written(PARIS, CONNECTED), record]))

    replica.poll(patience=PATIENCE)

    assert replica.holdings.states(Family.SCHOOLS, 3) == {PARIS: CONNECTED}
    assert replica.holdings.unreadable() == {}
    assert replica.holdings.mismatches(Family.SCHOOLS, 3) == 0


def test_a_reading_to_the_end_names_the_record_without_which_a_state_is_not_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And what to check: a figure that misses an entity would look right."""
    record = RawRecord(changelog_name(APP_ID, Family.SCHOOLS), 3, 17, b"key", b"{")
    read = [written(PARIS, CONNECTED), record]
    monkeypatch.setattr(subject, "read_topics", lambda *_, **__: iter(read))

    with pytest.raises(ChangelogUnreadableError, match=r"schools-changelog\[3\]@17 .* app_id"):
        read_replica(Settings(broker="broker:9092", app_id=APP_ID), CATALOGUE)
    read.append(written("key", REGISTERED))
    assert read_replica(Settings(broker="broker:9092", app_id=APP_ID), CATALOGUE).unreadable() == {}


def test_tells_what_is_left_as_far_as_it_is_known() -> None:
    """A partition that has not answered yet counts as nothing."""
    reader = ScriptedReader([written(PARIS, REGISTERED)], [written(PARIS, CONNECTED)])
    replica = replica_of(reader)
    assert replica.lag() == 2
    replica.poll(patience=PATIENCE)
    assert replica.lag() == 1


@pytest.mark.usefixtures("minutes")
def test_goes_on_while_a_silent_broker_answers() -> None:
    """Nothing new is no failure."""
    reader = ScriptedReader()
    poll_for_a_while(replica_of(reader), patience=PATIENCE)
    assert reader.asked > 0


@pytest.mark.usefixtures("minutes")
def test_gives_a_broker_up_that_does_not_answer() -> None:
    """When its patience is over, with the broker's address and how long it really waited."""
    replica = replica_of(ScriptedReader(answers=False))
    with pytest.raises(BrokerUnreachableError, match=r"within 120 s, value 'broker:9092'"):
        poll_for_a_while(replica, patience=PATIENCE)


@pytest.mark.usefixtures("minutes")
def test_waits_out_a_short_outage() -> None:
    """A broker that answers again within the patience is heard."""
    reader = ScriptedReader(answers=False)
    replica = replica_of(reader)
    replica.poll(patience=1e6)
    reader.is_answered = True
    poll_for_a_while(replica, patience=200)
