"""The operator: what the runbook TopicFaulty tells him to do where a changelog is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from random import Random
from typing import TYPE_CHECKING, Final

from events.fact import Family
from events.topics import changelog_name, topic_name
from streams.topic_faults import FaultKind

if TYPE_CHECKING:
    from streams.topic_faults import TopicFault
    from tests.simulation.cluster import Cluster
    from tests.simulation.simulated_worker import SimulatedWorker

#: How long a worker reports the fault before he acts: the alert waits, and he reads.
REACTION_SECONDS: Final = (2.0, 8.0)
#: An alert goes on for so long after the last report: a worker that starts again reports nothing.
KEEP_FIRING_SECONDS: Final = 3.0
LOOK_SECONDS: Final = 0.25
#: A worker that was asked to end is killed after that, as Kubernetes does.
GRACE_SECONDS: Final = 10.0


class Operator:
    """Rebuilds the states where a worker reports a lost changelog: then, and then only."""

    def __init__(
        self,
        cluster: Cluster,
        workers: Sequence[SimulatedWorker],
        *,
        app_id: str,
        chance: Random,
        on_rebuild: Callable[[], object],
    ) -> None:
        self._cluster = cluster
        self._workers = workers
        self._app_id = app_id
        self._chance = chance
        self._on_rebuild = on_rebuild
        #: While he keeps the workers stopped.
        self.is_at_work = False
        #: When he last did something, in virtual seconds.
        self.acted_at = 0.0
        self.rebuilds = 0
        self.problems: list[str] = []

    async def watch(self, lost: Collection[tuple[str, int]]) -> None:
        """Act where an alert lasts; `lost` has the partitions that have lost records so far."""
        loop = asyncio.get_running_loop()
        since = last = -1.0
        reaction = self._chance.uniform(*REACTION_SECONDS)
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            now, reported = loop.time(), self._reported()
            if not reported:
                if now - last > KEEP_FIRING_SECONDS:
                    since = -1.0
                continue
            last = now
            if since < 0.0:
                since = now
                self._cluster.note(f"alert {reported[0]}")
            self.problems += [
                f"a worker reports a loss that there was not: {one}"
                for one in reported
                if (one.topic, one.partition) not in lost
            ]
            if now - since >= reaction:
                await self.rebuild()
                since, reaction = -1.0, self._chance.uniform(*REACTION_SECONDS)

    def _reported(self) -> Sequence[TopicFault]:
        """Return what the workers' metrics have of lost changelogs."""
        return [
            fault
            for worker in self._workers
            if worker.membership is not None
            and worker.process is not None
            and not worker.process.is_paused
            for fault in worker.membership.faults()
            if fault.fault is FaultKind.CHANGELOG_LOST
        ]

    async def rebuild(self) -> None:
        """Stop the workers, do as `smart-region rebuild --yes`, and start them."""
        await self.restart(self._empty)
        self.rebuilds += 1

    async def restart(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Stop all workers, do something, and start them."""
        self.is_at_work = True
        self._cluster.note("the operator stops all workers")
        waiting = [self._stop(worker) for worker in self._workers]
        await asyncio.gather(*waiting)
        group = self._cluster.group(self._app_id)
        # The command refuses to work beside a member.
        while group.members:  # noqa: ASYNC110 - the command is tried again
            await asyncio.sleep(LOOK_SECONDS)
        meanwhile()
        self._cluster.note("the operator starts all workers")
        self.is_at_work = False
        self.acted_at = asyncio.get_running_loop().time()
        for worker in self._workers:
            worker.may_run.set()

    @staticmethod
    async def _stop(worker: SimulatedWorker) -> None:
        loop = asyncio.get_running_loop()
        worker.may_run.clear()
        process, begin = worker.process, loop.time()
        worker.terminate()
        while worker.process is not None:
            if worker.process is process and loop.time() - begin > GRACE_SECONDS:
                worker.kill()
            await asyncio.sleep(LOOK_SECONDS)

    def _empty(self) -> None:
        """Reset the offsets of the events, and empty the changelogs."""
        offsets = self._cluster.group(self._app_id).offsets
        for family in Family:
            for log in self._cluster.topics[topic_name(family)]:
                if log.start:
                    self.problems.append(f"a rebuild lacks events of {log.topic}[{log.number}]")
                if offsets.get((log.topic, log.number), (0, ""))[0]:
                    offsets[log.topic, log.number] = (0, "")
            for log in self._cluster.topics[changelog_name(self._app_id, family)]:
                log.lose_first(log.end)
        self._on_rebuild()
        self._cluster.note("the operator has rebuilt the states")
