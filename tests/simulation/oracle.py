"""The judgement of a run, by an independent recount of the records that the brokers hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple

from prometheus_client.samples import Sample

from audit.comparison import compare_exposed
from audit.exposed import Exposed
from audit.recount import audit_records
from boundary.web import registry_of
from broker.stored_record import RawRecord
from catalogue.model import Catalogue
from events.fact import Family
from events.partitioning import partition_for
from events.record_rules import RecordRules
from events.registry import FACTS_BY_NAME
from events.topics import DEAD_LETTERS, topic_name
from streams.commit_metadata import decode_commit_metadata
from streams.decisions import AcceptedLosses
from streams.engine import Engine
from streams.exposition import WorkerCollector
from streams.membership import Membership
from streams.merging import merge_records
from streams.state import EMPTY, Cell, EntityState
from streams.state_store import StateStore
from tests.simulation.cluster import Cluster
from tests.simulation.letters_oracle import Origin, letter_problems
from tests.simulation.loop import Process
from tests.simulation.outcomes_oracle import Outcomes
from tests.simulation.partition_log import PartitionLog, records_of
from tests.simulation.programs import SimulatedWorker
from tests.simulation.records import FORWARDED_FROM, Fate, Fates, said
from tests.simulation.stand_ins import remembered
from tests.simulation.traffic import Traffic
from tests.support.states import merge_states

#: The values of the event topics, by topic, partition and offset.
Stored = Mapping[tuple[str, int, int], bytes | None]
States = Mapping[tuple[Family, int], Mapping[str, EntityState]]

#: How long a worker may show a partition that has lost records: it checks regularly, and waits for
#: the broker's answers.
LONGEST_UNSEEN_SECONDS: Final = 12.0
#: Every run has more figures with a value than this.
_FEWEST_FIGURES: Final = 50


class Judgement(NamedTuple):
    """The problems at the end of a run, its counts, and what should be stored."""

    problems: list[str]
    counts: Counter[str]
    expected: States
    stored: Stored
    lost: AbstractSet[Origin]
    """The records that logs have lost."""
    letters: Sequence[RawRecord]

    def sums(self, catalogue: Catalogue) -> StateStore:
        """Return a store of the right states."""
        store = StateStore(catalogue.terms)
        for (family, partition), states in self.expected.items():
            store.put(family, partition, states)
        return store


class _Awake(NamedTuple):
    """A worker whose process is running and not paused."""

    name: str
    process: Process
    membership: Membership
    store: StateStore


def _awake(workers: Iterable[SimulatedWorker]) -> Iterator[_Awake]:
    """Yield the workers that run."""
    for one in workers:
        process, membership, engine = one.process, one.membership, one.engine
        if process is None or process.is_paused or membership is None or engine is None:
            continue
        yield _Awake(one.name, process, membership, engine.state_store)


class Ownership:
    """Checks that no two workers show a partition for longer than a lease allows."""

    def __init__(self, lease_seconds: float) -> None:
        self._lease_seconds = lease_seconds
        self._since: dict[tuple[str, int], float] = {}

    def problems(self, workers: Iterable[SimulatedWorker], now: float) -> list[str]:
        """Return what is wrong at a virtual time, in seconds."""
        holders: dict[int, list[str]] = {}
        for worker in _awake(workers):
            for partition in worker.membership.shown():
                holders.setdefault(partition, []).append(worker.name)
        shared = {
            (name, partition)
            for partition, names in holders.items()
            if len(names) > 1
            for name in names
        }
        self._since = {one: self._since.get(one, now) for one in sorted(shared)}
        return [
            f"{name} shows partition {partition}, and another worker does, since {since:.2f} s"
            for (name, partition), since in self._since.items()
            if now - since > self._lease_seconds
        ]


class Completeness:
    """Checks that a worker shows a partition only with the states of all committed events."""

    def __init__(
        self, cluster: Cluster, app_id: str, rules: RecordRules, accepted: AcceptedLosses
    ) -> None:
        self._cluster = cluster
        self._accepted = accepted
        self._app_id = app_id
        self._rules = rules
        #: By family and partition: the states of all events before an offset, and that offset.
        self._states: dict[tuple[Family, int], dict[str, EntityState]] = {}
        self._offsets: dict[tuple[Family, int], int] = {}
        #: By process of a worker: the generation and partitions that it last showed.
        self._seen: dict[Process, tuple[int, frozenset[int]]] = {}

    def forget(self) -> None:
        """Forget all events, because the present state of a log was accepted."""
        self._states.clear()
        self._offsets.clear()

    def problems(self, workers: Sequence[SimulatedWorker]) -> Iterator[str]:
        """Yield what is missing when a worker begins to show a partition."""
        group = self._cluster.group(self._app_id)
        for worker in _awake(workers):
            shown, owned_in = worker.membership.shown(), worker.membership.generation
            generation, known = self._seen.get(worker.process, (-1, frozenset()))
            if generation == owned_in:
                shown -= known
            else:
                known = frozenset()
            # Another member may own the partition and have continued.
            if not shown or owned_in != group.generation:
                continue
            self._seen[worker.process] = owned_in, known | shown
            for partition in sorted(shown):
                for family in Family:
                    yield from self._missing(worker.name, worker.store, family, partition)

    def _missing(
        self, who: str, store: StateStore, family: Family, partition: int
    ) -> Iterator[str]:
        log = self._cluster.topics[topic_name(family)][partition]
        if log.lost and not self._accepted.get((log.topic, partition)):
            return  # `shown_losses` checks that it is not shown for long.
        found = store.states(family, partition)
        for entity, state in self._committed(family, partition).items():
            if merge_states(state, found.get(entity, EMPTY)) != found.get(entity, EMPTY):
                yield f"{who} shows {family}[{partition}] without all of {entity} that is committed"
                return

    def _committed(self, family: Family, partition: int) -> Mapping[str, EntityState]:
        """Return the states of all committed events of a partition."""
        key = family, partition
        states, first = self._states.setdefault(key, {}), self._offsets.get(key, 0)
        topic = topic_name(family)
        committed, _ = self._cluster.group(self._app_id).offsets.get((topic, partition), (0, ""))
        if committed > first:
            log = self._cluster.topics[topic][partition]
            result = merge_records(
                [one for one in records_of(log, first=first) if one.offset < committed],
                states,
                family=family,
                partition=partition,
                partitions=len(self._cluster.topics[topic]),
                rules=self._rules,
            )
            states.update(result.changed)
            self._offsets[key] = committed
        return states


def shown_losses(
    workers: Iterable[SimulatedWorker],
    lost: Mapping[tuple[str, int], float],
    accepted: AcceptedLosses,
    now: float,
) -> Iterator[str]:
    """Yield each partition shown by a worker long after its log lost records that were read."""
    for worker in _awake(workers):
        shown = worker.membership.shown()
        for (topic, partition), since in lost.items():
            is_late = now - since > LONGEST_UNSEEN_SECONDS
            if is_late and partition in shown and not accepted.get((topic, partition)):
                yield f"{worker.name} shows {topic}[{partition}], which has lost records"


def foreign_states(workers: Iterable[SimulatedWorker]) -> Iterator[str]:
    """Yield each partition whose states a worker holds without showing it, though it shows others.

    Such states would waste memory, and keep records that have been erased since.
    """
    for worker in _awake(workers):
        if not worker.membership.shown():
            continue
        owned = worker.membership.owned()
        for family, partition in worker.store.partitions():
            if partition not in owned and worker.store.states(family, partition):
                yield f"{worker.name} has the states of {family}[{partition}], not its own"


def shown_unheard(cluster: Cluster, workers: Iterable[SimulatedWorker]) -> Iterator[str]:
    """Yield each worker that still shows partitions although its session has expired.

    Its lease is shorter than a session, and begins earlier.
    """
    for worker in _awake(workers):
        ended_at = cluster.expired.get(worker.process)
        if ended_at is not None and worker.membership.shown():
            yield f"{worker.name} shows partitions, and its session ended at {ended_at:.2f} s"


def waiting_for(
    cluster: Cluster, workers: Sequence[SimulatedWorker], *, app_id: str, partitions: int
) -> str:
    """Return what is still missing; "" once all events are committed and all figures shown."""
    if cluster.late_requests:
        return f"{cluster.late_requests} late requests"
    group = cluster.group(app_id)
    for log in _event_logs(cluster):
        committed, metadata = group.offsets.get((log.topic, log.number), (0, ""))
        committed = cluster.overtaken.get((log.topic, log.number), committed)
        # A log may lose markers that were read; without a record before them, nothing is lost.
        had_records = decode_commit_metadata(metadata).last is not None
        if committed < log.end or (committed > log.end and had_records):
            return f"{log.topic}[{log.number}]: committed {committed}, ends at {log.end}"
    shown: set[int] = set()
    for worker in workers:
        if not worker.is_wanted:
            continue
        if worker.membership is None:
            return f"{worker.name} does not run"
        reason = worker.membership.waiting_for()
        if reason is not None:
            return f"{worker.name} waits for {reason}"
        shown |= worker.membership.shown()
    missing = sorted({*range(partitions)} - shown)
    return f"no worker shows the partitions {missing}" if missing else ""


def judge(
    cluster: Cluster,
    workers: Sequence[SimulatedWorker],
    traffic: Traffic,
    rules: RecordRules,
    *,
    fates: Fates,
    outcomes: Outcomes,
) -> Judgement:
    """Compare what the workers show at the end with a recount of the stored records."""
    settings = workers[0].settings
    as_of = settings.make_clock().today()
    records = [record for log in _event_logs(cluster) for record in records_of(log)]
    stored = {(one.topic, one.partition, one.offset): one.value for one in records}
    gone = [one for log in _event_logs(cluster) for one in records_of(log, batches=log.lost)]
    lost = {record[:3] for record in gone}
    problems = [
        f"acknowledged, but missing: {topic}[{partition}]@{offset}"
        for topic, partition, offset, value in traffic.acknowledged
        if stored.get((topic, partition, offset)) != value
        and (topic, partition, offset) not in lost
    ]
    audit = audit_records(
        records, workers[0].catalogue, as_of, partitions=settings.partitions, rules=rules
    )
    pages = {
        id(worker.engine.meters): _exposed(worker.name, worker.engine, worker.membership)
        for worker in workers
        if worker.is_wanted and worker.engine is not None and worker.membership is not None
    }
    comparison = compare_exposed(audit, [*pages.values()])
    # The audit counts a misrouted record, while its copy on the right partition may be lost.
    if not any(name == FORWARDED_FROM for record in gone for name, _ in record.headers):
        problems += comparison.differences
    if comparison.compared < _FEWEST_FIGURES:
        problems.append(f"only {comparison.compared} figures were compared")
    if not lost:  # Otherwise lost records were counted, and the others are counted again.
        problems += outcomes.at_the_end(stored, pages)
    refused: dict[Origin, tuple[RawRecord, Fate]] = {}
    valid: list[RawRecord] = []
    for record in records:
        fate = fates.of(record.topic, record.value, record.headers)
        if fate.reason is None:
            valid.append(record)
            entity = said(record.value or b"").entity.encode()
            if record.headers and record.headers[-1][0] == FORWARDED_FROM and record.key != entity:
                problems.append(f"the forward {record[:3]} has the key {record.key!r}")
        else:
            refused[record[:3]] = record, fate
    expected = _expected_states(valid, settings.partitions)
    for worker in workers:
        if worker.is_wanted and worker.engine is not None and worker.membership is not None:
            shown = worker.membership.shown()
            theirs = {key: states for key, states in expected.items() if key[1] in shown}
            problems += differences(worker.name, worker.engine.state_store, theirs)
    letters = [record for log in cluster.topics[DEAD_LETTERS] for record in records_of(log)]
    problems += letter_problems(letters, refused, lost)
    reasons = Counter(fate.reason for _, fate in refused.values())
    if reasons != audit.account.refusals:
        problems.append(f"the audit refuses {audit.account.refusals}, not {reasons}")
    counts = Counter(
        records=len(records),
        refused=audit.account.refused,
        duplicates=audit.account.duplicates,
        letters=len(letters),
        misrouted=audit.account.misrouted,
        forwarded=audit.account.forwarded,
        compared=comparison.compared,
        generations=cluster.group(settings.app_id).generation,
        starts=sum(worker.starts for worker in workers),
        failed=traffic.failed,
    )
    return Judgement(problems, counts, expected, stored, lost, letters)


def _expected_states(valid: Iterable[RawRecord], partitions: int) -> States:
    """Return the state of each entity after all valid records, by family and partition.

    Of the records of a fact and day, the one with the greatest time, source and id counts, on
    whichever partition it is: misrouted records were forwarded.
    """
    expected: dict[tuple[Family, int], dict[str, dict[str, dict[str, Cell]]]] = {
        (family, number): {} for family in Family for number in range(partitions)
    }
    values: dict[tuple[str, str, str], bytes] = {}
    for record in valid:
        value = record.value or b""
        one = said(value)
        if partition_for(one.entity.encode(), partitions) == record.partition:
            known = values.setdefault(one.cell, value)
            if one.order > said(known).order:
                values[one.cell] = value
    for (entity, fact, day), value in values.items():
        one, home = said(value), partition_for(entity.encode(), partitions)
        attributes = None if one.is_retracted else remembered(value).data.attributes()
        states = expected[FACTS_BY_NAME[fact].FAMILY, home]
        cells = states.setdefault(entity, {}).setdefault(fact, {})
        cells[day] = Cell(*one.order[:3], attributes)
    return expected


def differences(who: str, store: StateStore, expected: States) -> Iterator[str]:
    """Yield the first entity of each partition whose state differs."""
    for (family, partition), states in expected.items():
        found = store.states(family, partition)
        for entity in (*states, *(found.keys() - states.keys())):
            if found.get(entity) != states.get(entity):
                yield (
                    f"{who}: {family}[{partition}] {entity}: {found.get(entity)},"
                    f" not {states.get(entity)}"
                )
                break


def _event_logs(cluster: Cluster) -> Iterator[PartitionLog]:
    for family in Family:
        yield from cluster.topics[topic_name(family)]


def _exposed(name: str, engine: Engine, membership: Membership) -> Exposed:
    """Return what a worker's /metrics would show now."""
    collector = WorkerCollector(
        engine.catalogue, engine.state_store, engine.meters, membership.status
    )
    samples: dict[str, list[Sample]] = {}
    for family in registry_of(collector).collect():
        for sample in family.samples:
            samples.setdefault(sample.name, []).append(sample)
    return Exposed(name, samples)
