"""What is sent, which outcomes are written, and in which order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.writing import RecordWriter
from events.dead_letters import DeadLetter, LetterPosition, RefusedRecords
from events.errors import ContractError, RefusalReason
from events.topics import DEAD_LETTER_OUTCOMES
from operations.dead_letters.entry import Entry
from operations.dead_letters.outcome import ERASED, OutcomeKind, ReplayOutcome, read_outcome
from operations.dead_letters.replay import CHUNK, Replay, ReplayCounts, ReplayDestinations
from streams.clock import FixedClock
from streams.decisions import Skip
from tests.support.letters import (
    REFUSED_AT,
    BrokerGoneError,
    FakeWriter,
    arrived,
    letter_of,
)

CLOCK = FixedClock(date(2020, 12, 31))
VALID = letter_of(position=1)
BROKEN = letter_of(position=2, value=b"{}")


def admit(letter: DeadLetter) -> None:
    """Admit every letter."""


DESTINATIONS = ReplayDestinations(3, admit)


def planted(
    letter: DeadLetter, runs: Sequence[tuple[int, int]]
) -> Iterator[tuple[int, DeadLetter | ContractError]]:
    """Yield a summary's records: valid at even offsets, broken at odd ones, gone from 900 on."""
    if letter.summary is None:
        yield letter.origin.offset, letter
        return
    for offset in (one for first, last in runs for one in range(first, last + 1)):
        record = BROKEN if offset % 2 else VALID
        gone = ContractError(RefusalReason.NULL_VALUE, "value", None, "send it again")
        origin = letter.origin._replace(offset=offset)
        yield (
            offset,
            gone
            if offset >= 900
            else replace(
                letter, origin=origin, value=record.value, headers=record.headers, summary=None
            ),
        )


Errors = list[ContractError | None]


def replayed(
    writer: RecordWriter, entries: Iterable[Entry], errors: Errors | None = None
) -> ReplayCounts:
    """Replay entries to a writer; `errors` gets why those that are not sent are refused."""
    found = [] if errors is None else errors
    return Replay(
        writer=writer,
        destinations=DESTINATIONS,
        records_of=planted,
        clock=CLOCK,
        max_attempts=3,
        report=lambda _, error, __: found.append(error),
    ).run(entries)


def summary_of(*runs: tuple[int, int]) -> DeadLetter:
    return letter_of(
        position=1,
        key=None,
        value=b"",
        headers=(),
        summary=RefusedRecords("smartregion.schools", 3, runs, (0, 0)),
    )


def outcomes_of(writer: FakeWriter) -> dict[str, ReplayOutcome]:
    lines = [one for sent in writer.sent for one in sent if one.topic == DEAD_LETTER_OUTCOMES]
    return {str(position): outcome for position, outcome in map(read_outcome, arrived(lines))}


def is_replayed(outcome: ReplayOutcome) -> bool:
    return (outcome.verdict, outcome.attempts) == (OutcomeKind.REPLAYED, 1)


