"""The steps of an erasure, as far as they need no broker."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from broker.errors import TopicMismatchError
from events.dead_letters import LetterPosition, RecordOrigin
from events.fact import Family
from events.topics import DEFAULT_APP_ID, changelog_name, topic_name
from operations.dead_letters.entry import Entry
from operations.dead_letters.outcome import ERASED, OutcomeKind, ReplayOutcome, read_outcome
from operations.erasure import procedure
from operations.erasure.mentions import LetterTrace
from operations.erasure.persons import Persons, Traces
from streams.settings import Settings, load_settings
from tests.support.letters import FakeWriter, arrived, entry_with_outcome, letter_of
from tests.support.records import FakeRecord

SOMEBODY = "k1-0123456789abcdef0123456789abcdef"
OWN = changelog_name(DEFAULT_APP_ID, Family.TRAININGS)
FORMER = changelog_name("monitor-1", Family.TRAININGS)
TOPIC = topic_name(Family.TRAININGS)


@pytest.fixture
def settings() -> Settings:
    """Return the default settings."""
    return load_settings(clock="2020-12-31")


@pytest.fixture
def on_broker(monkeypatch: pytest.MonkeyPatch) -> Callable[[Mapping[str, int]], None]:
    """Return what sets the topics that the broker has, with their partitions."""

    def set_topics(topics: Mapping[str, int]) -> None:
        @contextmanager
        def administering(*_: object, **__: object) -> Iterator[Any]:
            yield SimpleNamespace(list_topics=lambda: [*topics])

        monkeypatch.setattr(procedure, "administering", administering)
        monkeypatch.setattr(
            procedure,
            "seen_topics",
            lambda _, names: {
                name: SimpleNamespace(partitions=topics[name]) for name in names if name in topics
            },
        )

    return set_topics


@pytest.mark.parametrize(
    ("topics", "wrong"),
    [
        ({TOPIC: 16, OWN: 16}, f"{TOPIC}.partitions"),
        ({TOPIC: 8, OWN: 16}, f"{OWN}.partitions"),
        ({TOPIC: 8}, f"{OWN}.partitions"),
    ],
)
def test_other_partitions_than_the_settings_say_are_refused(
    settings: Settings,
    on_broker: Callable[[Mapping[str, int]], None],
    topics: Mapping[str, int],
    wrong: str,
) -> None:
    """Tombstones would be on partitions where no state is, and the command would say `done`."""
    on_broker(topics)
    with pytest.raises(TopicMismatchError, match=wrong):
        procedure.verify_partitions(settings)


def test_the_partitions_of_the_settings_are_right(
    settings: Settings, on_broker: Callable[[Mapping[str, int]], None]
) -> None:
    """Nothing is said then."""
    on_broker({TOPIC: 8, OWN: 8})
    procedure.verify_partitions(settings)


def test_states_of_other_applications_are_found(
    settings: Settings,
    on_broker: Callable[[Mapping[str, int]], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A switch to workers of another name leaves the former ones' changelogs for ever."""
    schools = changelog_name("monitor-1", Family.SCHOOLS)
    on_broker({TOPIC: 8, OWN: 8, FORMER: 8, schools: 8, "trainings-changelog": 1, "x": 1})
    key = SOMEBODY.encode()
    kept = [
        FakeRecord(OWN, 0, 0, key, b"{}"),
        FakeRecord(FORMER, 0, 0, key, b"{}"),
        FakeRecord(FORMER, 0, 1, key, b"{}"),
        FakeRecord(FORMER, 0, 2, key, None),
        FakeRecord(schools, 5, 6, b"0750001U", b'{"id": "%s"}' % key),
    ]

    def read_topics(*_: object, topics: Sequence[str], **__: object) -> list[FakeRecord]:
        assert "x" not in topics
        return [record for record in kept if record.topic in topics]

    monkeypatch.setattr(procedure, "read_topics", read_topics)

    remains = procedure.find_remains(settings, Persons([SOMEBODY]), Traces())

    assert remains.states == {OWN: 1, FORMER: 2}
    assert list(map(str, remains.mentions)) == [f"{schools}[5]@6: in id"]


def test_letters_that_name_a_person_are_discarded(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replay, which may be told to send those that are settled, would bring the person back."""
    naming, replayed, other, of_record, erased, first = (
        letter_of(position=at, origin=RecordOrigin("smartregion.schools", 3, at)) for at in range(6)
    )
    noted = ReplayOutcome(
        verdict=OutcomeKind.DISCARDED,
        attempts=0,
        at=erased.time,
        refused_at=erased.time,
        because=ERASED,
    )
    entries = [
        Entry(naming),
        entry_with_outcome(replayed, OutcomeKind.REPLAYED),
        Entry(other),
        Entry(of_record),
        Entry(erased, noted),
        Entry(first),
    ]
    monkeypatch.setattr(procedure, "read_entries", lambda *_, **__: entries)
    traces = [
        LetterTrace(naming, names=True),
        LetterTrace(replayed, names=True),
        LetterTrace(of_record, names=False),
        LetterTrace(erased, names=True),
        LetterTrace(replace(first, position=LetterPosition(0, 6)), names=True),  # Written again.
    ]
    writer = FakeWriter()

    assert procedure.discard_letters(settings, writer, traces) == 3

    (notes,) = writer.sent
    positions, outcomes = zip(*map(read_outcome, arrived(notes)), strict=True)
    assert positions == tuple(LetterPosition(0, at) for at in (0, 1, 5))
    assert {(one.verdict, one.because) for one in outcomes} == {(OutcomeKind.DISCARDED, ERASED)}
    assert {one.at for one in outcomes} == {settings.make_clock().now()}


def test_without_such_letters_nothing_is_asked(settings: Settings) -> None:
    """Nor written."""
    writer = FakeWriter()
    assert procedure.discard_letters(settings, writer, ()) == 0
    assert writer.sent == []
