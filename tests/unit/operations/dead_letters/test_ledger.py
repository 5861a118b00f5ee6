"""The letters joined with the ledger."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from events.dead_letters import DeadLetter, read_dead_letter
from events.records import OutgoingRecord
from operations.dead_letters.entry import Case, State
from operations.dead_letters.ledger import cases_of
from operations.dead_letters.outcome import Settlement, Verdict, settlement_record
from tests.support.letters import REFUSED_AT, arrived, refused

LETTERS = arrived([refused(), refused(), refused()])
READ = [read_dead_letter(record) for record in LETTERS]


def nobody(error: ValueError) -> None:
    """Let nobody else write on the topics."""
    raise error


def note(letter: DeadLetter, verdict: Verdict, attempts: int = 1) -> OutgoingRecord:
    """Return a line of the ledger."""
    settlement = Settlement(
        verdict=verdict, attempts=attempts, at=REFUSED_AT, refused_at=letter.time
    )
    return settlement_record(letter, settlement)


def read(letters: list[OutgoingRecord], ledger: list[OutgoingRecord]) -> list[Case]:
    """Join records; nobody else may have written them."""
    return list(cases_of(arrived(letters), arrived(ledger), on_stranger=nobody))


def test_each_letter_has_the_last_line_about_it() -> None:
    """Of several lines under one place the last counts, as after compaction."""
    ledger = [
        note(READ[0], Verdict.STILL_REFUSED),
        note(READ[2], Verdict.DISCARDED),
        note(READ[0], Verdict.REPLAYED, 2),
    ]

    cases = read([refused(), refused(), refused()], ledger)

    assert [case.state for case in cases] == [State.REPLAYED, State.WAITING, State.DISCARDED]
    assert [case.attempts for case in cases] == [2, 0, 1]


def test_a_line_about_a_letter_of_an_earlier_topic_is_not_about_this_one() -> None:
    """A topic that was deleted and made anew counts its places from the beginning."""
    before = replace(READ[0], time=REFUSED_AT - timedelta(days=100))

    (case,) = read([refused()], [note(before, Verdict.REPLAYED)])

    assert case.state is State.WAITING


def test_what_others_wrote_is_told_and_left_out() -> None:
    """On either topic; the letters are there all the same."""
    told: list[ValueError] = []
    stranger = OutgoingRecord("t", None, b"k", b"v", ())

    cases = list(
        cases_of(
            arrived([stranger, refused()]),
            arrived([stranger, note(READ[1], Verdict.REPLAYED)]),
            on_stranger=told.append,
        )
    )

    assert [case.state for case in cases] == [State.REPLAYED]
    assert len(told) == 2
