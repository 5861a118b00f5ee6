"""One harvest: what waits is sent, the catalogue read, what changed is noted, then sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final, TypeAlias

from boundary.addresses import shown_address
from boundary.diagnostic import Diagnostic
from boundary.terminal import counted, one_line
from events.dataset import DatasetWithdrawn
from events.fact import Fact
from sources.client import FailedDelivery, NullPublisher, Publisher, publish_all
from sources.harvest.changes import (
    Changes,
    asked_since,
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
"""After how many datasets what was found of their data is noted and sent."""

EVENTS_PER_CHUNK: Final = 500
"""How many are sent before their arrival is noted: a kill repeats at most so many, unchanged."""
SOURCE: Final = "urn:iledefrance:open-data"
ReadCatalogue: TypeAlias = Callable[[], PortalSnapshot]
"""Reads a portal's catalogue."""
ProbeData: TypeAlias = Callable[[Distribution, Validators], FoundData | None]
"""Asks an address for its data, unless they are still as those validators have them."""


@dataclass(frozen=True, slots=True)
class Harvest:
    """The options of one run."""

    portal: str
    destination: str
    """Where the events go."""
    state: Path
    """The file of what earlier runs have seen."""
    rules: ReadingRules = field(default_factory=ReadingRules)
    source: str = SOURCE
    most_gone: float = 0.2
    """The largest share of the datasets that may be withdrawn at once."""
    dry_run: bool = False
    ask_again: bool = False
    """Whether the data are asked for also where they were today."""


@dataclass(slots=True)
class HarvestTally:
    """What one run has found and sent."""

    datasets: int = 0
    refused: int = 0
    """Datasets whose description cannot be an event."""
    problems: list[Diagnostic] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    """What is wrong with the harvest itself, in lines."""
    sent: int = 0
    probed: int = 0
    """Addresses that were asked for their data."""
    away: list[str] = field(default_factory=list)
    """What was wrong at them, in lines: a fact, and no mistake of the harvest."""
    asked_before: int = 0
    """Addresses that were asked earlier on this day, and not again."""
    private: int = 0
    """Addresses on a private network, which were not asked."""
    unasked: list[str] = field(default_factory=list)
    """Addresses whose hosts ask to be left alone, in lines."""
    found: Counter[str] = field(default_factory=Counter)
    """What is new by the fact's name, also where it could not be sent."""
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

    What is to be sent is noted before it is sent: a run that was killed goes on with the very same
    events. With `probe` the data of all datasets are asked for: once a day at most, unless the plan
    says `ask_again`. A dry run reads the catalogue, and notes and sends nothing. Raises what
    reading the catalogue, the state's file and the publisher raise, and HarvestError
    where events do not arrive.
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
            tally.complaints.clear()  # What is still refused is said once, at the end.
        _note(plan, memory, read(), now, tally)
        save()
        send()
        if probe is None or plan.dry_run:
            return
        since = now.date() + timedelta(days=plan.ask_again)
        tally.asked_before = asked_since(memory.datasets, since)
        for number, name in enumerate(to_probe(memory.datasets, since), start=1):
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
    """Ask for a dataset's data, and put what is new into the memory and its outbox."""
    known = memory.datasets[name]
    found: dict[str, FoundData | None] = {}
    for one in known.distributions:
        before = known.data.get(one.url)
        if before is not None and not plan.ask_again and before.asked_on >= now.date():
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
        reading = read_dataset(described, plan.rules, today=today)
        tally.problems += reading.problems
        if reading.dataset is None:
            tally.refused += 1
        elif reading.dataset_id in found:
            problem, remedy = "is there twice", "give each dataset its own identifier"
            tally.problems.append(
                Diagnostic((), problem, reading.dataset_id, remedy, file=one_line(described.key))
            )
        else:
            known = memory.datasets.get(reading.dataset_id)
            found[reading.dataset_id] = changes_of(known, reading.dataset, today)
    return found


def _send_waiting(
    memory: Memory, publisher: Publisher, save: Callable[[], None]
) -> tuple[int, list[FailedDelivery]]:
    """Send all that waits; return how many arrived, and those that were refused.

    What is refused waits on: it may be taken once its cause is removed. Raises
    HarvestError where an event did not arrive.
    """
    arrived, refused = 0, list[FailedDelivery]()
    texts, kept = list(memory.outbox), list[str]()
    events = memory.waiting()
    for begin in range(0, len(events), EVENTS_PER_CHUNK):
        end = begin + EVENTS_PER_CHUNK
        undelivered = publish_all(publisher, events[begin:end])
        if undelivered.lost:
            # All of the chunk are sent again: which of them arrived does not matter.
            memory.outbox = [*kept, *texts[begin:]]
            save()
            lost = [one.cause for one in undelivered.lost.values()]
            problem = f"did not arrive, value {counted(len(lost), 'event')} ({lost[0]})"
            remedy = "run the same command again, it sends them first"
            raise HarvestError("delivery", problem, remedy=remedy)
        refused += undelivered.refused.values()
        chunk = zip(texts[begin:end], events[begin:end], strict=True)
        kept += [text for text, event in chunk if (event.source, event.id) in undelivered.refused]
        arrived += len(events[begin:end]) - len(undelivered.refused)
        memory.outbox = [*kept, *texts[end:]]
        save()
    return arrived, refused
