"""The fold of the event topics: the sums of all partitions, for commands that query no worker.

Records go through the same merge as in a worker, partition by partition, so that the result equals
the workers' states once they have read everything.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeAlias

from broker.reading import Extent, read_topics
from broker.stored_record import RawRecord
from events.dead_letters import RecordOrigin
from events.errors import ContractError
from events.fact import Family
from events.record_rules import RULES, RecordRules, known_before
from events.records import Record
from events.topics import DEFAULT_PARTITIONS, FAMILIES, topic_name
from streams.dead_letters import FORWARDED_FROM, forward_origin
from streams.decisions import read_decisions, without_skipped
from streams.merging import Forward, changes_of
from streams.state_store import StateStore

if TYPE_CHECKING:
    from catalogue.model import Catalogue
    from streams.settings import Settings
from collections import Counter

from catalogue.explanations import Explanation
from catalogue.model import Promise
from catalogue.terms import Term
from streams.fold import Fold, Series, SeriesKey


class FoldedStates:
    """The fold and the explanations of states, which are dropped once they are folded."""

    def __init__(self, terms: Iterable[Term]) -> None:
        self.fold = Fold(terms)
        self._partitions: set[int] = set()
        self._entities: Counter[Family] = Counter()
        self._explanations: list[tuple[Promise, Explanation]] = []

    @property
    def indexes(self) -> Mapping[Term, int]:
        """The terms of the series, with their indexes."""
        return self.fold.indexes

    def part(self) -> StateStore:
        """Return an empty state store that folds into this; pass it to `add` once it is full."""
        state_store = StateStore(self.fold.terms)
        state_store.fold = self.fold
        return state_store

    def add(self, part: StateStore) -> None:
        """Take over a part. No other part may have any of its entities."""
        self._partitions.update(partition for _, partition in part.partitions())
        self._entities.update(part.entities())
        self._explanations.extend(part.explanations())

    def entities(self) -> Mapping[Family, int]:
        """Return the number of entities, by family."""
        return self._entities

    def all_series(self) -> Iterator[tuple[SeriesKey, Series]]:
        """Yield the series of every partition."""
        for partition in sorted(self._partitions):
            yield from self.fold.series(partition).items()

    def explanations(self) -> Iterable[tuple[Promise, Explanation]]:
        """Return the explanations of every partition."""
        return self._explanations


logger = logging.getLogger(__name__)

BATCH: Final = 5_000
"""How many records are merged together, as in a worker's batch."""

KnownOn: TypeAlias = Mapping[Family, date]
"""By family, the last day (UTC) whose records count; a family without a day is unbounded."""

ALL_KNOWN: Final[KnownOn] = {}


def fold_topics(
    settings: Settings,
    catalogue: Catalogue,
    *,
    known_on: date | None = None,
    report: Callable[[str], None],
) -> FoldedStates:
    """Read the event topics to their end and return the sums that workers derive from them.

    With `known_on`, only records known at the end of that day (UTC) count; about persons, those
    known on the day of their last publication. Only one family's states are in memory at a time.
    `report` receives a line for each partition with missing records. Raises the errors of
    `read_topics`.
    """
    rules = settings.record_rules()
    skipped = read_decisions(settings.broker, security=settings.security()).skipped
    known = ALL_KNOWN if known_on is None else catalogue.known_through(known_on)
    folded = FoldedStates(catalogue.terms)
    for family in Family:
        state_store = folded.part()
        records = event_records(settings, [family], skipped, report=report)
        merge_events(
            state_store, records, partitions=settings.partitions, known_on=known, rules=rules
        )
        folded.add(state_store)
    return folded


def event_records(
    settings: Settings,
    families: Collection[Family],
    skipped: Collection[RecordOrigin],
    *,
    report: Callable[[str], None],
) -> Iterator[RawRecord]:
    """Yield the records of families' topics, without those that operators skipped.

    `report` receives a line for each partition with records that are deleted or held back by an
    open transaction. Raises the errors of `read_topics`.
    """
    extent = Extent()
    records = read_topics(
        settings.broker,
        topics=[topic_name(family) for family in families],
        security=settings.security(),
        extent=extent,
        partitions=settings.partitions,
    )
    yield from without_skipped(records, skipped)
    for line in extent.lines():
        report(line)


def merge_events(
    state_store: StateStore,
    records: Iterable[RawRecord],
    *,
    partitions: int = DEFAULT_PARTITIONS,
    known_on: KnownOn = ALL_KNOWN,
    rules: RecordRules = RULES,
) -> None:
    """Merge records of event topics into the states of their entities' own partitions.

    The records of each partition must come in their order; partitions may interleave. A misrouted
    record that no worker has forwarded yet is merged last, as its copy would be.
    """
    misrouted: dict[bytes, Forward] = {}
    copied: set[bytes] = set()
    left = _known(records, known_on, rules)
    while batch := list(islice(left, BATCH)):
        by_partition: dict[tuple[Family, int], list[RawRecord]] = defaultdict(list)
        for record in batch:
            by_partition[FAMILIES[record.topic], record.partition].append(record)
            copied.update(
                origin for name, origin in record.headers if name == FORWARDED_FROM and origin
            )
        for key, own in by_partition.items():
            for forward in _merge(state_store, key, own, partitions, rules):
                misrouted[forward_origin(forward)] = forward
    for origin, forward in misrouted.items():
        if origin not in copied:
            family = FAMILIES[forward.record.topic]
            _merge(state_store, (family, forward.partition), [forward.record], partitions, rules)


def _known(
    records: Iterable[RawRecord], known_on: KnownOn, rules: RecordRules
) -> Iterator[RawRecord]:
    """Yield the records known at the end of their family's day."""
    before = {topic_name(family): known_before(day) for family, day in known_on.items()}
    for record in records:
        if record.topic in before:
            try:
                event = rules.decode(record, family=FAMILIES[record.topic])
            except ContractError:
                continue
            if rules.known_at(event, record) >= before[record.topic]:
                continue
        yield record


def _merge(
    state_store: StateStore,
    key: tuple[Family, int],
    records: Sequence[Record],
    partitions: int,
    rules: RecordRules,
) -> list[Forward]:
    """Merge records of one partition and return the misrouted ones.

    A record that fails is omitted, as in a worker, which writes a dead letter.
    """
    try:
        result, changes = changes_of(state_store, key, records, partitions=partitions, rules=rules)
    except Exception as error:  # noqa: BLE001 - a record may raise anything
        if len(records) > 1:
            return [
                forward
                for record in records
                for forward in _merge(state_store, key, [record], partitions, rules)
            ]
        (record,) = records
        logger.warning(
            "unprocessable topic=%s partition=%d offset=%d error=%s",
            record.topic,
            record.partition,
            record.offset,
            type(error).__name__,
        )
        return []
    state_store.apply(*key, changes)
    return result.forwards
