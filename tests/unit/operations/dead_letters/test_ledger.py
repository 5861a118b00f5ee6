"""The letters joined with the ledger."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from events.dead_letters import DeadLetter, read_dead_letter
from events.records import OutgoingRecord
from operations.dead_letters.entry import Entry, EntryStatus
from operations.dead_letters.ledger import join_entries
from operations.dead_letters.outcome import OutcomeKind, ReplayOutcome, outcome_to_record
from tests.support.letters import REFUSED_AT, arrived, refused

LETTERS = arrived([refused(), refused(), refused()])
READ = [read_dead_letter(record) for record in LETTERS]


def nobody(error: ValueError) -> None:
    """Let nobody else write on the topics."""
    raise error


def note(letter: DeadLetter, verdict: OutcomeKind, attempts: int = 1) -> OutgoingRecord:
    """Return a line of the ledger."""
    outcome = ReplayOutcome(
        verdict=verdict, attempts=attempts, at=REFUSED_AT, refused_at=letter.time
    )
    return outcome_to_record(letter, outcome)


def read(letters: list[OutgoingRecord], ledger: list[OutgoingRecord]) -> list[Entry]:
    """Join records; nobody else may have written them."""
    return list(join_entries(arrived(letters), arrived(ledger), on_foreign_record=nobody))


def test_each_letter_has_the_last_line_about_it() -> None:
    """Of several lines under one place the last counts, as after compaction."""
    ledger = [
        note(READ[0], OutcomeKind.STILL_REFUSED),
        note(READ[2], OutcomeKind.DISCARDED),
        note(READ[0], OutcomeKind.REPLAYED, 2),
    ]

    entries = read([refused(), refused(), refused()], ledger)

    assert [entry.status for entry in entries] == [
        EntryStatus.REPLAYED,
        EntryStatus.WAITING,
        EntryStatus.DISCARDED,
    ]
    assert [entry.attempts for entry in entries] == [2, 0, 1]


def test_a_line_about_a_letter_of_an_earlier_topic_is_not_about_this_one() -> None:
    """A topic that was deleted and made anew counts its positions from the beginning."""
    before = replace(READ[0], time=REFUSED_AT - timedelta(days=100))

    (entry,) = read([refused()], [note(before, OutcomeKind.REPLAYED)])

    assert entry.status is EntryStatus.WAITING


def test_what_others_wrote_is_told_and_left_out() -> None:
    """On either topic; the letters are there all the same."""
    told: list[ValueError] = []
    stranger = OutgoingRecord("t", None, b"k", b"v", ())

    entries = list(
        join_entries(
            arrived([stranger, refused()]),
            arrived([stranger, note(READ[1], OutcomeKind.REPLAYED)]),
            on_foreign_record=told.append,
        )
    )

    assert [entry.status for entry in entries] == [EntryStatus.REPLAYED]
    assert len(told) == 2
