"""Replay and discard: send records again, or give letters up, and write each outcome.

Records are sent first; their outcomes are written once the broker has acknowledged them. A command
that is killed in between has sent records without an outcome: the next one sends them again, which
changes no figure, for an event counts once. The other order could write the outcome of a record
that was never sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from broker.writing import RecordWriter
from events.dead_letters import LetterPosition
from events.errors import ContractError
from events.records import OutgoingRecord
from operations.dead_letters.destination import ReplayDestinations
from operations.dead_letters.entry import Entry
from operations.dead_letters.outcome import OutcomeKind, ReplayOutcome, outcome_to_record
from streams.clock import Clock

__all__ = ["ReplayCounts", "discard", "replay"]

#: Records sent before their outcomes are written: the most that a killed command may send twice.
CHUNK: Final = 200


@dataclass(slots=True)
class ReplayCounts:
    """What became of the entries that were to be replayed."""

    sent: int = 0
    still_refused: int = 0
    """Not sent: they would be refused as before, counted as an attempt, or no replay may send them.
    """
    given_up: int = 0
    """Not attempted, since the attempts were used up."""
    came_back: int = 0
    """Refused again while the others were replayed: they wait for the next replay."""


def replay(
    entries: Iterable[Entry],
    writer: RecordWriter,
    destinations: ReplayDestinations,
    *,
    clock: Clock,
    max_attempts: int,
    report: Callable[[Entry, ContractError | None], None],
) -> ReplayCounts:
    """Send the records of entries again that are valid now, and write each outcome.

    A part of the entries is in memory at a time. One with `max_attempts` attempts is left as it is,
    and so is one that came back while they are replayed. `report` is told of each that is not sent:
    why, or None where its attempts were used up. Raises NotAcknowledgedError; outcomes written
    before that hold.
    """
    counts = ReplayCounts()
    sent = set[LetterPosition]()
    for chunk in _chunks(entries):
        copies: list[OutgoingRecord] = []
        outcomes: list[OutgoingRecord] = []
        for entry in chunk:
            if entry.letter.replay_of in sent:
                counts.came_back += 1
                continue
            if (barred := entry.barred) is not None:
                # Without an outcome: it would wait again.
                counts.still_refused += 1
                report(entry, barred)
                continue
            if entry.attempts >= max_attempts:
                counts.given_up += 1
                report(entry, None)
                continue
            attempt = entry.attempts + 1
            try:
                copies.append(destinations.copy_of(entry.letter, attempt=attempt))
            except ContractError as error:
                verdict = OutcomeKind.STILL_REFUSED
                counts.still_refused += 1
                report(entry, error)
            else:
                verdict = OutcomeKind.REPLAYED
                counts.sent += 1
                sent.add(entry.letter.position)
            outcomes.append(_outcome(entry, verdict, attempts=attempt, clock=clock))
        writer.send(copies)
        writer.send(outcomes)
    return counts


def discard(entries: Iterable[Entry], writer: RecordWriter, *, because: str, clock: Clock) -> int:
    """Discard entries with a reason; return how many. Raises NotAcknowledgedError."""
    count = 0
    for chunk in _chunks(entries):
        verdict = OutcomeKind.DISCARDED
        writer.send(
            [
                _outcome(entry, verdict, attempts=entry.attempts, clock=clock, because=because)
                for entry in chunk
            ]
        )
        count += len(chunk)
    return count


def _outcome(
    entry: Entry, verdict: OutcomeKind, *, attempts: int, clock: Clock, because: str | None = None
) -> OutgoingRecord:
    outcome = ReplayOutcome(
        verdict=verdict,
        attempts=attempts,
        at=clock.now(),
        refused_at=entry.letter.time,
        because=because,
    )
    return outcome_to_record(entry.letter, outcome)


def _chunks(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    remaining = iter(entries)
    while chunk := list(islice(remaining, CHUNK)):
        yield chunk
