"""Replay and discard: send records again, or give letters up, and write each outcome.

Records are sent first; their outcomes are written once the broker has acknowledged them. A command
that is killed in between has sent records without an outcome: the next one sends them again, which
changes no figure, for an event counts once. The other order could write the outcome of a record
that was never sent.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import Any, Final, TypeAlias

from broker.writing import RecordWriter
from events.cloudevent import PREFIX, decode
from events.dead_letter_content import contract_field, may_be_kept
from events.dead_letters import GATEWAY, REPLAY_ATTEMPT, REPLAY_OF, DeadLetter, Runs
from events.errors import ContractError, RefusalReason
from events.offset_runs import OffsetRuns
from events.partitioning import partition_for
from events.producers.model import UNKNOWN_PRODUCER, load_producers
from events.record_rules import RULES, RecordRules
from events.records import OutgoingRecord
from events.strict_json import read_value
from events.topics import topic_name
from gateway.admission import Admission, RefusedItem
from gateway.http_binding import ReceivedItem
from operations.dead_letters.entry import Entry
from operations.dead_letters.outcome import OutcomeKind, ReplayOutcome, outcome_to_record
from streams.clock import Clock, SystemClock
from streams.settings import Settings

#: Records sent before their outcomes are written: the most that a killed command may send twice.
CHUNK: Final = 200

RecordsOf: TypeAlias = Callable[
    [DeadLetter, Runs], Iterable[tuple[int, DeadLetter | ContractError]]
]
"""Returns the records of a letter in some runs of offsets: each offset with the letter that it
would have alone, which keeps its record, or with the error of a record that is gone."""
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


@dataclass(frozen=True, slots=True)
class ReplayDestinations:
    """Addresses replayed records to event topics of `partitions` partitions.

    A replay does not bypass the gateway: what it had refused must pass `admission` as well.
    """

    partitions: int
    admission: Callable[[DeadLetter], None]
    """Raises ContractError where the gateway would refuse a letter's event today."""
    rules: RecordRules = RULES
    now: Callable[[], datetime] = SystemClock().now
    """Approximates the broker's timestamp of the replayed record."""

    def copy_of(self, letter: DeadLetter, *, attempt: int) -> OutgoingRecord:
        """Return the record to send: the letter's, byte for byte, and the headers of a replay.

        Raises ContractError where a worker or the gateway would refuse it.
        """
        headers = (
            *letter.headers,
            (REPLAY_OF, str(letter.position).encode()),
            (REPLAY_ATTEMPT, str(attempt).encode()),
        )
        if letter.origin == GATEWAY:
            self.admission(letter)
        # With the added headers, as a worker reads it: the largest event has no room for them.
        event = decode(headers, letter.value)
        self.rules.judge(event, int(self.now().timestamp() * 1000))
        entity = event.fact.entity_id.encode()
        return OutgoingRecord(
            topic_name(event.fact.FAMILY),
            partition_for(entity, self.partitions),
            entity if letter.key is None else letter.key,
            letter.value,
            headers,
        )


#: Begins the field of an HTTP header that the gateway could not read; Kafka's begin with `ce_`.
_UNREADABLE_HEADER = "ce-"


def gateway_rules(settings: Settings, clock: Clock) -> Callable[[DeadLetter], None]:
    """Return what raises ContractError where the gateway would refuse a letter's event today.

    The rules are those of the producers declared now. Raises InvalidDeclarationError.
    """
    producers = load_producers(settings.producers)
    admission = Admission(producers, now=clock.now, rules=settings.record_rules())

    def admit(letter: DeadLetter) -> None:
        if letter.field.startswith(_UNREADABLE_HEADER):
            raise ContractError(
                RefusalReason.INVALID_ENVELOPE,
                letter.field,
                None,
                "have the producer send it again: the letter has the header only as it was read",
                problem="could not be read at the gateway",
            )
        judged = admission.judge(_item(letter), letter.producer or UNKNOWN_PRODUCER)
        if isinstance(judged, RefusedItem):
            raise judged.error
        if not may_be_kept(letter.key, letter.value, letter.headers):
            # Letters of earlier releases may keep what the gateway refuses today.
            raise ContractError(
                RefusalReason.PERSON_DATA, "value", None, "have its producer send it again"
            )

    return admit


def _item(letter: DeadLetter) -> ReceivedItem:
    """Return the item that the gateway had refused. Raises ContractError where it is no text."""
    value = letter.value or b""
    headers = tuple((name, content or b"") for name, content in letter.headers)
    try:
        read = read_value(value.decode())
    except UnicodeDecodeError:
        raise ContractError(
            RefusalReason.INVALID_JSON, "value", None, "send JSON in UTF-8", problem="is not UTF-8"
        ) from None
    content: Any = read.text if read.data is None else read.data
    attributes = {
        name.removeprefix(PREFIX): value.decode(errors="replace")
        for name, value in headers
        if name.startswith(PREFIX)
    }
    if attributes:  # The binary mode, whose envelope is in the headers.
        content = {**attributes, "data": content}
    return ReceivedItem(value, headers, content, read.defect, was_read=read.is_read)


