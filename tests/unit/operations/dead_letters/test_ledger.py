"""The letters joined with the ledger."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from events.dead_letters import DeadLetter, read_dead_letter
from events.records import OutgoingRecord
from operations.dead_letters.entry import Entry, EntryStatus
from operations.dead_letters.ledger import cases_of
from operations.dead_letters.outcome import OutcomeKind, ReplayOutcome, outcome_to_record
from tests.support.letters import REFUSED_AT, arrived, refused

LETTERS = arrived([refused(), refused(), refused()])
READ = [read_dead_letter(record) for record in LETTERS]


def nobody(error: ValueError) -> None:
    """Let nobody else write on the topics."""
    raise error


def note(letter: DeadLetter, verdict: OutcomeKind, attempts: int = 1) -> OutgoingRecord:
    """Return a line of the ledger."""
    outcome_record = ReplayOutcome(
        verdict=verdict, attempts=attempts, at=REFUSED_AT, refused_at=letter.time
    )
    return outcome_to_record(letter, outcome_record)


def read(letters: list[OutgoingRecord], ledger: list[OutgoingRecord]) -> list[Entry]:
    """Join records; nobody else may have written them."""
    return list(cases_of(arrived(letters), arrived(ledger), on_stranger=nobody))


def test_each_letter_has_the_last_line_about_it() -> None:
    """Of several lines under one place the last counts, as after compaction."""
    ledger = [
        note(READ[0], OutcomeKind.STILL_REFUSED),
        note(READ[2], OutcomeKind.DISCARDED),
        note(READ[0], OutcomeKind.REPLAYED, 2),
    ]

    cases = read([refused(), refused(), refused()], ledger)

    assert [case.state for case in cases] == [
        EntryStatus.REPLAYED,
        EntryStatus.WAITING,
        EntryStatus.DISCARDED,
    ]
    assert [case.attempts for case in cases] == [2, 0, 1]


def test_a_line_about_a_letter_of_an_earlier_topic_is_not_about_this_one() -> None:
    """A topic that was deleted and made anew counts its places from the beginning."""
    before = replace(READ[0], time=REFUSED_AT - timedelta(days=100))

    (case,) = read([refused()], [note(before, OutcomeKind.REPLAYED)])

    assert case.state is EntryStatus.WAITING


def test_what_others_wrote_is_told_and_left_out() -> None:
    """On either topic; the letters are there all the same."""
    told: list[ValueError] = []
    stranger = OutgoingRecord("t", None, b"k", b"v", ())

    cases = list(
        cases_of(
            arrived([stranger, refused()]),
            arrived([stranger, note(READ[1], OutcomeKind.REPLAYED)]),
            on_stranger=told.append,
        )
    )

    assert [case.state for case in cases] == [EntryStatus.REPLAYED]
    assert len(told) == 2
