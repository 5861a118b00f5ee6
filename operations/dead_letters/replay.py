"""What the commands do: send letters again, or let them go, and note each in the ledger.

A copy is sent first and noted after the broker has it. A command that is killed in between has sent
what nobody noted: the next one sends it again, which changes no figure, for an event counts once
however often it comes. The other order could note what was never sent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final

from events.errors import ContractError
from operations.dead_letters.outcome import OutcomeKind, ReplayOutcome, outcome_to_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from broker.writing import RecordWriter
    from events.records import OutgoingRecord
    from operations.dead_letters.destination import ReplayDestinations
    from operations.dead_letters.entry import Entry
    from streams.clock import Clock

__all__ = ["ReplayResult", "discard", "replay"]

#: Copies sent before they are noted: what a killed command may send twice.
CHUNK: Final = 200


@dataclass(slots=True)
class ReplayResult:
    """What became of the letters that were to be sent again; each is in one of these."""

    sent: list[Entry] = field(default_factory=list)
    still_refused: list[tuple[Entry, ContractError]] = field(default_factory=list)
    """Not sent, for they would be refused as before; an attempt all the same."""
    given_up: list[Entry] = field(default_factory=list)
    """Not tried, for they had been tried often enough."""


def replay(
    cases: Iterable[Entry],
    post: RecordWriter,
    way_back: ReplayDestinations,
    *,
    clock: Clock,
    max_attempts: int,
) -> ReplayResult:
    """Send letters again that are valid now, and note what became of each.

    One that was tried `max_attempts` times is left alone. Raises NotAcknowledgedError; what was
    noted before holds.
    """
    done = ReplayResult()
    for chunk in _chunks(cases):
        copies: list[OutgoingRecord] = []
        notes: list[OutgoingRecord] = []
        for case in chunk:
            if case.attempts >= max_attempts:
                done.given_up.append(case)
                continue
            attempt = case.attempts + 1
            try:
                copies.append(way_back.copy_of(case.letter, attempt=attempt))
            except ContractError as error:
                verdict = OutcomeKind.STILL_REFUSED
                done.still_refused.append((case, error))
            else:
                verdict = OutcomeKind.REPLAYED
                done.sent.append(case)
            notes.append(_note(case, verdict, attempts=attempt, clock=clock))
        post.send(copies)
        post.send(notes)
    return done


def discard(cases: Iterable[Entry], post: RecordWriter, *, because: str, clock: Clock) -> int:
    """Let letters go, and note why; return how many. Raises NotAcknowledgedError."""
    count = 0
    for chunk in _chunks(cases):
        verdict = OutcomeKind.DISCARDED
        post.send(
            [
                _note(case, verdict, attempts=case.attempts, clock=clock, because=because)
                for case in chunk
            ]
        )
        count += len(chunk)
    return count


def _note(
    case: Entry, verdict: OutcomeKind, *, attempts: int, clock: Clock, because: str | None = None
) -> OutgoingRecord:
    outcome_record = ReplayOutcome(
        verdict=verdict,
        attempts=attempts,
        at=clock.now(),
        refused_at=case.letter.time,
        because=because,
    )
    return outcome_to_record(case.letter, outcome_record)


def _chunks(cases: Iterable[Entry]) -> Iterator[list[Entry]]:
    remaining = iter(cases)
    while chunk := list(islice(remaining, CHUNK)):
        yield chunk
