"""Sends the events of findings, each once, and tallies every line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from boundary.diagnostic import Diagnostic
from boundary.errors import SmartRegionError
from boundary.terminal import counted
from events.producers.ownership import Ownership
from sources.client import Publisher, publish_all
from sources.importing.event_building import Finding, FoundEvent, SkippedLine
from sources.importing.journal import Journal, SendStatus, SentEvent
from sources.importing.refusal import RefusalWriter

EVENTS_PER_CHUNK: Final = 500
"""How many events are sent before their arrival is awaited and noted. After an interruption at most
so many are sent a second time."""

REPEATED: Final = "the same as an earlier line"
OUTDATED: Final = (
    "not what counts: something else about the same was sent before, and recorded later; if these"
    " are the corrections, import them again with a later --recorded-at"
)


@dataclass(slots=True)
class Tally:
    """Lines by their outcome: each is counted once, and so are events without a line."""

    sent: int = 0
    known: int = 0
    """Lines whose events were sent before."""
    sent_which: Counter[str] = field(default_factory=Counter)
    """How many of those sent are special, by the reason."""
    known_which: Counter[str] = field(default_factory=Counter)
    aside: Counter[str] = field(default_factory=Counter)
    """Correct lines without an event, by the reason."""
    refused: int = 0
    problems: Counter[tuple[str | None, str]] = field(default_factory=Counter)
    """Refusals by column and problem: a line may have several."""
    empty: list[Path] = field(default_factory=list)
    """Files with a heading and no line."""

    @property
    def lines(self) -> int:
        """Return how many lines have been read, without headings and empty ones."""
        return self.sent + self.known + self.aside.total() + self.refused

    @property
    def exit_status(self) -> int:
        """Return 1 if somebody has to look at a file, else 0."""
        return 1 if self.refused or self.empty else 0


class _Position(NamedTuple):
    file: str
    line: int


class _Sent(NamedTuple):
    """An event that is sent with the next chunk."""

    position: _Position
    sent: SentEvent
    found: FoundEvent
    is_outdated: bool


@dataclass(slots=True)
class Sender:
    """Sends the events of one run's files through `publisher`.

    Two lines of a run must not differ about the same fact of the same day, unless they were
    recorded at different times: otherwise neither is later.
    """

    publisher: Publisher
    journal: Journal
    on_refused: RefusalWriter
    tally: Tally = field(default_factory=Tally)
    ownership: Ownership = field(default_factory=Ownership)
    chunk: int = EVENTS_PER_CHUNK
    _waiting: dict[tuple[str, str], _Sent] = field(default_factory=dict)
    _seen: dict[tuple[bytes, int], tuple[_Position, bytes]] = field(default_factory=dict)

    def send(self, file: str, findings: Iterable[Finding]) -> None:
        """Send the events of a file's findings.

        Raises SmartRegionError, and what the publisher raises.
        """
        refused = 0
        for finding in findings:
            if isinstance(finding, Diagnostic):
                self._refuse(finding, again=finding.line == refused)
                refused = finding.line
            elif isinstance(finding, SkippedLine):
                self.tally.aside[finding.why] += 1
            else:
                self._consider(file, finding)
        self._settle()

    def _consider(self, file: str, found: FoundEvent) -> None:
        event = found.event
        sent = SentEvent.of(event)
        position = _Position(file, found.line)
        first, content = self._seen.setdefault((sent.fact, sent.time), (position, sent.content))
        if content != sent.content:
            self._contradict(position, first)
        elif first != position:
            self.tally.aside[REPEATED] += 1
        elif (status := self.journal.status_of(sent)) is SendStatus.KNOWN:
            self.tally.known += 1
            self._note_which(found, self.tally.known_which)
        elif status is SendStatus.CONTRADICTION:
            self._contradict(position, None)
        else:
            is_outdated = status is SendStatus.OUTDATED
            self._waiting[event.source, event.id] = _Sent(position, sent, found, is_outdated)
            if len(self._waiting) >= self.chunk:
                self._settle()

    def _note_which(self, found: FoundEvent, which: Counter[str]) -> None:
        """Count an event that is special among those of the run."""
        fact, source = found.event.fact, found.event.source
        if found.added:
            which[found.added] += 1
        if not self.ownership.accepts(fact.NAME, fact.entity_id, source, retracted=fact.retracted):
            which[
                f"refused by the workers (not_owner), and not counted: {source} does not own"
                f" {fact.NAME} of these by the declaration of producers (SMART_REGION_PRODUCERS)"
            ] += 1

    def _contradict(self, position: _Position, first: _Position | None) -> None:
        if first is None:
            problem = "differs from what was sent as recorded at the same time"
            remedy = "give a later --recorded-at: the later one counts"
        else:
            where = (
                f"line {first.line}" if first.file == position.file else f"{first[0]}:{first[1]}"
            )
            problem, remedy = f"contradicts {where}, about the same on the same day", "keep one"
        self._refuse(_line_refusal(position, problem, remedy), again=False)

    def _refuse(self, refusal: Diagnostic, *, again: bool) -> None:
        self.tally.refused += not again
        self.tally.problems[refusal.field, refusal.problem] += 1
        self.on_refused(refusal)

    def _settle(self) -> None:
        """Send the waiting events, note those that have arrived, and refuse the others."""
        sent, self._waiting = self._waiting, {}
        events = [one.found.event for one in sent.values()]
        lost, refused = publish_all(self.publisher, events)
        for identity, delivery in refused.items():
            position = sent.pop(identity).position
            problem = "is refused where it was sent to"
            self._refuse(_line_refusal(position, problem, delivery.cause), again=False)
        missing = [(sent.pop(identity).position, one.cause) for identity, one in lost.items()]
        self.journal.note(one.sent for one in sent.values())
        self.tally.sent += len(sent)
        for one in sent.values():
            self._note_which(one.found, self.tally.sent_which)
            if one.is_outdated:
                self.tally.sent_which[OUTDATED] += 1
        if missing:
            position, cause = min(missing)
            raise SmartRegionError(
                f"{position.file}:{position.line}: did not arrive, value"
                f" {counted(len(missing), 'event')} ({cause}): run the same command again, it goes"
                " on from here"
            )


def _line_refusal(position: _Position, problem: str, remedy: str) -> Diagnostic:
    return Diagnostic((), problem, None, remedy, file=position.file, line=position.line)
