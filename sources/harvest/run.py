"""One harvest: send what waits, read the catalogue, note what changed, then send it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, TypeAlias

from boundary.addresses import shown_address
from boundary.diagnostic import Diagnostic
from boundary.terminal import counted, one_line
from events.cloudevent import decode_json
from events.dataset import DatasetWithdrawn
from events.fact import Fact
from sources.client import NullPublisher, Publisher, publish_all
from sources.harvest.changes import Changes, changes_of, gone_from, probe_of, to_probe
from sources.harvest.data_state import DataOutcome, FoundData, Validators
from sources.harvest.memory import Memory, load_memory
from sources.harvest.portal_dataset import Distribution, HarvestError
from sources.harvest.reading import ReadingRules, dataset_id_of, read_dataset
from sources.harvest.snapshot import PortalSnapshot

DATASETS_PER_NOTE: Final = 20
"""How many datasets are probed before the findings are noted and sent."""

EVENTS_PER_CHUNK: Final = 500
"""How many events are sent before their arrival is noted: a kill repeats at most so many."""
SOURCE: Final = "urn:iledefrance:open-data"
ReadCatalogue: TypeAlias = Callable[[], PortalSnapshot]
"""Reads a portal's catalogue."""
ProbeData: TypeAlias = Callable[[Distribution, Validators], FoundData | None]
"""Requests the data of an address, unless they are unchanged by those validators."""


@dataclass(frozen=True, slots=True)
class Harvest:
    """The options of one run."""

    portal: str
    destination: str
    """Where the events go."""
    state: Path
    """The file with the results of earlier runs."""
    rules: ReadingRules = field(default_factory=ReadingRules)
    source: str = SOURCE
    most_gone: float = 0.2
    """The largest share of the datasets that may be withdrawn at once."""
    dry_run: bool = False
    ask_again: bool = False
    """Whether data are requested again that were requested today."""


@dataclass(slots=True)
class HarvestTally:
    """What one run has found and sent."""

    datasets: int = 0
    refused: int = 0
    """Datasets whose description cannot be an event."""
    problems: list[Diagnostic] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    """Problems of the harvest itself, in lines."""
    sent: int = 0
    probed: int = 0
    """Addresses whose data were requested."""
    away: list[str] = field(default_factory=list)
    """What was wrong at them, in lines: a fact, and no mistake of the harvest."""
    asked_before: int = 0
    """Addresses that were requested earlier today, and not again."""
    private: int = 0
    """Addresses on a private network, which were not requested."""
    unasked: list[str] = field(default_factory=list)
    """Addresses whose hosts do not want requests, in lines."""
    found: Counter[str] = field(default_factory=Counter)
    """New facts by their name, sent or not."""
    withdrawn: list[str] = field(default_factory=list)

    def note(self, fact: Fact) -> None:
        """Count a fact."""
        self.found[fact.NAME] += 1
        if isinstance(fact, DatasetWithdrawn):
            self.withdrawn.append(fact.entity_id)

    @property
    def is_good(self) -> bool:
        """Return whether nothing was refused, missing or wrong."""
        return not (self.refused or self.problems or self.complaints)


def run_harvest(
    plan: Harvest,
    read: ReadCatalogue,
    open_publisher: Callable[[], Publisher],
    *,
    now: datetime,
    tally: HarvestTally,
    probe: ProbeData | None = None,
) -> None:
    """Harvest a portal; `tally` is kept up to date, for a caller that reports after an error.

    Events are noted before they are sent: after a kill, the next run sends the very same events.
    With `probe`, the data of all datasets are requested: at most once a day, unless the plan says
    `ask_again`. A dry run reads the catalogue, and notes and sends nothing. Raises what reading the
    catalogue, the state's file and the publisher raise, and HarvestError if events do not arrive.
    """
    memory = load_memory(plan.state, portal=plan.portal, destination=plan.destination)
    with NullPublisher() if plan.dry_run else open_publisher() as publisher:
        run = _HarvestSteps(plan, memory, publisher, now, tally)
        if memory.outbox:
            run.send()
            tally.complaints.clear()  # What is still refused is reported once, at the end.
        run.compare(read())
        run.save_and_send()
        if probe is None or plan.dry_run:
            return
        for number, name in enumerate(to_probe(memory.datasets), start=1):
            run.probe(name, probe)
            if number % DATASETS_PER_NOTE == 0:
                run.save_and_send()
        run.save_and_send()


