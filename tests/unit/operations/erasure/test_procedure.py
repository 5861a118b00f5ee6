"""The steps of an erasure, as far as they need no broker."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from broker.errors import TopicMismatchError
from events.dead_letters import LetterPosition, RecordOrigin
from events.fact import Family
from events.topics import topic_name
from operations.dead_letters.entry import Entry
from operations.dead_letters.outcome import ERASED, OutcomeKind, ReplayOutcome, read_outcome
from operations.erasure import procedure
from operations.erasure.persons import Persons, Traces
from operations.erasure.procedure import LetterTrace
from streams.settings import Settings, load_settings
from tests.support.letters import FakeWriter, arrived, entry_with_outcome, letter_of

SOMEBODY = "k1-0123456789abcdef0123456789abcdef"
TOPIC = topic_name(Family.TRAININGS)


@pytest.fixture
def settings() -> Settings:
    return load_settings(clock="2020-12-31")


@pytest.fixture
def on_broker(monkeypatch: pytest.MonkeyPatch) -> Callable[[Mapping[str, int]], None]:
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


@pytest.mark.parametrize("topics", [{TOPIC: 16}, {}])
def test_other_partitions_than_the_settings_say_are_refused(
    settings: Settings,
    on_broker: Callable[[Mapping[str, int]], None],
    topics: Mapping[str, int],
) -> None:
    """Retractions would be on partitions where the person is not."""
    on_broker(topics)
    with pytest.raises(TopicMismatchError, match=f"{TOPIC}.partitions"):
        procedure.verify_partitions(settings)
    on_broker({TOPIC: 8})
    procedure.verify_partitions(settings)


def test_states_that_an_earlier_release_kept_are_found(
    settings: Settings,
    on_broker: Callable[[Mapping[str, int]], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They name the person in topics that nobody reads any more."""
    former = "monitor-1-trainings-changelog"
    on_broker({TOPIC: 8, former: 8, "monitor-1-schools-changelog": 8, "x": 1})
    monkeypatch.setattr(procedure, "read_topics", lambda *_, **__: [])

    remains = procedure.find_remains(settings, Persons([SOMEBODY]), Traces())

    assert remains.changelogs == [former]


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
