"""Judges the outcomes that workers count, by what was sent and in which order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from audit.exposed import Exposed
from catalogue import metrics
from events.fact import Family
from events.partitioning import partition_for
from events.records import OutgoingRecord, Record
from streams import merging
from streams.batch_transport import BatchProducer
from streams.decisions import AcceptedLosses
from streams.merging import Result
from streams.meters import Meters
from streams.state import EntityState
from streams.state_store import Position, StateStore
from tests.simulation.cluster import Cluster
from tests.simulation.letters_oracle import Origin, origins_of
from tests.simulation.loop import current_process
from tests.simulation.records import Fates, Said, said

#: The event type under which refused records are counted.
_UNREAD: Final = "unknown"
_Order = tuple[int, str, str, bool]


class _Batch(NamedTuple):
    """The expected outcomes of a batch's records."""

    result: Result
    origins: Sequence[Origin]
    outcomes: Counter[tuple[str, str]]
    """By event type and outcome."""
    reasons: Counter[str]


class _Partition:
    """A partition's records before `end`: for each cell, the greatest time, source and id."""

    def __init__(self) -> None:
        self.end = 0
        self.greatest: dict[tuple[str, str, str], _Order] = {}


class Outcomes:
    """Checks what each process of a worker counts.

    For records that no worker has processed before, their order alone determines the outcome.
    Records that are processed again meet a state that already has some of them, so they are
    compared with the worker's previous state. Records that were committed when a process began are
    not counted by it, and it writes no dead letters or copies of them.
    """

    def __init__(self, fates: Fates, cluster: Cluster, accepted: AcceptedLosses) -> None:
        self._fates = fates
        self._cluster = cluster
        self._accepted = accepted
        self._partitions: dict[tuple[Family, int], _Partition] = {}
        #: By result that is not counted yet: its batch.
        self._batches: dict[int, _Batch] = {}
        #: By the meters of each process: their expected values.
        self._lives: dict[int, tuple[Meters, Counter[tuple[str, str]], Counter[str]]] = {}
        self._counted: set[Origin] = set()
        self.problems: list[str] = []

    def watch(self) -> None:
        """Observe each batch that an engine computes, and each that its meters count."""
        merge, count = vars(merging)["merge_records"], Meters.count
        write_all, move = BatchProducer.write_all, StateStore.move

        def processed(records: Iterable[Record], *given: Any, **named: Any) -> Result:
            records = list(records)
            result: Result = merge(records, *given, **named)
            self._expect(records, given[0], result, **named)
            return result

        def counted(meters: Meters, result: Result) -> None:
            count(meters, result)
            self._note(meters, result)

        async def written(producer: BatchProducer, records: Sequence[OutgoingRecord]) -> None:
            # Accepted losses are part of the rules, so all records are judged again.
            if not self._accepted:
                self._check_new("writes", [one for each in records for one in origins_of(each)])
            await write_all(producer, records)

        def moved(store: StateStore, family: Family, number: int, position: Position) -> None:
            before = store.position(family, number)
            last = position.last
            after_last = position.start if last is None else last.offset + 1
            if (
                before is not None
                and position.next < before.next
                # Back over markers alone: a log that replaced another has records there.
                and (last != before.last or position.next != after_last)
            ):
                self.problems.append(
                    f"{current_process().name}: the position of {family}[{number}] goes from"
                    f" {before.next} back to {position.next}, and its states stay"
                )
            move(store, family, number, position)

        vars(merging)["merge_records"] = processed
        # mypy refuses the assignments.
        setattr(Meters, "count", counted)  # noqa: B010
        setattr(BatchProducer, "write_all", written)  # noqa: B010
        setattr(StateStore, "move", moved)  # noqa: B010

    def _check_new(self, does: str, origins: Iterable[Origin]) -> None:
        """Note a worker that repeats what was committed before its process began."""
        worker = current_process().owner
        for topic, partition, offset in origins:
            place = topic, partition
            is_lost = (
                place in self._cluster.went_back or self._cluster.topics[topic][partition].lost
            )
            if offset < worker.committed_before.get(place, 0) and not is_lost:
                self.problems.append(
                    f"{worker.name} {does} {topic}[{partition}]@{offset} again, which was committed"
                )
                return

    def _expect(
        self,
        records: Sequence[Record],
        states: Mapping[str, EntityState],
        result: Result,
        *,
        family: Family,
        partition: int,
        partitions: int,
        **_ignored: object,
    ) -> None:
        if not records:
            return
        log = self._partitions.setdefault((family, partition), _Partition())
        greatest, is_first = log.greatest, records[0].offset >= log.end
        seen: dict[tuple[str, str, str], _Order] = greatest if is_first else {}
        outcomes: Counter[tuple[str, str]] = Counter()
        reasons: Counter[str] = Counter()
        for record in records:
            reason, _ = self._fates.of(record.topic, record.value, record.headers)
            if reason is not None:
                reasons[reason.value] += 1
                continue
            one = said(record.value or b"")
            if partition_for(one.entity.encode(), partitions) != partition:
                outcomes[one.kind, "misrouted"] += 1
                continue
            cell = one.cell
            known = seen.get(cell)
            if known is None and not is_first:
                known = _order_in(states, one)
            if known is None or one.order > known:
                seen[cell] = one.order
                outcome = "accepted"
            else:
                outcome = "duplicate" if one.order[:3] == known[:3] else "superseded"
            outcomes[one.kind, outcome] += 1
            if not is_first and record.offset >= log.end:
                greatest[cell] = max(one.order, greatest.get(cell, one.order))
        log.end = max(log.end, records[-1].offset + 1)
        if reasons:
            outcomes[_UNREAD, "refused"] = reasons.total()
        origins = [(one.topic, one.partition, one.offset) for one in records]
        self._batches[id(result)] = _Batch(result, origins, outcomes, reasons)

    def _note(self, meters: Meters, result: Result) -> None:
        batch = self._batches.pop(id(result), None)
        if batch is None:
            self.problems.append(f"a worker counts records that it refused itself: {result.tally}")
            return
        _, outcomes, reasons = self._lives.setdefault(id(meters), (meters, Counter(), Counter()))
        self._check_new("counts", batch.origins)
        outcomes.update(batch.outcomes)
        reasons.update(batch.reasons)
        self._counted.update(batch.origins)

    def at_the_end(self, stored: Iterable[Origin], pages: Mapping[int, Exposed]) -> Iterator[str]:
        """Yield wrong counts; `pages` has the exposed values, by the id of their meters."""
        yield from self.problems
        if missing := set(stored) - self._counted:
            yield f"{len(missing)} records were never counted, the first is {min(missing)}"
        for meters, outcomes, reasons in self._lives.values():
            yield from _differences("events", meters.events, outcomes)
            yield from _differences("dead letters", meters.dead_letters, reasons)
            by_producer = meters.producers
            yield from _differences("producers' events", _last(by_producer.events), _last(outcomes))
            yield from _differences(
                "producers' refusals", _last(by_producer.refused), _last(reasons)
            )
            if (page := pages.get(id(meters))) is not None:
                shown = {
                    (one.labels["type"], one.labels["outcome"]): int(one.value)
                    for one in page.of(metrics.EVENTS)
                }
                yield from _differences(f"{metrics.EVENTS.name} of {page.url}", shown, outcomes)
                shown_reasons = {
                    one.labels["reason"]: int(one.value) for one in page.of(metrics.DEAD_LETTERS)
                }
                yield from _differences(
                    f"{metrics.DEAD_LETTERS.name} of {page.url}", shown_reasons, reasons
                )


def _order_in(states: Mapping[str, EntityState], one: Said) -> _Order | None:
    cell = states.get(one.entity, {}).get(one.fact, {}).get(one.day)
    return None if cell is None else (*cell[:3], cell.attributes is not None)


def _last(counts: Mapping[Any, int]) -> Counter[str]:
    """Return counts by the last part of their keys alone."""
    found: Counter[str] = Counter()
    for key, number in counts.items():
        found[key[-1] if isinstance(key, tuple) else key] += number
    return found


def _differences(what: str, found: Mapping[Any, int], expected: Mapping[Any, int]) -> Iterator[str]:
    for key in sorted({*found, *expected}):
        if found.get(key, 0) != expected.get(key, 0):
            which = key if isinstance(key, str) else " ".join(key)
            yield f"{what} {which}: {found.get(key, 0)} are counted, not {expected.get(key, 0)}"