class TestReplay:
    def test_sends_a_record_and_then_writes_its_outcome(self) -> None:
        """The other order could write the outcome of a record that was never sent."""
        writer = FakeWriter()

        result = replayed(writer, [Entry(VALID)])

        copies, outcomes = writer.sent
        assert [copy.topic for copy in copies] == ["smartregion.schools"]
        assert [outcome.topic for outcome in outcomes] == [DEAD_LETTER_OUTCOMES]
        assert result == ReplayCounts(sent=1)
        assert is_replayed(outcomes_of(writer)["0/1"])

    @pytest.mark.parametrize(
        ("because", "decision", "why"),
        [
            (None, Skip(at=REFUSED_AT, because="it kills"), "passed_over"),
            (ERASED, None, "person_data"),
        ],
    )
    def test_never_sends_what_was_passed_over_or_erased(
        self, because: str | None, decision: Skip | None, why: str
    ) -> None:
        """The copy would end every worker, or bring a person back; the letter stays discarded."""
        writer = FakeWriter()
        outcome = ReplayOutcome(
            verdict=OutcomeKind.DISCARDED,
            attempts=0,
            at=REFUSED_AT,
            refused_at=VALID.time,
            because=because,
        )
        errors: Errors = []
        entry = Entry(VALID, outcome, {VALID.origin: decision} if decision else {})

        assert replayed(writer, [entry], errors) == ReplayCounts(still_refused=1)
        assert [error and error.reason for error in errors] == [why]
        assert not any(writer.sent)

    def test_leaves_what_comes_back_meanwhile(self) -> None:
        """A worker of the former release refuses it again, before all are read."""
        writer = FakeWriter()
        came_back = letter_of(position=9, attempts=1, replay_of=LetterPosition(0, 1))

        counts = ReplayCounts(sent=1, came_back=1)
        assert replayed(writer, [Entry(VALID), Entry(came_back)]) == counts
        assert [*map(is_replayed, outcomes_of(writer).values())] == [True]
        assert replayed(FakeWriter(), [Entry(came_back)]) == ReplayCounts(sent=1)

    def test_reads_no_more_than_it_sends(self) -> None:
        """A bad deploy leaves millions of letters, which fit into no memory."""
        writer, read = FakeWriter(), count()

        def entries() -> Iterator[Entry]:
            for offset in range(3 * CHUNK):
                assert next(read) <= len(outcomes_of(writer)) + CHUNK
                yield Entry(letter_of(position=offset))

        replayed(writer, entries())

        assert len(outcomes_of(writer)) == 3 * CHUNK


class TestSummary:
    def test_sends_those_that_are_valid_and_keeps_the_others_waiting(self) -> None:
        writer = FakeWriter()
        errors: Errors = []
        entry = Entry(summary_of((0, 9), (20, 29)))

        counts = replayed(writer, [entry], errors)

        assert counts == ReplayCounts(sent=10, still_refused=10)
        assert [error and error.field for error in errors] == ["value"]
        [outcome] = outcomes_of(writer).values()
        assert (outcome.verdict, outcome.attempts) == (OutcomeKind.STILL_REFUSED, 1)
        assert outcome.left == tuple((one, one) for one in (*range(1, 10, 2), *range(21, 30, 2)))
        again = replayed(FakeWriter(), [replace(entry, outcome=outcome)])
        assert again == ReplayCounts(still_refused=10)

    def test_a_record_that_is_gone_waits_for_its_producer(self) -> None:
        """Raw topics are kept, but an erasure deletes what they have of a person."""
        errors: Errors = []

        counts = replayed(FakeWriter(), [Entry(summary_of((900, 999)))], errors)

        assert counts == ReplayCounts(still_refused=100)
        assert len(errors) == 1

    def test_never_sends_a_record_that_was_passed_over(self) -> None:
        decision = Skip(at=REFUSED_AT, because="it kills")
        letter = summary_of((0, 0), (2, 2))
        decided = {letter.origin._replace(offset=2): decision}

        counts = replayed(FakeWriter(), [Entry(letter, None, decided)])
        assert counts == ReplayCounts(sent=1, still_refused=1)

    @given(st.integers(0, 900), st.integers(0, 8))
    def test_sends_at_most_a_chunk_twice_wherever_it_is_killed(
        self, records: int, failures: int
    ) -> None:
        letter = summary_of(*((one, one) for one in range(0, 2 * records + 2, 2) if one < 900))
        writer = FakeWriter(failures * 100 + 50)
        with suppress(BrokerGoneError):
            replayed(writer, [Entry(letter)])
        known = [one for one in writer.taken if one.topic == DEAD_LETTER_OUTCOMES]
        outcome = read_outcome(arrived(known)[-1])[1] if known else None
        left = Entry(letter, outcome).records if outcome is None or outcome.left else 0

        assert letter.summary is not None
        assert 0 <= len(writer.taken) - len(known) - (letter.summary.count - left) <= CHUNK
