"""Replay and discard: send records again, or give letters up, and write each outcome.

Records are sent first; their outcomes are written once the broker has acknowledged them. A command
that is killed in between has sent records without an outcome: the next one sends them again, which
changes no figure, for an event counts once. The other order could write the outcome of a record
that was never sent.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Final, TypeAlias

from broker.writing import RecordWriter
from events.dead_letter_content import contract_field
from events.dead_letters import DeadLetter, Runs
from events.errors import ContractError
from events.offset_runs import OffsetRuns
from events.records import OutgoingRecord
from operations.dead_letters.destination import ReplayDestinations
from operations.dead_letters.entry import Entry
from operations.dead_letters.outcome import OutcomeKind, ReplayOutcome, outcome_to_record
from streams.clock import Clock

#: Records sent before their outcomes are written: the most that a killed command may send twice.
CHUNK: Final = 200

RecordsOf: TypeAlias = Callable[
    [DeadLetter, Runs], Iterable[tuple[int, DeadLetter | ContractError]]
]
"""Returns the records of a summary in some runs of offsets: each offset with the letter that it
would have alone, or with the error of a record that is gone."""
Report: TypeAlias = Callable[[Entry, ContractError | None, int], None]
"""Receives an entry, why so many of its records are not sent (None: its attempts were used up),
and their number."""


@dataclass(slots=True)
class ReplayCounts:
    """What became of the records of the entries that were to be replayed."""

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
    records_of: RecordsOf,
    clock: Clock,
    max_attempts: int,
    report: Report,
) -> ReplayCounts:
    """Send the records of entries again that are valid now, and write each outcome.

    `records_of` reads the records of a summary. A part of the entries, and of a summary's records,
    is in memory at a time. An entry with `max_attempts` attempts is left as it is, and so is one
    that came back while they are replayed. `report` receives what is not sent. Raises
    NotAcknowledgedError; outcomes written before that hold.
    """
    run = _Replay(writer, destinations, records_of, clock, max_attempts, report)
    for entry in entries:
        run.take(entry)
    run.flush()
    return run.counts


@dataclass
class _Replay:
    """One replay: its counts, and the records and outcomes that are not written yet."""

    writer: RecordWriter
    destinations: ReplayDestinations
    records_of: RecordsOf
    clock: Clock
    max_attempts: int
    report: Report
    counts: ReplayCounts = field(default_factory=ReplayCounts)
    sent: dict[int, OffsetRuns] = field(default_factory=lambda: defaultdict(OffsetRuns))
    """The offsets of the letters whose records were sent, by partition."""
    copies: list[OutgoingRecord] = field(default_factory=list)
    outcomes: list[OutgoingRecord] = field(default_factory=list)

    def take(self, entry: Entry) -> None:
        """Replay an entry; `flush` writes the last copies and outcomes."""
        before = entry.letter.replay_of
        if before is not None and before.offset in self.sent[before.partition]:
            self.counts.came_back += entry.records
        elif (barred := entry.barred) is not None:
            # Without an outcome: it would wait again.
            self.counts.still_refused += entry.records
            self.report(entry, barred, entry.records)
        elif entry.attempts >= self.max_attempts:
            self.counts.given_up += entry.records
            self.report(entry, None, entry.records)
        elif entry.letter.summary is None:
            self._take_single(entry)
        else:
            self._take_summary(entry)

    def flush(self) -> None:
        """Write the copies, and once the broker has them, the outcomes."""
        self.writer.send(self.copies)
        self.writer.send(self.outcomes)
        self.copies, self.outcomes = [], []

    def _take_single(self, entry: Entry) -> None:
        attempt = entry.attempts + 1
        try:
            self._copy(entry, attempt)
        except ContractError as error:
            verdict = OutcomeKind.STILL_REFUSED
            self.counts.still_refused += 1
            self.report(entry, error, 1)
        else:
            verdict = OutcomeKind.REPLAYED
        self.outcomes.append(_outcome(entry, verdict, attempts=attempt, clock=self.clock))
        if len(self.outcomes) == CHUNK:
            self.flush()

    def _take_summary(self, entry: Entry) -> None:
        """Replay a summary's records; each outcome on the way has the runs of those not sent."""
        attempt = entry.attempts + 1
        refused = OffsetRuns()
        errors: dict[tuple[str, str], ContractError] = {}
        counts = Counter[tuple[str, str]]()
        for offset, record in self.records_of(entry.letter, entry.runs):
            try:
                if isinstance(record, ContractError):
                    raise record
                part = replace(entry, letter=record)
                if (barred := part.barred) is not None:
                    raise barred
                self._copy(part, attempt)
            except ContractError as refusal:
                refused.add(offset, offset)
                kind = str(refusal.reason), contract_field(refusal.field)
                errors.setdefault(kind, refusal.without_traceback())
                counts[kind] += 1
            if len(self.copies) >= CHUNK:
                left = OffsetRuns.of(refused.runs)
                for first, last in entry.runs:
                    if last > offset:
                        left.add(max(first, offset + 1), last)
                self.outcomes.append(self._outcome_of(entry, entry.attempts, left))
                self.flush()
        self.outcomes.append(self._outcome_of(entry, attempt, refused))
        self.flush()
        self.counts.still_refused += len(refused)
        for kind, error in errors.items():
            self.report(entry, error, counts[kind])

    def _copy(self, entry: Entry, attempt: int) -> None:
        self.copies.append(self.destinations.copy_of(entry.letter, attempt=attempt))
        self.counts.sent += 1
        position = entry.letter.position
        self.sent[position.partition].add(position.offset, position.offset)

    def _outcome_of(self, entry: Entry, attempts: int, left: OffsetRuns) -> OutgoingRecord:
        """Return the outcome of a summary of which some records, or none, are left."""
        verdict = OutcomeKind.STILL_REFUSED if len(left) else OutcomeKind.REPLAYED
        return _outcome(entry, verdict, attempts=attempts, clock=self.clock, left=left.runs or None)


def discard(entries: Iterable[Entry], writer: RecordWriter, *, because: str, clock: Clock) -> int:
    """Discard entries with a reason; return how many. Raises NotAcknowledgedError."""
    count = 0
    for chunk in _chunks(entries):
        verdict = OutcomeKind.DISCARDED
        writer.send(
            [
                _outcome(
                    entry,
                    verdict,
                    attempts=entry.attempts,
                    clock=clock,
                    because=because,
                    left=None if entry.outcome is None else entry.outcome.left,
                )
                for entry in chunk
            ]
        )
        count += len(chunk)
    return count


def _outcome(
    entry: Entry,
    verdict: OutcomeKind,
    *,
    attempts: int,
    clock: Clock,
    because: str | None = None,
    left: Runs | None = None,
) -> OutgoingRecord:
    outcome = ReplayOutcome(
        verdict=verdict,
        attempts=attempts,
        at=clock.now(),
        refused_at=entry.letter.time,
        because=because,
        left=left,
        records=entry.letter.records,
    )
    return outcome_to_record(entry.letter, outcome)


def _chunks(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    remaining = iter(entries)
    while chunk := list(islice(remaining, CHUNK)):
        yield chunk
