"""The worker in its consumer group: its partitions, their lag, and whether it is ready."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from time import monotonic
from typing import Any, Final, NamedTuple, cast

import faust
from faust.exceptions import ConsumerNotStarted
from faust.types import TP

from boundary.web import Readiness
from events.fact import Family
from events.topics import topic_name
from streams.batch_transport import BatchConsumer
from streams.commit_metadata import Committed
from streams.decisions import AcceptedLosses
from streams.engine import Engine
from streams.exposition import WorkerStatus
from streams.queries.serving import OwnedPartitions
from streams.topic_faults import TopicFault, summary_of

logger = logging.getLogger(__name__)

#: The timeout of one check of the logs.
LOOK_TIMEOUT_SECONDS: Final = 10.0
#: Under load some records always wait, but for less than this.
OVERDUE_SECONDS: Final = 10.0


class _Owned(NamedTuple):
    """The partitions that the worker owns in a generation of the group."""

    generation: int
    partitions: frozenset[int]


_NOTHING: Final = _Owned(-1, frozenset())


class OverdueRecords:
    """Counts the waiting records that a worker already knew of OVERDUE_SECONDS ago.

    Records that a partition had when it was assigned count at once: they may have waited long.
    """

    def __init__(self, *, clock: Callable[[], float] = monotonic) -> None:
        self.count = 0
        """As of the last look."""
        self._clock = clock
        #: The ends of partitions at earlier times; the first entry is the latest old enough one.
        self._looks: deque[tuple[float, Mapping[TP, int]]] = deque()

    def look(self, ends: Mapping[TP, int], lag: Mapping[TP, int]) -> None:
        """Record the ends of the owned partitions, and how many records before them wait."""
        now = self._clock()
        self._looks.append((now, ends))
        while len(self._looks) > 1 and self._looks[1][0] <= now - OVERDUE_SECONDS:
            self._looks.popleft()
        self.count = sum(
            # A truncated log ends before its former end.
            min(waiting, max(0, waiting - (ends[tp] - self._earlier_end(tp))))
            for tp, waiting in lag.items()
            if waiting and tp in ends
        )

    def _earlier_end(self, tp: TP) -> int:
        return next(known[tp] for _, known in self._looks if tp in known)


class Membership:
    """This worker as a member of its consumer group."""

    def __init__(
        self,
        app: faust.App,
        engine: Engine,
        read_accepted_losses: Callable[[], AcceptedLosses],
    ) -> None:
        self.app = app
        self.engine = engine
        self._read_accepted_losses = read_accepted_losses
        self._logged: frozenset[TopicFault] = frozenset()
        self.unready_since = monotonic()
        self.ready_since = self.unready_since
        self._ready = False
        self._is_recovering = True
        #: As of the last assignment; kept while the group rebalances.
        self._owned = _NOTHING
        #: The number of processed records merged before the last recovery.
        self._merged_before = 0
        #: The faults that `TopicWatch` has found.
        self.topic_faults: Sequence[TopicFault] = ()
        self._overdue = OverdueRecords()
        app.on_partitions_assigned.connect(self._on_assigned, weak=False)  # type: ignore[arg-type]
        app.on_partitions_revoked.connect(self._log_revoked, weak=False)  # type: ignore[arg-type]

    @property
    def consumer(self) -> BatchConsumer:
        """The app's consumer, created by its transport."""
        return cast("BatchConsumer", self.app.consumer)

    def waiting_for(self) -> str | None:
        """Describe what the worker waits for; None when it is ready."""
        reason = self._reason()
        if (reason is None) is not self._ready:
            self._set_ready(ready=reason is None)
        return reason

    def readiness(self) -> Readiness:
        """Return the content of /readyz."""
        warnings = [str(fault) for fault in self.engine.meters.topic_warnings]
        details = {
            "partitions": sorted(self.owned()),
            "shown": sorted(self.shown()),
            "warnings": warnings,
        }
        return Readiness(self.waiting_for(), details)

    def owned(self) -> frozenset[int]:
        """Return the partitions that this worker owns for every family."""
        try:
            assignment = self.consumer.assignment()
        except ConsumerNotStarted:
            return frozenset()
        by_topic: dict[str, set[int]] = {topic_name(family): set() for family in Family}
        for tp in assignment:
            if tp.topic in by_topic:
                by_topic[tp.topic].add(tp.partition)
        return frozenset(set.intersection(*by_topic.values()))

    def shown(self) -> frozenset[int]:
        """Return the partitions whose figures may be shown.

        A partition is shown once its states have all records before the committed offset of every
        family, also during a rebalance in which this worker keeps it. It is hidden while another
        worker may own it: from the answer to the join request until the assignment, and once the
        broker has been silent for 0.8 of the session timeout.
        """
        generation, owned = self._owned
        if not owned or self.topic_faults or self._ownership_problem(generation) is not None:
            return frozenset()
        return frozenset(
            partition
            for partition in owned
            if all(
                self.consumer.is_caught_up(TP(topic_name(family), partition)) for family in Family
            )
        )

    @property
    def generation(self) -> int:
        """The group generation in which this worker owns the partitions that are shown."""
        return self._owned.generation

    def lag(self) -> Mapping[tuple[str, int], int]:
        """Return the number of records not yet processed, by (topic, partition)."""
        try:
            return {(tp.topic, tp.partition): n for tp, n in self.consumer.lag().items()}
        except ConsumerNotStarted:
            return {}

    def processable(self) -> int:
        """Return the number of waiting records that are not behind an open transaction."""
        try:
            in_transactions = sum(self.consumer.in_transactions().values())
        except ConsumerNotStarted:
            return 0
        return sum(self.lag().values()) - in_transactions

    def look_at_lag(self) -> None:
        """Count the overdue records; called every second."""
        # The client's thread may revoke partitions meanwhile: the next call counts them.
        with suppress(ConsumerNotStarted, AssertionError, AttributeError):
            self._overdue.look(self.consumer.event_ends(), self.consumer.lag())

    def overdue(self) -> int:
        """Return the number of records that have waited for OVERDUE_SECONDS, as of a second ago."""
        return self._overdue.count

    async def look_at_logs(self) -> None:
        """Check whether the logs of owned partitions have lost records, and log new losses.

        If a broker does not answer, the next call checks again.
        """
        consumer = self.consumer
        try:
            await asyncio.wait_for(consumer.look_at_logs(), timeout=LOOK_TIMEOUT_SECONDS)
            if consumer.faults:
                consumer.transport.accepted = await asyncio.to_thread(self._read_accepted_losses)
                await asyncio.wait_for(consumer.look_at_logs(), timeout=LOOK_TIMEOUT_SECONDS)
        except Exception as error:  # noqa: BLE001 - the client may raise anything
            logger.warning("logs not looked at error=%r", error)
            return
        self.engine.meters.log_starts = {(*tp,): start for tp, start in consumer.log_starts.items()}
        faults = frozenset(consumer.faults)
        for fault in sorted(faults - self._logged):
            logger.error("lost: %s", fault)
        self._logged = faults

    async def read_again(self, topics: Collection[str]) -> None:
        """Read topics from their start, of which records in the middle may be gone."""
        logger.warning("read again topics=%s", ",".join(sorted(topics)))
        await asyncio.wait_for(self.consumer.read_again(topics), timeout=LOOK_TIMEOUT_SECONDS)

    def commits(self) -> Mapping[tuple[str, int], Committed]:
        """Return the last commits of the partitions that this worker shows."""
        return self.consumer.commits() if self.shown() else {}

    def ownership(self) -> OwnedPartitions:
        """Return the partitions that this worker shows, and the generation it owns them in."""
        waiting_for, shown = self.waiting_for(), self.shown()
        # The generation is read last: it is the one of the partitions shown.
        now = self.engine.clock.now()
        return OwnedPartitions(waiting_for, self.generation, shown, self.overdue(), now)

    def status(self) -> WorkerStatus:
        """Return what /metrics shows of this worker."""
        return WorkerStatus(
            as_of=self.engine.clock.today(),
            ready=self.waiting_for() is None,
            partitions_expected=self.engine.partitions,
            shown=self.shown(),
            lag=self.lag(),
            faults=self.faults(),
        )

    def _reason(self) -> str | None:
        if self.topic_faults:
            # Checked first: if a topic was deleted, the group may never be assigned partitions.
            return f"its topics: {summary_of(self.topic_faults)}: see the runbook TopicFaulty"
        consumer = self.consumer
        try:
            assigned = consumer.assignment()
        except ConsumerNotStarted:
            return "the broker"
        if not self._is_sought():
            self._is_recovering = True
            return "an assignment of partitions"
        if faults := consumer.faults:
            return f"a decision on lost records: {summary_of(faults)}: see the runbook TopicFaulty"
        if not all(map(consumer.is_caught_up, assigned)):
            self._is_recovering = True
            return f"its events ({self.to_catch_up()} processed ones to read)"
        return self._ownership_problem(self.app.consumer_generation_id)

    def _is_sought(self) -> bool:
        if self.app.rebalancing:
            return False
        return self.consumer.is_sought(self.app.consumer_generation_id)

    def faults(self) -> Sequence[TopicFault]:
        """Return the faults of topics: lost records and changed topics."""
        return (*self.consumer.faults, *self.topic_faults)

    def waits_for_repair(self) -> bool:
        """Return True if the topics of owned partitions have faults."""
        return bool(self.faults()) and self._is_sought()

    def _ownership_problem(self, generation: int) -> str | None:
        """Return why another worker may own a generation's partitions, so figures may be old."""
        try:
            problem = self.consumer.ownership_problem(generation)
        except ConsumerNotStarted:
            return "the broker"
        return None if problem is None else f"the broker: {problem}"

    def to_catch_up(self) -> int:
        """Return the number of processed records to read until the worker is ready."""
        return self.consumer.to_catch_up()

    def _set_ready(self, *, ready: bool) -> None:
        now = monotonic()
        self._ready = ready
        if not ready:
            self.unready_since = now
            return
        self.ready_since = now
        if not self._is_recovering:
            logger.info("ready again seconds=%.1f", now - self.unready_since)
            return
        self._is_recovering = False
        meters = self.engine.meters
        meters.recoveries += 1
        meters.recovery_seconds = now - self.unready_since
        # States live long and have no cycles: `freeze` excludes them from collections. Garbage is
        # collected first: frozen garbage would be kept for ever, more with each recovery.
        gc.collect()
        gc.freeze()
        logger.info(
            "ready partitions=%s entities=%d merged=%d seconds=%.1f",
            _listed(self.owned()),
            sum(self.engine.state_store.entities().values()),
            self.engine.recovered_records - self._merged_before,
            meters.recovery_seconds,
        )
        self._merged_before = self.engine.recovered_records

    async def _on_assigned(self, _: Any, assigned: set[Any], **__: Any) -> None:  # noqa: ANN401
        self._owned = _Owned(self.app.consumer_generation_id, self.owned())
        self._is_recovering = True
        logger.info(
            "assigned partitions=%s kept=%s topic_partitions=%d",
            _listed(self.owned()),
            _listed(self.shown()),
            len(assigned),
        )

    async def _log_revoked(self, _: Any, revoked: set[Any], **__: Any) -> None:  # noqa: ANN401
        logger.info("revoked topic_partitions=%d", len(revoked))


def _listed(partitions: frozenset[int]) -> str:
    return ",".join(map(str, sorted(partitions))) or "none"
