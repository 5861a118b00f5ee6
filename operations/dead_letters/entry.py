"""A dead letter with its last outcome, and the counts of all entries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from events.claims import Claims, claims_of
from events.dead_letters import DeadLetter
from events.errors import RefusalReason
from operations.dead_letters.outcome import OutcomeKind, ReplayOutcome

__all__ = ["Entry", "EntryStatus", "LetterCounts"]


class EntryStatus(StrEnum):
    """The status of an entry; each has exactly one."""

    WAITING = "waiting"
    REPLAYED = "replayed"
    DISCARDED = "discarded"


_STATUSES = {
    OutcomeKind.REPLAYED: EntryStatus.REPLAYED,
    OutcomeKind.DISCARDED: EntryStatus.DISCARDED,
    OutcomeKind.STILL_REFUSED: EntryStatus.WAITING,
}


@dataclass(frozen=True)
class Entry:
    """A dead letter and its last outcome in the ledger; None: it has none."""

    letter: DeadLetter
    outcome: ReplayOutcome | None = None

    @property
    def status(self) -> EntryStatus:
        """Without an outcome an entry waits; that of a passed-over record is discarded."""
        if self.outcome is not None:
            return _STATUSES[self.outcome.verdict]
        was_passed_over = self.letter.reason == RefusalReason.PASSED_OVER
        return EntryStatus.DISCARDED if was_passed_over else EntryStatus.WAITING

    @property
    def attempts(self) -> int:
        """The number of replays attempted, those before the record became this letter included."""
        noted = 0 if self.outcome is None else self.outcome.attempts
        return max(self.letter.attempts, noted)

    @cached_property
    def claims(self) -> Claims:
        """The source, type and id that the record states."""
        return claims_of(self.letter.headers, self.letter.value)


@dataclass(frozen=True, slots=True)
class LetterCounts:
    """The letters by status: `letters` = `waiting` + `replayed` + `discarded`.

    `returned` are letters of replayed records that were refused again. Each is a letter of its own;
    the letter before it counts as replayed.
    """

    waiting: int
    replayed: int
    discarded: int
    returned: int

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> LetterCounts:
        """Count entries."""
        statuses: Counter[EntryStatus] = Counter()
        returned = 0
        for entry in entries:
            statuses[entry.status] += 1
            returned += entry.letter.replay_of is not None
        return cls(
            waiting=statuses[EntryStatus.WAITING],
            replayed=statuses[EntryStatus.REPLAYED],
            discarded=statuses[EntryStatus.DISCARDED],
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
