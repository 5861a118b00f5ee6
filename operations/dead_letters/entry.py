"""A letter with what was done about it, and the account of all."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

from events.claims import Claims, claims_of
from events.errors import RefusalReason
from operations.dead_letters.outcome import OutcomeKind, ReplayOutcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    from events.dead_letters import DeadLetter

__all__ = ["Entry", "EntryStatus", "LetterCounts"]


class EntryStatus(StrEnum):
    """Where a letter stands. Every letter has exactly one."""

    WAITING = "waiting"
    REPLAYED = "replayed"
    DISCARDED = "discarded"


_STATES = {
    OutcomeKind.REPLAYED: EntryStatus.REPLAYED,
    OutcomeKind.DISCARDED: EntryStatus.DISCARDED,
    OutcomeKind.STILL_REFUSED: EntryStatus.WAITING,
}


@dataclass(frozen=True)
class Entry:
    """A dead letter and the last settlement that the ledger has of it, if any."""

    letter: DeadLetter
    outcome_record: ReplayOutcome | None = None

    @property
    def state(self) -> EntryStatus:
        """Where it stands; without a settlement it waits, unless it was let go before it came."""
        if self.outcome_record is not None:
            return _STATES[self.outcome_record.verdict]
        was_passed_over = self.letter.reason == RefusalReason.PASSED_OVER
        return EntryStatus.DISCARDED if was_passed_over else EntryStatus.WAITING

    @property
    def attempts(self) -> int:
        """How many times it was tried: before it came back as this letter, and since."""
        noted = 0 if self.outcome_record is None else self.outcome_record.attempts
        return max(self.letter.attempts, noted)

    @cached_property
    def claims(self) -> Claims:
        """What the record says of itself."""
        return claims_of(self.letter.headers, self.letter.value)


@dataclass(frozen=True, slots=True)
class LetterCounts:
    """The letters by where they stand: `letters` = `waiting` + `replayed` + `discarded`.

    `returned` are those that had been sent again and were refused again; each is a letter of its
    own, and the one it was before is among the replayed.
    """

    waiting: int
    replayed: int
    discarded: int
    returned: int

    @classmethod
    def of(cls, cases: Iterable[Entry]) -> LetterCounts:
        """Count cases."""
        states: Counter[EntryStatus] = Counter()
        returned = 0
        for case in cases:
            states[case.state] += 1
            returned += case.letter.replay_of is not None
        return cls(
            waiting=states[EntryStatus.WAITING],
            replayed=states[EntryStatus.REPLAYED],
            discarded=states[EntryStatus.DISCARDED],
            returned=returned,
        )

    @property
    def letters(self) -> int:
        """All of them."""
        return self.waiting + self.replayed + self.discarded

    def __str__(self) -> str:
        return (
            f"{self.letters} dead letters = {self.waiting} waiting + {self.replayed} replayed"
            f" + {self.discarded} discarded; {self.returned} came back after a replay"
        )
