"""The status of entries, and their counts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from events.dead_letters import LetterPosition
from operations.dead_letters.entry import Entry, LetterCounts
from operations.dead_letters.outcome import OutcomeKind
from tests.support.letters import entry_with_outcome, letter_of

VERDICTS = [None, *OutcomeKind]


def entry(verdict: OutcomeKind | None, *, again: bool = False) -> Entry:
    letter = letter_of(replay_of=LetterPosition(0, 1), attempts=1) if again else letter_of()
    return Entry(letter) if verdict is None else entry_with_outcome(letter, verdict)


def test_attempts_before_the_letter_count() -> None:
    for before, noted in ((0, 2), (2, 0), (2, 3)):
        one = entry_with_outcome(
            letter_of(attempts=before), OutcomeKind.STILL_REFUSED, attempts=noted
        )
        assert one.attempts == max(before, noted)


@given(st.lists(st.builds(entry, st.sampled_from(VERDICTS), again=st.booleans())))
def test_every_letter_is_in_one_count(entries: list[Entry]) -> None:
    counts = LetterCounts.of(entries)

    assert counts.letters == len(entries)
    assert counts.letters == counts.waiting + counts.replayed + counts.discarded
    assert counts.returned == sum(one.letter.replay_of is not None for one in entries)


def test_the_counts_reads_as_a_sum() -> None:
    assert str(LetterCounts(waiting=3, replayed=2, discarded=1, returned=1, records=480)) == (
        "6 dead letters = 3 waiting + 2 replayed + 1 discarded, of 480 refused records;"
        " 1 came back after a replay"
    )