@dataclass(frozen=True, slots=True)
class _HarvestSteps:
    plan: Harvest
    memory: Memory
    publisher: Publisher
    now: datetime
    tally: HarvestTally

    def compare(self, snapshot: PortalSnapshot) -> None:
        """Put what is new in the catalogue into the memory and its outbox."""
        today, known = self.now.date(), self.memory.datasets
        self.tally.datasets = len(snapshot.found) or len(known)
        changes = self._changes(snapshot)
        if snapshot.incomplete:
            self.tally.complaints.append(
                f"incomplete, nothing was withdrawn: {snapshot.incomplete}"
            )
        else:
            seen = frozenset(dataset_id_of(one, self.plan.rules.prefix) for one in snapshot.found)
            try:
                changes |= gone_from(known, seen, today, most_gone=self.plan.most_gone)
            except HarvestError as error:
                self.tally.complaints.append(str(error))
        for name, change in changes.items():
            self._take(name, change)

    def _changes(self, snapshot: PortalSnapshot) -> dict[str, Changes]:
        found: dict[str, Changes] = {}
        for described in snapshot.found:
            dataset, problems = read_dataset(described, self.plan.rules, today=self.now.date())
            self.tally.problems += problems
            if dataset is None:
                self.tally.refused += 1
                continue
            name = dataset.released.dataset_id
            if name in found:
                remedy, where = "give each dataset its own identifier", one_line(described.key)
                twice = Diagnostic((), "is there twice", name, remedy, file=where)
                self.tally.problems.append(twice)
            else:
                known = self.memory.datasets.get(name)
                found[name] = changes_of(known, dataset, self.now.date())
        return found

    def probe(self, name: str, probe: ProbeData) -> None:
        """Request a dataset's data, and put what is new into the memory and its outbox."""
        known, tally, today = self.memory.datasets[name], self.tally, self.now.date()
        found: dict[str, FoundData | None] = {}
        for one in known.distributions:
            before = known.data.get(one.url)
            if before is not None and not self.plan.ask_again and before.asked_on >= today:
                tally.asked_before += 1
                continue
            was_there = before is not None and before.outcome is DataOutcome.DATA
            marks = before.validators if before is not None and was_there else Validators()
            found[one.url] = here = probe(one, marks)
            is_private = here is not None and here.outcome is DataOutcome.PRIVATE
            tally.private += is_private
            tally.probed += here is not None and not is_private
            where = f"{name}: {shown_address(one.url)}"
            if here is None:
                tally.unasked.append(f"{where}: left alone, as robots.txt or Retry-After asks")
            elif here.why:
                tally.away.append(f"{where}: {here.why}")
        self._take(name, probe_of(known, found, today))

    def _take(self, name: str, change: Changes) -> None:
        for fact in change.facts:
            self.memory.queue(fact, source=self.plan.source, time=self.now)
            self.tally.note(fact)
        self.memory.datasets[name] = change.known

    def save_and_send(self) -> None:
        """Note the findings, and send what waits. Raises HarvestError."""
        self._save()
        self.send()

    def send(self) -> None:
        """Send all waiting events.

        Refused events keep waiting: they may be accepted once the cause is removed. Raises
        HarvestError if an event did not arrive; its whole chunk waits then.
        """
        waiting, kept = self.memory.outbox, list[str]()
        while waiting:
            chunk, waiting = waiting[:EVENTS_PER_CHUNK], waiting[EVENTS_PER_CHUNK:]
            events = [decode_json(text) for text in chunk]
            lost, refused = publish_all(self.publisher, events)
            if lost:
                cause = next(iter(lost.values())).cause
                problem = f"did not arrive, value {counted(len(lost), 'event')} ({cause})"
                remedy = "run the same command again, it sends them first"
                raise HarvestError("delivery", problem, remedy=remedy)
            for text, event in zip(chunk, events, strict=True):
                if failed := refused.get((event.source, event.id)):
                    about = f"{event.fact.entity_id}: {event.fact.NAME}"
                    self.tally.complaints.append(f"{about} is refused: {failed.cause}")
                    kept.append(text)
            self.tally.sent += len(chunk) - len(refused)
            self.memory.outbox = [*kept, *waiting]
            self._save()

    def _save(self) -> None:
        if not self.plan.dry_run:
            self.memory.save(self.plan.state)
