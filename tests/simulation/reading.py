"""A reader of the workers' histories, like the assessor and the page: the real collector."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from catalogue.explanations import Explanation
from catalogue.history import Histories
from catalogue.model import Catalogue
from events.fact import Family
from streams.histories import histories_of
from streams.queries.addresses import WorkerAddresses, WorkerTarget
from streams.queries.collector import CollectorPlan, HistoriesCollector
from streams.state import EntityState
from tests.simulation.loop import Process, SimulationLoop
from tests.simulation.programs import SimulatedWorker

Explained = tuple[str, str, str, str, str]
"""An explanation: its entity, day, source, id and text."""

#: For this long the reader forgets no histories: shorter than `CollectorPlan.hold_seconds`.
CONFIRMED_SECONDS: Final = 30.0
#: A loopback address: without a token, workers answer only there.
_ADDRESS: Final = "127.0.1.{}"


def address_of(number: int) -> str:
    """Return the address at which a worker serves."""
    return _ADDRESS.format(number)


class _Target(WorkerTarget):
    """A target whose hash makes sets have the same order in all runs."""

    __slots__ = ()

    def __hash__(self) -> int:
        return int(self.url.rpartition(".")[2].partition(":")[0])


@dataclass(frozen=True, slots=True)
class _Running(WorkerAddresses):
    """The workers that currently run, as a DNS name would resolve to them."""

    now: Callable[[], set[WorkerTarget]] = set

    def targets(self) -> set[WorkerTarget]:
        return self.now()


class Reader:
    """Follows all workers from the start of a run."""

    def __init__(
        self,
        loop: SimulationLoop,
        catalogue: Catalogue,
        workers: Sequence[SimulatedWorker],
        partitions: int,
    ) -> None:
        self._catalogue = catalogue
        self._workers = workers

        def running() -> set[WorkerTarget]:
            return {
                _Target(f"http://{address_of(number)}:{worker.settings.http_port}")
                for number, worker in enumerate(workers)
                if worker.is_wanted
            }

        plan = CollectorPlan(_Running(now=running), partitions)
        self._collector = HistoriesCollector(catalogue, plan, timer=loop.time)
        #: By partition: the histories that were checked last.
        self._checked: dict[int, object] = {}
        #: By partition: the generation of the histories held at the last look, and when they were
        #: confirmed.
        self._seen: dict[int, tuple[int, float]] = {}
        self._loop = loop
        self.process = Process("reader")
        loop.spawn(self.process, lambda: self._collector.follow(asyncio.Event()))

    def problems(self) -> Iterator[str]:
        """Yield what is wrong in the histories that it holds now."""
        yield from self._gone_back()
        yield from self._never_told()

    def _gone_back(self) -> Iterator[str]:
        """Yield each partition for which a late answer restored an earlier owner's histories."""
        for partition, one in self._collector._received._held.items():
            generation, confirmed_at = self._seen.get(partition, (0, 0.0))
            self._seen[partition] = (one.generation, one.confirmed_at)
            # Histories that have not been confirmed for long are forgotten, with their generation.
            if one.generation < generation and self._loop.time() - confirmed_at < CONFIRMED_SECONDS:
                yield (
                    f"the reader went from generation {generation} of partition {partition} back"
                    f" to {one.generation}"
                )

    def _never_told(self) -> Iterator[str]:
        """Yield what it holds of a partition that its worker did not serve at that version."""
        held, checked = self._collector._received._held, self._checked
        for worker in self._workers:
            engine, membership = worker.engine, worker.membership
            if engine is None or membership is None or worker.responder is None:
                continue
            fold = engine.state_store.fold
            for partition, one in held.items():
                if (one.worker, one.version) != (worker.responder._life, fold.version):
                    continue
                now = (one.worker, one.version, one.series, one.explanations)
                if checked.get(partition) == now:
                    continue
                checked[partition] = now
                told = {key: series for key, series in one.series.items() if series.steps}
                true = {key: series for key, series in fold.changed(partition, -1) if series.steps}
                if told.keys() != true.keys() or any(
                    dict(told[key].steps) != dict(true[key].steps) for key in told
                ):
                    yield f"the reader has of {worker.name}, partition {partition}, what it has not"
                said = {_explained(explanation) for _, explanation in one.explanations}
                states = engine.state_store.states(Family.EXPLANATIONS, partition)
                if said != {*explained_in(states)}:
                    yield f"the reader has of {worker.name} other explanations of {partition}"

    def waiting_for(self, histories: Histories, explanations: AbstractSet[Explained]) -> str:
        """Return what is missing or wrong compared with all events; "" for nothing."""
        self._collector._take()
        waiting = self._collector.waiting_for()
        if waiting is not None:
            return f"the reader waits for {waiting}"
        if histories_of(self._collector.sums, self._catalogue) != histories:
            return "the reader's histories are not those of all events"
        held = {_explained(one) for _, one in self._collector.sums.explanations()}
        if held != explanations:
            return f"the reader has {len(held)} explanations, others than the {len(explanations)}"
        return ""


def explained_in(states: Mapping[str, EntityState]) -> Iterator[Explained]:
    """Yield the explanations of states of their family that are not retracted."""
    for entity, facts in states.items():
        for days in facts.values():
            for day, cell in days.items():
                if cell.attributes is not None:
                    yield entity, day, cell.source, cell.id, cell.attributes["text"]


def _explained(one: Explanation) -> Explained:
    return one.entity, one.day.isoformat(), one.source, one.id, one.text
