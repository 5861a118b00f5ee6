"""From findings to events that have arrived, each once, and to an account of every line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from boundary.diagnostic import Diagnostic
from boundary.errors import SmartRegionError
from events.cloudevent import CloudEvent
from operations.client import FailedDelivery, Publisher
from operations.importing.findings import Finding, FoundEvent, LineNote, SkippedLine
from operations.importing.journal import Journal, SendStatus, SentEvent
from operations.importing.refusal import RefusalWriter

__all__ = ["ImportInterruptedError", "Sender", "Tally"]

EVENTS_PER_CHUNK: Final = 500
"""How many events are sent before their arrival is awaited and noted: what an interruption may
send a second time, at most."""

REPEATED: Final = "the same as an earlier line"


@dataclass(slots=True)
class Tally:
    """What became of the lines: each is counted in exactly one of these."""

    sent: int = 0
    known: int = 0
    """Said already what was sent before."""
    aside: Counter[str] = field(default_factory=Counter)
    """Right lines that make no event, by why not."""
    refused: int = 0
    problems: Counter[tuple[str | None, str]] = field(default_factory=Counter)
    """Refusals by column and problem: a line may have several."""
    notes: Counter[str] = field(default_factory=Counter)
    """What was changed of lines that are counted above."""

    @property
    def lines(self) -> int:
        """How many lines have been read, apart from headings and empty ones."""
        return self.sent + self.known + self.aside.total() + self.refused


class ImportInterruptedError(SmartRegionError):
    """Events did not arrive; what had arrived before is noted."""

    def __init__(self, file: str, line: int, *, undelivered: int, cause: str) -> None:
        self.file = file
        self.line = line
        self.undelivered = undelivered
        super().__init__(
            f"{file}:{line}: did not arrive, value {undelivered} events ({cause}):"
            " run the same command again, it goes on from here"
        )


class _Place(NamedTuple):
    file: str
    line: int


class Sender:
    """Carries the events of one run's files to where `publisher` sends them.

    Two lines of the run may not say different things about the same fact of the same day, unless
    they were recorded at different times: nobody could tell which is right.
    """

    def __init__(
        self,
        publisher: Publisher,
        journal: Journal,
        *,
        on_refused: RefusalWriter,
        chunk: int = EVENTS_PER_CHUNK,
        tally: Tally | None = None,
    ) -> None:
        self.tally = tally or Tally()
        self._publisher = publisher
        self._journal = journal
        self._on_refused = on_refused
        self._chunk = chunk
        self._waiting: dict[str, tuple[_Place, SentEvent]] = {}
        self._seen: dict[tuple[bytes, int], tuple[_Place, bytes]] = {}

    def carry(self, file: str, findings: Iterable[Finding]) -> None:
        """Take a file's findings. Raises ImportInterruptedError, and what the publisher raises."""
        refused = 0
        for finding in findings:
            if isinstance(finding, Diagnostic):
                self._refuse(finding, again=finding.line == refused)
                refused = finding.line
            elif isinstance(finding, SkippedLine):
                self.tally.aside[finding.why] += 1
            elif isinstance(finding, LineNote):
                self.tally.notes[finding.what] += 1
            else:
                self._consider(file, finding)
        self._settle()

    def _consider(self, file: str, found: FoundEvent) -> None:
        event = found.event
        claim = SentEvent.of(event)
        place = _Place(file, found.line)
        first, content = self._seen.setdefault((claim.fact, claim.time), (place, claim.content))
        if content != claim.content:
            self._contradict(place, first)
        elif first != place:
            self.tally.aside[REPEATED] += 1
        elif (standing := self._journal.standing(claim)) is SendStatus.KNOWN:
            self.tally.known += 1
        elif standing is SendStatus.CONTRADICTION:
            self._contradict(place, None)
        else:
            self._send(event, place, claim)

    def _contradict(self, place: _Place, first: _Place | None) -> None:
        if first is None:
            problem = "says something else than what was sent as recorded at the same time"
            remedy = "give a later --recorded-at: the later one counts"
        else:
            where = f"line {first.line}" if first.file == place.file else f"{first[0]}:{first[1]}"
            problem, remedy = f"contradicts {where}, about the same on the same day", "keep one"
        self._refuse(_of_line(place, problem, remedy), again=False)

    def _refuse(self, refusal: Diagnostic, *, again: bool) -> None:
        self.tally.refused += not again
        self.tally.problems[refusal.field, refusal.problem] += 1
        self._on_refused(refusal)

    def _send(self, event: CloudEvent, place: _Place, claim: SentEvent) -> None:
        self._waiting[event.id] = place, claim
        try:
            self._publisher.publish(event)
        except SmartRegionError as error:
            self._settle(FailedDelivery(event, str(error)))
        if len(self._waiting) >= self._chunk:
            self._settle()

    def _settle(self, unsent: FailedDelivery | None = None) -> None:
        """Wait until what was sent has arrived, and note it; what was refused is told by line."""
        report = self._publisher.flush()
        lost: list[tuple[_Place, str]] = []
        for delivery in (*report.failed, *([] if unsent is None else [unsent])):
            place, _ = self._waiting.pop(delivery.event.id)
            if delivery.refused:
                problem = "is refused where it was sent to"
                self._refuse(_of_line(place, problem, delivery.cause), again=False)
            else:
                lost.append((place, delivery.cause))
        self._journal.note(claim for _, claim in self._waiting.values())
        self.tally.sent += len(self._waiting)
        self._waiting.clear()
        if lost:
            place, cause = min(lost)
            raise ImportInterruptedError(*place, undelivered=len(lost), cause=cause)


def _of_line(place: _Place, problem: str, remedy: str) -> Diagnostic:
    return Diagnostic((), problem, None, remedy, file=place.file, line=place.line)