@dataclass(kw_only=True)
class Replay:
    """Sends the records of entries again that are valid now, and writes each outcome.

    A part of the entries, and of a summary's records, is in memory at a time.
    """

    writer: RecordWriter
    destinations: ReplayDestinations
    records_of: RecordsOf
    clock: Clock
    max_attempts: int
    """An entry with so many attempts is left as it is."""
    report: Report
    """Receives what is not sent."""
    counts: ReplayCounts = field(default_factory=ReplayCounts)
    _sent: dict[int, OffsetRuns] = field(default_factory=lambda: defaultdict(OffsetRuns))
    """The offsets of the letters whose records were sent, by partition."""
    _copies: list[OutgoingRecord] = field(default_factory=list)
    _outcomes: list[OutgoingRecord] = field(default_factory=list)

    def run(self, entries: Iterable[Entry]) -> ReplayCounts:
        """Replay entries; one that comes back meanwhile is left as it is.

        Raises SmartRegionError; outcomes written before that hold.
        """
        for entry in entries:
            self._take(entry)
        self._flush()
        return self.counts

    def _take(self, entry: Entry) -> None:
        before = entry.letter.replay_of
        if before is not None and before.offset in self._sent[before.partition]:
            self.counts.came_back += entry.records
        elif (barred := entry.barred) is not None:
            # Without an outcome: it would wait again.
            self.counts.still_refused += entry.records
            self.report(entry, barred, entry.records)
        elif entry.attempts >= self.max_attempts:
            self.counts.given_up += entry.records
            self.report(entry, None, entry.records)
        else:
            self._send(entry)

    def _flush(self) -> None:
        """Write the copies, and once the broker has them, the outcomes."""
        self.writer.send(self._copies)
        self.writer.send(self._outcomes)
        self._copies, self._outcomes = [], []

    def _send(self, entry: Entry) -> None:
        """Send the records of an entry; each outcome on the way has the runs of those not sent."""
        sent = OffsetRuns()
        errors: dict[tuple[str, str], ContractError] = {}
        counts = Counter[tuple[str, str]]()
        for offset, record in self.records_of(entry.letter, entry.runs):
            try:
                self._copies.append(self._copy_of(entry, record))
            except ContractError as refusal:
                kind = str(refusal.reason), contract_field(refusal.field)
                errors.setdefault(kind, refusal.without_traceback())
                counts[kind] += 1
                continue
            sent.add(offset, offset)
            if len(self._copies) >= CHUNK and offset < entry.runs[-1][1]:
                self._note(entry, entry.attempts, sent)
                self._flush()
        self._note(entry, entry.attempts + 1, sent)
        if len(self._outcomes) >= CHUNK or len(self._copies) >= CHUNK:
            self._flush()
        self.counts.sent += len(sent)
        self.counts.still_refused += counts.total()
        if len(sent):
            position = entry.letter.position
            self._sent[position.partition].add(position.offset, position.offset)
        for kind, error in errors.items():
            self.report(entry, error, counts[kind])

    def _copy_of(self, entry: Entry, record: DeadLetter | ContractError) -> OutgoingRecord:
        """Return the copy of one of an entry's records. Raises ContractError."""
        if isinstance(record, ContractError):
            raise record
        if (barred := replace(entry, letter=record).barred) is not None:
            raise barred
        return self.destinations.copy_of(record, attempt=entry.attempts + 1)

    def _note(self, entry: Entry, attempts: int, sent: OffsetRuns) -> None:
        """Keep the outcome of an entry of which some records, or all, were sent."""
        left = tuple(sent.missing(entry.runs))
        verdict = OutcomeKind.STILL_REFUSED if left else OutcomeKind.REPLAYED
        runs = None if entry.letter.summary is None else left or None
        self._outcomes.append(
            _outcome(entry, verdict, attempts=attempts, clock=self.clock, left=runs)
        )


def discard(entries: Iterable[Entry], writer: RecordWriter, *, because: str, clock: Clock) -> int:
    """Discard entries with a reason; return how many. Raises SmartRegionError."""
    count = 0
    outcomes = (
        _outcome(
            entry,
            OutcomeKind.DISCARDED,
            attempts=entry.attempts,
            clock=clock,
            because=because,
            left=None if entry.outcome is None else entry.outcome.left,
        )
        for entry in entries
    )
    while chunk := list(islice(outcomes, CHUNK)):
        writer.send(chunk)
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
