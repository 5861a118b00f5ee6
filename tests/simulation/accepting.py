"""The operator, who follows the runbook TopicFaulty when a log has lost records."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any, Final

from events.last_record import LastRecord
from events.topics import FAMILIES
from streams.commit_metadata import decode_commit_metadata
from streams.decisions import AcceptedLoss
from streams.topic_faults import FaultKind, TopicFault
from tests.simulation.cluster import Cluster
from tests.simulation.faults import Fault
from tests.simulation.partition_log import PartitionLog
from tests.simulation.programs import SimulatedWorker
from tests.simulation.records import FORWARDED_FROM

#: How long a worker reports the fault before the operator acts: the time to alert and to read.
REACTION_SECONDS: Final = (2.0, 8.0)
#: How long an alert lasts after the last report: a restarting worker reports nothing.
KEEP_FIRING_SECONDS: Final = 3.0
#: The share of cases in which the operator also restarts all workers, which is unnecessary.
RESTARTED_SHARE: Final = 0.3
LOOK_SECONDS: Final = 0.25
#: The share of batches that an erasure keeps.
KEPT_SHARE: Final = 0.7
#: How long a worker may believe a lower end of a log: a broker reports one, then falls silent.
LONGEST_FALSE_SECONDS: Final = 12.0
_LOSSES: Final = {FaultKind.EVENTS_LOST, FaultKind.RECORDS_DELETED, FaultKind.LOG_DIVERGED}


class Operator:
    """Accepts the losses that workers have reported for some time, and no others."""

    def __init__(
        self,
        cluster: Cluster,
        workers: Sequence[SimulatedWorker],
        *,
        app_id: str,
        chance: Random,
        accepted: dict[tuple[str, int], list[AcceptedLoss]],
        on_accepted: Callable[[], object],
    ) -> None:
        self._cluster = cluster
        self._workers = workers
        self._app_id = app_id
        self._chance = chance
        self._on_accepted = on_accepted
        #: When the operator last acted, in virtual seconds.
        self.acted_at = 0.0
        self.accepted = accepted
        #: Since when workers have reported losses that did not happen.
        self._false_since: dict[TopicFault, float] = {}
        self.problems: list[str] = []

    async def watch(self) -> None:
        """Act whenever an alert has lasted long enough."""
        loop = asyncio.get_running_loop()
        since = last = -1.0
        reaction = self._chance.uniform(*REACTION_SECONDS)
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            now, reported = loop.time(), self._reported()
            false = {
                one
                for one in reported
                if not self._cluster.topics[one.topic][one.partition or 0].lost
            }
            self._false_since = {one: self._false_since.get(one, now) for one in sorted(false)}
            self.problems += [
                f"a worker reports a loss that did not happen: {one}"
                for one, begun in self._false_since.items()
                if now - begun > LONGEST_FALSE_SECONDS
            ]
            if not reported:
                if now - last > KEEP_FIRING_SECONDS:
                    since = -1.0
                continue
            last = now
            if since < 0.0:
                since = now
                self._cluster.note(f"alert {reported[0]}")
            if now - since >= reaction:
                for fault in reported:
                    self._accept(fault)
                if self._chance.random() < RESTARTED_SHARE:
                    for worker in self._workers:
                        worker.terminate()
                since, reaction = -1.0, self._chance.uniform(*REACTION_SECONDS)

    def _reported(self) -> Sequence[TopicFault]:
        """Return the losses that the workers report in their metrics.

        A stopping worker is left out: it no longer checks what it reports.
        """
        return [
            fault
            for worker in self._workers
            if worker.membership is not None
            and worker.process is not None
            and not worker.is_stopping
            and not worker.process.is_paused
            for fault in worker.membership.faults()
            if fault.fault in _LOSSES
        ]

    def _accept(self, fault: TopicFault) -> None:
        """Do what `smart-region topics accept-loss --yes` does."""
        topic, partition = fault.topic, fault.partition or 0
        if not self._cluster.topics[topic][partition].lost:
            return  # The command refuses it.
        committed, metadata = self._cluster.group(self._app_id).offsets.get(
            (topic, partition), (0, "")
        )
        last = decode_commit_metadata(metadata).last
        if last is None and committed:
            last = LastRecord.before(committed)
        log = self._cluster.topics[topic][partition]
        self._note(log, verdict="loss_accepted", last=last, log_start=log.start)

    def erase(self, fault: Fault) -> None:
        """Erase records of a log as the command does: copy what stays, then delete the originals.

        It takes as long as the fault lasts.
        """
        chance, now_ms = Random(fault.number), self._cluster.now_ms()
        logs = [
            log for one in FAMILIES for log in self._cluster.topics[one] if len(log.batches) > 1
        ]
        if not logs:
            return
        log = chance.choice(sorted(logs, key=lambda one: one.start - one.end)[: len(logs) // 2 + 1])
        end = log.high_watermark
        for batch in [*log.batches]:
            # The command erases a copy with its original, which is on another partition.
            stays = chance.random() < KEPT_SHARE or FORWARDED_FROM.encode() in batch.data
            if batch.last < end and stays:
                log.copy(batch, now_ms=now_ms)
        self._note(log, verdict="erased", log_start=end)

        def delete() -> None:
            log.lose_first(end)
            self._on_accepted()

        asyncio.get_running_loop().call_later(fault.lasts, delete)

    def _note(self, log: PartitionLog, **found: Any) -> None:
        at = datetime.fromtimestamp(0, UTC)
        loss = AcceptedLoss(
            topic=log.topic, partition=log.number, at=at, because="the runbook", **found
        )
        self.accepted.setdefault((log.topic, log.number), []).append(loss)
        self.acted_at = asyncio.get_running_loop().time()
        self._on_accepted()
        self._cluster.note(f"the operator accepts {loss}")
