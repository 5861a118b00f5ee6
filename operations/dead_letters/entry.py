"""A dead letter with its last outcome: the selection and the counts of such entries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from functools import cached_property

from boundary.diagnostic import choose, shown
from boundary.errors import SmartRegionError
from events.claims import Claims, claims_of, trace_of
from events.dead_letters import DeadLetter, LetterPosition, RecordOrigin, Runs
from events.errors import ContractError, RefusalReason
from events.fact import TYPE_PREFIX
from events.offset_runs import offsets_in
from events.registry import FACTS, FACTS_BY_NAME
from events.trace_context import TraceContext
from operations.dead_letters.outcome import ERASED, OutcomeKind, ReplayOutcome
from streams.decisions import Skip, refusal_of


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
    decisions: Mapping[RecordOrigin, Skip] = field(default_factory=dict)
    """The decisions that have every reader refuse records unread, of this letter or of others."""

    @property
    def status(self) -> EntryStatus:
        """Without an outcome an entry waits; that of a skipped record is discarded."""
        if self.outcome is not None:
            return _STATUSES[self.outcome.verdict]
        was_skipped = self.letter.reason == RefusalReason.PASSED_OVER or (
            self.letter.summary is None and self.letter.origin in self.decisions
        )
        return EntryStatus.DISCARDED if was_skipped else EntryStatus.WAITING

    @property
    def is_erased(self) -> bool:
        """True where an erasure has discarded it: it names a person."""
        return self.outcome is not None and self.outcome.because == ERASED

    @property
    def runs(self) -> Runs:
        """The runs of offsets of its records; of a summary's, those that no replay has sent."""
        if self.outcome is not None and self.outcome.left is not None:
            return self.outcome.left
        return self.letter.runs

    @property
    def records(self) -> int:
        """The number of these; 1 unless it is a summary."""
        return offsets_in(self.runs)

    @property
    def barred(self) -> ContractError | None:
        """The error that forbids replaying the record; None if a replay may send it.

        A copy would have another offset, which no decision names: workers would read it. Of a
        summary, ask this for each record.
        """
        if self.letter.summary is None and (decision := self.decisions.get(self.letter.origin)):
            return refusal_of(decision)
        if self.is_erased:
            remedy = "nothing: an erasure has discarded it"
            return ContractError(
                RefusalReason.PERSON_DATA, "value", None, remedy, problem="names an erased person"
            )
        return None

    @property
    def attempts(self) -> int:
        """The number of replays attempted, those before the record became this letter included."""
        noted = 0 if self.outcome is None else self.outcome.attempts
        return max(self.letter.attempts, noted)

    @cached_property
    def claims(self) -> Claims:
        """The source, type and id that the record states."""
        return claims_of(self.letter.headers, self.letter.value)

    @cached_property
    def trace(self) -> TraceContext | None:
        """The trace context of its record; None if it had none, or is a summary."""
        return trace_of(self.letter.headers, self.letter.value)


@dataclass(frozen=True, slots=True)
class LetterCounts:
    """The letters by status: `letters` = `waiting` + `replayed` + `discarded`.

    `returned` are letters of replayed records that were refused again. Each is a letter of its own;
    the letter before it counts as replayed. `records` are the refused records of all of them.
    """

    waiting: int
    replayed: int
    discarded: int
    returned: int
    records: int = field(default=0, compare=False)

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> LetterCounts:
        """Count entries."""
        counts = Counter[str]()
        for entry in entries:
            counts[entry.status] += 1
            counts["returned"] += entry.letter.replay_of is not None
            counts["records"] += offsets_in(entry.letter.runs)
        return cls(**{one.name: counts[one.name] for one in fields(cls)})

    @property
    def letters(self) -> int:
        """All of them."""
        return self.waiting + self.replayed + self.discarded

    def __str__(self) -> str:
        return (
            f"{self.letters} dead letters = {self.waiting} waiting + {self.replayed} replayed"
            f" + {self.discarded} discarded, of {self.records} refused records;"
            f" {self.returned} came back after a replay"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Conditions on an entry, all of which must hold; without any, every entry is selected."""

    positions: frozenset[LetterPosition] = frozenset()
    statuses: Collection[EntryStatus] = ()
    reasons: Collection[str] = ()
    source: str | None = None
    """A source, or its beginning up to a `/` or `:`."""
    type: str | None = None
    """An event type, or a fact's name: `school.connected`."""
    since: datetime | None = None
    until: datetime | None = None
    """Refused at `since` or later, and before `until`; aware."""

    def selected(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """Yield those of some entries that all conditions hold for.

        Raises SmartRegionError after the last one where `type` is neither known nor in any of them:
        producers misspell types too, and their letters are found by that.
        """
        is_known = self.type is None or any(_is_named(self.type, known) for known in FACTS)
        for entry in entries:
            is_known = is_known or entry.claims.type == self.type
            if entry in self:
                yield entry
        if not is_known:
            name = self.type or ""
            # Two long types are near to each other, whatever their facts are.
            known_names = FACTS if name.startswith(TYPE_PREFIX) else FACTS_BY_NAME
            raise SmartRegionError(
                f"--type: is no event type, and no letter has it, value {shown(name)}:"
                f" {choose(name, known_names)}"
            )

    def __contains__(self, entry: Entry) -> bool:
        letter = entry.letter
        return (
            (not self.positions or letter.position in self.positions)
            and (not self.statuses or entry.status in self.statuses)
            and (not self.reasons or letter.reason in self.reasons)
            and (self.since is None or letter.time >= self.since)
            and (self.until is None or letter.time < self.until)
            and (self.source is None or _is_below(self.source, entry.claims.source))
            and (self.type is None or _is_named(self.type, entry.claims.type))
        )


def _is_below(prefix: str, source: str | None) -> bool:
    if source is None:
        return False
    prefix = prefix.rstrip("/:")
    return source == prefix or source.startswith((f"{prefix}/", f"{prefix}:"))


def _is_named(name: str, claimed: str | None) -> bool:
    """Return whether a type has this name, or is a version of the fact of that name."""
    fact = FACTS.get(claimed or "")
    return name == claimed or (fact is not None and name == fact.NAME)
