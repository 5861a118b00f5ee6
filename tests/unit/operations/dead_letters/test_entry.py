"""Where letters stand, and the account of all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.dead_letters import LetterPosition
from operations.dead_letters.entry import Entry, EntryStatus, LetterCounts
from operations.dead_letters.outcome import OutcomeKind
from tests.support.letters import letter_of, settled

VERDICTS = [None, *OutcomeKind]


def case(verdict: OutcomeKind | None, *, again: bool = False) -> Entry:
    """Return a case with a verdict or none; `again` of a letter that was a replay."""
    letter = letter_of(replay_of=LetterPosition(0, 1), attempts=1) if again else letter_of()
    return Entry(letter) if verdict is None else settled(letter, verdict)


@pytest.mark.parametrize(
    ("verdict", "state"),
    [
        (None, EntryStatus.WAITING),
        (OutcomeKind.STILL_REFUSED, EntryStatus.WAITING),
        (OutcomeKind.REPLAYED, EntryStatus.REPLAYED),
        (OutcomeKind.DISCARDED, EntryStatus.DISCARDED),
    ],
)
def test_a_letter_waits_until_it_is_sent_or_let_go(
    verdict: OutcomeKind | None, state: EntryStatus
) -> None:
    """A try that failed changes nothing about that."""
    assert case(verdict).state is state


@pytest.mark.parametrize(("before", "noted", "attempts"), [(0, 2, 2), (2, 0, 2), (2, 3, 3)])
def test_attempts_are_counted_over_a_letter_s_lives(before: int, noted: int, attempts: int) -> None:
    """What came back goes on counting where it was."""
    letter = letter_of(attempts=before)

    assert settled(letter, OutcomeKind.STILL_REFUSED, attempts=noted).attempts == attempts
    assert Entry(letter).attempts == before


@given(st.lists(st.builds(case, st.sampled_from(VERDICTS), again=st.booleans())))
def test_every_letter_is_in_one_count(cases: list[Entry]) -> None:
    """Letters in are letters out, whatever was done."""
    account = LetterCounts.of(cases)

    assert account.letters == len(cases)
    assert account.letters == account.waiting + account.replayed + account.discarded
    assert account.returned == sum(one.letter.replay_of is not None for one in cases)


def test_the_account_reads_as_a_sum() -> None:
    """For who looks at the end of a list."""
    assert str(LetterCounts(waiting=3, replayed=2, discarded=1, returned=1)) == (
        "6 dead letters = 3 waiting + 2 replayed + 1 discarded; 1 came back after a replay"
    )
