"""What is sent, what is noted, and in which order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.dead_letters import REPLAY_OF, DeadLetter, LetterPosition
from events.records import OutgoingRecord
from events.topics import DEAD_LETTER_OUTCOMES
from operations.dead_letters.destination import ReplayDestinations
from operations.dead_letters.entry import Entry, EntryStatus, LetterCounts
from operations.dead_letters.ledger import cases_of
from operations.dead_letters.outcome import OutcomeKind, read_outcome
from operations.dead_letters.replay import CHUNK, ReplayResult, discard, replay
from streams.clock import FixedClock
from tests.support.letters import FakePost, arrived, letter_of, refused, settled, valid_event

CLOCK = FixedClock(date(2020, 12, 31))
VALID = letter_of(place=1)
BROKEN = letter_of(place=2, value=b"{}")


class BrokerGoneError(Exception):
    """The end of a post that a test asked for."""


def everybody(letter: DeadLetter) -> None:
    """Let every letter pass the gateway."""


def nobody(error: ValueError) -> None:
    """Let nobody else write on the topics."""
    raise error


WAY_BACK = ReplayDestinations(3, everybody, lambda letter: letter)


def replayed(post: FakePost, *cases: Entry, max_attempts: int = 3) -> ReplayResult:
    """Replay cases."""
    return replay(cases, post, WAY_BACK, clock=CLOCK, max_attempts=max_attempts)


def noted(post: FakePost) -> dict[str, tuple[OutcomeKind, int]]:
    """Return what was noted: the verdict and the attempts of each letter."""
    lines = [one for sent in post.sent for one in sent if one.topic == DEAD_LETTER_OUTCOMES]
    return {
        str(place): (line.verdict, line.attempts)
        for place, line in map(read_outcome, arrived(lines))
    }


class TestReplay:
    """Sending again what is valid by now."""

    def test_sends_a_copy_and_then_notes_it(self) -> None:
        """The other order could note what was never sent."""
        post = FakePost()

        done = replayed(post, Entry(VALID))

        copies, notes = post.sent
        assert [copy.topic for copy in copies] == ["smartregion.schools"]
        assert [note.topic for note in notes] == [DEAD_LETTER_OUTCOMES]
        assert [case.letter for case in done.sent] == [VALID]
        assert noted(post) == {"0/1": (OutcomeKind.REPLAYED, 1)}

    def test_does_not_send_what_would_be_refused_as_before(self) -> None:
        """It is noted as a try, with today's reason for who asks."""
        post = FakePost()

        done = replayed(post, Entry(BROKEN))

        assert post.sent[0] == []
        assert noted(post) == {"0/2": (OutcomeKind.STILL_REFUSED, 1)}
        assert [(case.letter, error.field) for case, error in done.still_refused] == [
            (BROKEN, "value")
        ]

    @pytest.mark.parametrize("letter", [VALID, BROKEN])
    def test_stops_at_the_declared_number(self, letter: DeadLetter) -> None:
        """Neither sent nor noted: nothing was tried."""
        post = FakePost()
        case = settled(letter, OutcomeKind.STILL_REFUSED, attempts=3)

        done = replayed(post, case)

        assert done.given_up == [case]
        assert not any(post.sent)
        assert replayed(post, case, max_attempts=4).given_up == []

    def test_counts_on_from_a_letter_s_earlier_life(self) -> None:
        """The copy says so, and so does the note."""
        post = FakePost()

        replayed(post, Entry(letter_of(place=1, attempts=1, replay_of=LetterPosition(0, 0))))

        assert dict(post.sent[0][0].headers)["smartregion-replay-attempt"] == b"2"
        assert noted(post) == {"0/1": (OutcomeKind.REPLAYED, 2)}

    def test_sends_few_letters_before_it_notes_them(self) -> None:
        """What a killed command may send twice has a bound."""
        post = FakePost()

        replayed(post, *(Entry(letter_of(place=place)) for place in range(2 * CHUNK + 1)))

        assert [len(sent) for sent in post.sent] == [CHUNK, CHUNK, CHUNK, CHUNK, 1, 1]


class TestDiscard:
    """Letting letters go."""

    def test_notes_why_and_keeps_the_attempts(self) -> None:
        """Nothing is sent anywhere else."""
        post = FakePost()
        case = settled(BROKEN, OutcomeKind.STILL_REFUSED, attempts=2)

        assert discard([case], post, because="essai", clock=CLOCK) == 1

        ((line,),) = post.sent
        assert noted(post) == {"0/2": (OutcomeKind.DISCARDED, 2)}
        assert read_outcome(arrived([line])[0])[1].because == "essai"


@dataclass
class MortalPost:
    """Takes so many records, and then no more: what it took is there all the same."""

    left: int
    taken: list[OutgoingRecord] = field(default_factory=list)

    def send(self, records: Sequence[OutgoingRecord]) -> None:
        """Take a part, and end where it is only that."""
        part = records[: self.left]
        self.taken += part
        self.left -= len(part)
        if len(part) < len(records):
            raise BrokerGoneError


@given(
    valid=st.lists(st.booleans(), min_size=1, max_size=30),
    backoff=st.lists(st.integers(0, 40), max_size=4),
)
def test_letters_in_are_letters_out_wherever_a_replay_ends(
    valid: list[bool], backoff: list[int]
) -> None:
    """Each is in one count, what is noted was sent, and the last replay sends the rest."""
    letters = arrived(
        [
            refused(value=letter_of(valid_event()).value, headers=letter_of().headers)
            if is_valid
            else refused(value=b"{}")
            for is_valid in valid
        ]
    )
    ledger: list[OutgoingRecord] = []
    copies: Counter[bytes | None] = Counter()

    def cases() -> list[Entry]:
        return list(cases_of(letters, arrived(ledger), on_stranger=nobody))

    for life in [*backoff, 10**6]:
        post = MortalPost(life)
        try:
            waiting = [case for case in cases() if case.state is EntryStatus.WAITING]
            replay(waiting, post, WAY_BACK, clock=CLOCK, max_attempts=99)
        except BrokerGoneError:
            pass
        for record in post.taken:
            if record.topic == DEAD_LETTER_OUTCOMES:
                ledger.append(record)
            else:
                copies[dict(record.headers)[REPLAY_OF]] += 1
        found = cases()
        assert LetterCounts.of(found).letters == len(valid)
        sent = {
            str(case.letter.place).encode() for case in found if case.state is EntryStatus.REPLAYED
        }
        assert sent <= copies.keys()

    account = LetterCounts.of(cases())
    assert (account.replayed, account.waiting) == (sum(valid), len(valid) - sum(valid))
    assert len(copies) == sum(valid)
