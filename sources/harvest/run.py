"""One harvest: send what waits, read the catalogue, note what changed, then send it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Final, TypeAlias

from boundary.addresses import shown_address
from boundary.diagnostic import Diagnostic
from boundary.terminal import counted, one_line
from events.cloudevent import decode_json
from events.dataset import DatasetWithdrawn
from events.fact import Fact
from sources.client import FailedDelivery, NullPublisher, Publisher, publish_all
from sources.harvest.changes import (
    Changes,
    changes_of,
    gone_from,
    probe_of,
    to_probe,
)
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

    def save() -> None:
        if not plan.dry_run:
            memory.save(plan.state)

    def send() -> None:
        arrived, refused = _send_waiting(memory, publisher, save)
        tally.sent += arrived
        tally.complaints += [
            f"{one.event.fact.entity_id}: {one.event.fact.NAME} is refused: {one.cause}"
            for one in refused
        ]

    with ExitStack() as stack:
        publisher = stack.enter_context(NullPublisher() if plan.dry_run else open_publisher())
        if memory.outbox:
            send()
            tally.complaints.clear()  # What is still refused is reported once, at the end.
        _note(plan, memory, read(), now, tally)
        save()
        send()
        if probe is None or plan.dry_run:
            return
        for number, name in enumerate(to_probe(memory.datasets), start=1):
            _probe(plan, memory, name, probe, now, tally)
            if number % DATASETS_PER_NOTE == 0:
                save()
                if memory.outbox:
                    send()
        save()
        if memory.outbox:
            send()


def _note(
    plan: Harvest, memory: Memory, snapshot: PortalSnapshot, now: datetime, tally: HarvestTally
) -> None:
    """Put what is new into the memory and its outbox."""
    today = now.date()
    tally.datasets = len(snapshot.found) or len(memory.datasets)
    changes = _changes(plan, memory, snapshot, today, tally)
    if snapshot.incomplete:
        tally.complaints.append(f"incomplete, nothing was withdrawn: {snapshot.incomplete}")
    else:
        seen = frozenset(dataset_id_of(one, plan.rules.prefix) for one in snapshot.found)
        try:
            changes |= gone_from(memory.datasets, seen, today, most_gone=plan.most_gone)
        except HarvestError as error:
            tally.complaints.append(str(error))
    for name, change in changes.items():
        for fact in change.facts:
            memory.queue(fact, source=plan.source, time=now)
            tally.note(fact)
        memory.datasets[name] = change.known


def _probe(
    plan: Harvest, memory: Memory, name: str, probe: ProbeData, now: datetime, tally: HarvestTally
) -> None:
    """Request a dataset's data, and put what is new into the memory and its outbox."""
    known = memory.datasets[name]
    found: dict[str, FoundData | None] = {}
    for one in known.distributions:
        before = known.data.get(one.url)
        if before is not None and not plan.ask_again and before.asked_on >= now.date():
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
    change = probe_of(known, found, now.date())
    memory.datasets[name] = change.known
    for fact in change.facts:
        memory.queue(fact, source=plan.source, time=now)
        tally.note(fact)


def _changes(
    plan: Harvest, memory: Memory, snapshot: PortalSnapshot, today: date, tally: HarvestTally
) -> dict[str, Changes]:
    found: dict[str, Changes] = {}
    for described in snapshot.found:
        dataset, problems = read_dataset(described, plan.rules, today=today)
        tally.problems += problems
        if dataset is None:
            tally.refused += 1
            continue
        name = dataset.released.dataset_id
        if name in found:
            remedy, where = "give each dataset its own identifier", one_line(described.key)
            tally.problems.append(Diagnostic((), "is there twice", name, remedy, file=where))
        else:
            found[name] = changes_of(memory.datasets.get(name), dataset, today)
    return found


def _send_waiting(
    memory: Memory, publisher: Publisher, save: Callable[[], None]
) -> tuple[int, list[FailedDelivery]]:
    """Send all waiting events; return how many arrived, and those that were refused.

    Refused events keep waiting: they may be accepted once the cause is removed. Raises HarvestError
    if an event did not arrive; its whole chunk waits then.
    """
    arrived, refused = 0, list[FailedDelivery]()
    waiting, kept = memory.outbox, list[str]()
    while waiting:
        chunk, waiting = waiting[:EVENTS_PER_CHUNK], waiting[EVENTS_PER_CHUNK:]
        events = [decode_json(text) for text in chunk]
        undelivered = publish_all(publisher, events)
        if undelivered.lost:
            lost = [one.cause for one in undelivered.lost.values()]
            problem = f"did not arrive, value {counted(len(lost), 'event')} ({lost[0]})"
            remedy = "run the same command again, it sends them first"
            raise HarvestError("delivery", problem, remedy=remedy)
        for text, event in zip(chunk, events, strict=True):
            if failed := undelivered.refused.get((event.source, event.id)):
                refused.append(failed)
                kept.append(text)
        arrived += len(chunk) - len(undelivered.refused)
        memory.outbox = [*kept, *waiting]
        save()
    return arrived, refused
