"""The worker in its consumer group: its partitions, their lag, and whether it is ready."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from time import monotonic
from typing import Any, Final, NamedTuple, cast

import faust
from faust.exceptions import ConsumerNotStarted
from faust.tables.manager import TableManager

from events.fact import Family
from events.topics import topic_name
from streams.batch_transport import BatchConsumer, BatchProducer
from streams.engine import Engine
from streams.overdue import OverdueRecords
from streams.queries.telling import OwnedPartitions
from streams.snapshot import Snapshot, take_snapshot
from streams.topic_faults import TopicFault, summary_of
from streams.web import Readiness

logger = logging.getLogger(__name__)

#: The timeout of the request for the first offsets of partitions.
LOG_START_TIMEOUT_SECONDS = 10.0


class _Restored(NamedTuple):
    """Partitions whose states were complete in a generation of the group."""

    generation: int
    partitions: frozenset[int]


_NOTHING: Final = _Restored(-1, frozenset())


class Membership:
    """This worker as a member of its consumer group."""

    def __init__(self, app: faust.App, engine: Engine) -> None:
        self.app = app
        self.engine = engine
        self.unready_since = monotonic()
        self.ready_since = self.unready_since
        self._ready = False
        self._is_restoring = True
        self._restored = _NOTHING
        #: The changelog records that were read before the last recovery.
        self._read_before = 0
        #: The faults that `TopicWatch` has found.
        self.topic_faults: Sequence[TopicFault] = ()
        self._overdue = OverdueRecords()
        app.on_partitions_assigned.connect(self._on_assigned, weak=False)  # type: ignore[arg-type]
        app.on_partitions_revoked.connect(self._log_revoked, weak=False)  # type: ignore[arg-type]

    @property
    def consumer(self) -> BatchConsumer:
        """The app's consumer, which its transport made."""
        return cast("BatchConsumer", self.app.consumer)

    @property
    def producer(self) -> BatchProducer:
        """The app's producer, which its transport made."""
        return cast("BatchProducer", self.app.producer)

    def waiting_for(self) -> str | None:
        """Return a description of what the worker waits for; None when it is ready."""
        reason = self._reason()
        if (reason is None) is not self._ready:
            self._set_ready(ready=reason is None)
        return reason

    def readiness(self) -> Readiness:
        """Return the content of /readyz."""
        details = {"partitions": sorted(self.owned()), "shown": sorted(self.shown())}
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

        A partition that stays with this worker is shown during a rebalance and while others are
        restored. It is not while another worker may own it: from the answer to the request to join
        until the assignment, and once the broker has been silent for 0.8 of the session timeout.
        """
        if self.waiting_for() is None:
            return self._restored.partitions
        generation, partitions = self._restored
        if not partitions or self.faults():
            return frozenset()
        return partitions if self._ownership_problem(generation) is None else frozenset()

    @property
    def generation(self) -> int:
        """The group's generation in which this worker owns the partitions that are shown."""
        return self._restored.generation

    def lag(self) -> Mapping[tuple[str, int], int]:
        """Return the records not processed yet, by (topic, partition)."""
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
        """Count the overdue records; to be called each second."""
        # The client's thread may take partitions away meanwhile: the next look counts them.
        with suppress(ConsumerNotStarted, AssertionError, AttributeError):
            self._overdue.look(self.consumer.event_ends(), self.consumer.lag())

    def overdue(self) -> int:
        """Return the number of records that have waited for OVERDUE_SECONDS, as of a second ago."""
        return self._overdue.count

    async def read_log_starts(self) -> None:
        """Read the first offsets of the owned partitions of events into the meters."""
        consumer = self.consumer
        topics = {topic_name(family) for family in Family}
        try:
            owned = [tp for tp in consumer.assignment() if tp.topic in topics]
            starts = await asyncio.wait_for(
                consumer.earliest_offsets(*owned), timeout=LOG_START_TIMEOUT_SECONDS
            )
        except Exception as error:  # noqa: BLE001 - the client may raise anything; requested again
            logger.warning("first offsets not read error=%r", error)
            return
        self.engine.meters.log_starts = {
            (tp.topic, tp.partition): offset for tp, offset in starts.items() if offset >= 0
        }

    def ownership(self) -> OwnedPartitions:
        """Return the partitions that this worker shows, and the generation in which it owns."""
        waiting_for, shown = self.waiting_for(), self.shown()
        # The generation is read last: it is that of what is shown.
        now = self.engine.clock.now()
        return OwnedPartitions(waiting_for, self.generation, shown, self.overdue(), now)

    def snapshot(self) -> Snapshot:
        """Return an immutable copy of what /metrics shows."""
        engine = self.engine
        return take_snapshot(
            engine.state_store,
            as_of=engine.clock.today(),
            ready=self.waiting_for() is None,
            partitions=engine.partitions,
            shown=self.shown(),
            lag=self.lag(),
            faults=self.faults(),
        )

    def _reason(self) -> str | None:
        is_restored = self._is_restored(cast("TableManager", self.app.tables))
        self._is_restoring |= not is_restored
        if self.topic_faults:
            # First: a group whose topic was deleted may never be assigned partitions again.
            return f"its topics: {summary_of(self.topic_faults)}"
        if is_restored:
            if losses := self._losses():
                lost = summary_of(losses)
                return f"a rebuild of lost states: {lost}; see `smart-region rebuild --help`"
            generation = self.app.consumer_generation_id
            if self._is_restoring:
                self._restored = _Restored(generation, self.owned())
            return self._ownership_problem(generation)
        try:
            assigned = self.consumer.assignment()
        except ConsumerNotStarted:
            return "the broker"
        if self.app.in_recovery and assigned:
            return f"recovery of the state ({self.to_recover()} changelog records to go)"
        step = self.consumer.join_step
        return "an assignment of partitions" + (f" ({step})" if step else "")

    def _is_restored(self, tables: TableManager) -> bool:
        if not tables.actives_ready or self.app.rebalancing:
            return False
        try:
            return self.consumer.is_checked(self.app.consumer_generation_id)
        except ConsumerNotStarted:
            return False

    def faults(self) -> Sequence[TopicFault]:
        """Return the faults of topics: lost records and changed topics."""
        return (*self._losses(), *self.topic_faults)

    def waits_for_repair(self) -> bool:
        """Return True where the topics of restored states have faults.

        The losses that a check has found are told until the next one, and so while a recovery runs.
        """
        return bool(self.faults()) and self._is_restored(cast("TableManager", self.app.tables))

    def _losses(self) -> Sequence[TopicFault]:
        try:
            return self.consumer.faults
        except ConsumerNotStarted:
            return ()

    def _ownership_problem(self, generation: int) -> str | None:
        """Return why another worker may own a generation's partitions: figures may be outdated."""
        try:
            problem = self.consumer.ownership_problem(generation)
        except ConsumerNotStarted:
            return "the broker"
        return None if problem is None else f"the broker: {problem}"

    def to_recover(self) -> int:
        """Return the number of changelog records to read until the recovery ends."""
        recovery = cast("TableManager", self.app.tables).recovery
        return max(recovery.active_remaining_total(), 0) if self.app.in_recovery else 0

    def _set_ready(self, *, ready: bool) -> None:
        now = monotonic()
        self._ready = ready
        if not ready:
            self.unready_since = now
            return
        self.ready_since = now
        if not self._is_restoring:
            logger.info("ready again seconds=%.1f", now - self.unready_since)
            return
        self._is_restoring = False
        meters = self.engine.meters
        meters.recoveries += 1
        meters.recovery_seconds = now - self.unready_since
        # Restored states live long and have no cycles: they are excluded from collections. What is
        # garbage by now would be kept for ever, with each recovery some more.
        gc.collect()
        gc.freeze()
        state_store = self.engine.state_store
        logger.info(
            "ready partitions=%s entities=%d restored=%d seconds=%.1f",
            _listed(self.owned()),
            sum(state_store.entities().values()),
            state_store.restored - self._read_before,
            meters.recovery_seconds,
        )
        self._read_before = state_store.restored

    async def _on_assigned(self, _: Any, assigned: set[Any], **__: Any) -> None:  # noqa: ANN401
        self._keep()
        logger.info(
            "assigned partitions=%s kept=%s topic_partitions=%d",
            _listed(self.owned()),
            _listed(self._restored.partitions),
            len(assigned),
        )

    def _keep(self) -> None:
        """Keep the partitions that no other worker can have owned since they were restored.

        A member that joins again, as the watch for late writes lets it do, may get the assignment
        that it had, of the same generation. The states of a partition that was away for a
        generation are kept too, but are incomplete until its changelog is read to the end.
        """
        generation = self.app.consumer_generation_id
        before, partitions = self._restored
        is_next = generation in {before, before + 1}
        kept = partitions & self.owned() if is_next else frozenset[int]()
        self._restored = _Restored(generation, kept)
        self._is_restoring = True

    async def _log_revoked(self, _: Any, revoked: set[Any], **__: Any) -> None:  # noqa: ANN401
        logger.info("revoked topic_partitions=%d", len(revoked))


def _listed(partitions: frozenset[int]) -> str:
    return ",".join(map(str, sorted(partitions))) or "none"
