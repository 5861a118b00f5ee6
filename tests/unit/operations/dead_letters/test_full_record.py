"""The full record of a dead letter, read from a scripted reader."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from broker.errors import PositionsOutdatedError, TopicsMissingError, TopicsStalledError
from broker.stored_record import RawRecord
from events.dead_letters import DeadLetter, RefusedRecords, Runs, sizes_of
from events.errors import ContractError
from operations import records_at
from operations.dead_letters.full_record import full_records
from tests.support.letters import letter_of

WHOLE = letter_of()
SHORTENED = letter_of(
    key=None, value=b"", headers=(), shortened=sizes_of(WHOLE.key, WHOLE.value, WHOLE.headers)
)
ORIGIN = SHORTENED.origin


def record_at(offset: int, timestamp: int = 55) -> RawRecord:
    parts = WHOLE.key, WHOLE.value, WHOLE.headers
    return RawRecord(ORIGIN.topic, ORIGIN.partition, offset, *parts, timestamp=timestamp)


@dataclass
class ScriptedReader:
    """A reader of one partition, which has these records and is then at the end, or stalls."""

    polls: list[list[RawRecord]] = field(default_factory=list)
    stalls: bool = False
    error: Exception | None = None

    @property
    def caught_up(self) -> bool:
        return not self.polls and not self.stalls

    def poll(self) -> list[RawRecord]:
        if self.error is not None:
            raise self.error
        return self.polls.pop(0) if self.polls else []


def found(
    monkeypatch: pytest.MonkeyPatch, reader: ScriptedReader, letter: DeadLetter, runs: Runs
) -> dict[int, DeadLetter | ContractError]:
    @contextmanager
    def open_reader(*_: object, positions: dict[Any, int], **__: object) -> Iterator[Any]:
        assert positions == {ORIGIN[:2]: runs[0][0]}
        yield reader

    monkeypatch.setattr(records_at, "open_reader", open_reader)
    return dict(full_records(letter, runs, "localhost:1", wait_seconds=0))


def test_the_record_at_the_origin_is_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = ScriptedReader([[record_at(ORIGIN.offset)]], stalls=True)

    assert found(monkeypatch, reader, SHORTENED, SHORTENED.runs) == {ORIGIN.offset: WHOLE}
    assert found(monkeypatch, reader, WHOLE, WHOLE.runs) == {ORIGIN.offset: WHOLE}


def test_a_broker_that_returns_nothing_does_not_say_that_a_record_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The partition may be without a leader: no operator is advised to discard the dead letter."""
    with pytest.raises(TopicsStalledError, match="returned no record"):
        found(monkeypatch, ScriptedReader(stalls=True), SHORTENED, SHORTENED.runs)


@pytest.mark.parametrize(
    "reader",
    [
        ScriptedReader(),
        ScriptedReader([[record_at(ORIGIN.offset + 1)]]),
        ScriptedReader([[record_at(ORIGIN.offset, timestamp=2**42)]]),
        ScriptedReader([[]], error=PositionsOutdatedError({"smartregion.schools[3]": 1})),
        ScriptedReader([[]], error=TopicsMissingError("localhost:1", ["smartregion.schools"])),
    ],
    ids=["at the end", "another one comes first", "of another topic", "beyond the end", "deleted"],
)
def test_a_record_that_is_gone_is_a_refusal(
    monkeypatch: pytest.MonkeyPatch, reader: ScriptedReader
) -> None:
    [gone] = found(monkeypatch, reader, SHORTENED, SHORTENED.runs).values()

    assert isinstance(gone, ContractError)
    assert "is no longer at" in str(gone)


def test_the_records_of_a_summary_are_read_in_one_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of those of a topic that was created again none is returned; the first may be erased."""
    first, second, third, fourth, fifth = range(ORIGIN.offset, ORIGIN.offset + 5)
    runs = ((first, second), (fourth, fifth))
    summary = RefusedRecords(ORIGIN.topic, ORIGIN.partition, runs, (50, 60))
    letter = replace(SHORTENED, shortened={}, summary=summary)
    polls = [[record_at(second), record_at(third)], [record_at(fourth, 61), record_at(fifth)]]

    records = found(monkeypatch, ScriptedReader(polls, stalls=True), letter, runs)

    is_gone = [isinstance(one, ContractError) for one in records.values()]
    assert (list(records), is_gone) == ([first, second, fourth, fifth], [True, False, True, False])
    assert records[second] == replace(
        WHOLE, shortened={}, origin=ORIGIN._replace(offset=second), summary=None
    )
