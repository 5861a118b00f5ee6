"""The check of restored states against the committed offsets of the events.

It runs after each recovery, before events are read: a worker with lost states would show figures
that are too small, and commit offsets of events that are never read again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from contextlib import closing
from time import monotonic
from typing import Final, NamedTuple

from faust.types import TP
from kafka import KafkaConsumer, TopicPartition

from boundary.errors import SmartRegionError
from broker.clients import opened
from broker.errors import BrokerUnreachableError
from broker.record_batches import read_any_batch_with_kafka_python
from events.fact import Family
from events.topics import changelog_name, topic_name
from streams.batch_transport import BatchConsumer, Committed
from streams.changelog_tally import ChangelogTallies, ChangelogTally, ReadTally
from streams.commit_metadata import ChangelogExtent
from streams.core import process
from streams.settings import Settings
from streams.topic_faults import FaultKind, TopicFault

logger = logging.getLogger(__name__)

#: A new partition leader may return an end offset that is too low, for a moment.
ATTEMPTS: Final = 4
ATTEMPT_INTERVAL_SECONDS: Final = 1.0
POLL_MS: Final = 300


class RecoveryEndedEarlyError(SmartRegionError):
    """A recovery ended before the last state: the broker had told it a lower end offset."""

    def __init__(self, topic: str, partition: int, *, restored: int, written: int) -> None:
        super().__init__(
            f"{topic}[{partition}]: the recovery ended at offset {restored}, and states were "
            f"written up to {written}: the broker had told a lower end for a moment; this worker "
            "ends: let the supervisor restart it"
        )


class Extents(NamedTuple):
    """The start and end offsets of a partition of events and of its changelog."""

    events_start: int
    events_end: int
    changelog_start: int
    changelog_end: int


def fault_of(
    family: Family,
    partition: int,
    *,
    app_id: str,
    committed: Committed | None,
    extents: Extents,
    tally: ChangelogTally,
) -> TopicFault | None:
    """Return the loss of a partition's events or states; None for no known loss.

    Without a committed offset all events are read again, so that no state can be missing.
    """
    events, changelog = topic_name(family), changelog_name(app_id, family)
    processed = max(committed.offset if committed else 0, tally.events_end)
    if processed > extents.events_end:
        problem = (
            f"ends at offset {extents.events_end}, and was read up to {processed}: it was created "
            "again, or lost its last events"
        )
        return TopicFault(events, partition, FaultKind.EVENTS_LOST, problem)
    loss = loss_of_states(committed, extents.changelog_start, extents.changelog_end, tally)
    if loss is None:
        return None
    return TopicFault(changelog, partition, FaultKind.CHANGELOG_LOST, loss)


def is_undecided(committed: Committed | None, extents: Extents) -> bool:
    """Return True where only the events show whether a state is missing.

    A worker of 0.1 wrote no metadata with its offset: an empty changelog is complete if all events
    were refused.
    """
    return (
        committed is not None
        and committed.offset > 0
        and committed.metadata.changelog is None
        and extents.changelog_start == extents.changelog_end
    )


def loss_of_states(
    committed: Committed | None, start: int, end: int, tally: ReadTally
) -> str | None:
    """Return what a changelog with these offsets has lost; None for no known loss.

    Without a committed offset all events are read again, so that no state can be missing.
    """
    if committed is None or committed.offset == 0:
        return None
    known = committed.metadata.changelog
    if known is not None and end < known.end:
        what = "is empty" if start == end else f"ends at offset {end}"
        return f"{what}, and was written up to offset {known.end}"
    if start == end:
        # Without metadata, the events are searched.
        lost = known is not None and known.end > known.start
        return "is empty, and states were written to it" if lost else None
    loss = tally.loss() or _overwritten(known, tally)
    if loss is not None:
        return loss
    known_start = 0 if known is None else known.start
    if start > known_start and not tally.is_confirmed:
        return f"begins at offset {start}, and did at {known_start}: its first records were deleted"
    return None


def _overwritten(known: ChangelogExtent | None, tally: ReadTally) -> str | None:
    """Return what a log had lost before late writes filled it up to beyond its former end."""
    if known is None or known.summary is None or not tally.has_other_at(known.summary):
        return None
    return (
        f"had lost its last records before a late write: at offset {known.summary} was a summary, "
        "and is another record"
    )


def check_restored(topic: str, partition: int, committed: Committed | None, restored: int) -> None:
    """Raise RecoveryEndedEarlyError where a recovery ended before the last acknowledged state.

    Without a committed offset all events are read again, so that no state can be missing.
    """
    if committed is None or committed.offset == 0:
        return
    known = committed.metadata.changelog
    if known is not None and restored < known.end:
        raise RecoveryEndedEarlyError(topic, partition, restored=restored, written=known.end)


class StateCheck:
    """Compares restored states with committed offsets."""

    def __init__(self, settings: Settings, tallies: ChangelogTallies) -> None:
        self._settings = settings
        self._tallies = tallies

    async def faults(self, consumer: BatchConsumer) -> list[TopicFault]:
        """Return the faults of assigned partitions; without any, set the changelogs' extents.

        Raises RecoveryEndedEarlyError, and the clients' errors where the broker does not answer.
        """
        assigned = {
            (family, tp.partition)
            for family in Family
            for tp in consumer.assignment()
            if tp.topic == topic_name(family)
        }
        events = {key: TP(topic_name(key[0]), key[1]) for key in assigned}
        committed = await consumer.committed(events.values())
        faults: dict[tuple[Family, int], TopicFault] = {}
        extents: dict[tuple[Family, int], Extents] = {}
        for attempt in range(ATTEMPTS):
            if attempt:
                await asyncio.sleep(ATTEMPT_INTERVAL_SECONDS)
            # What was once right is: another partition's end may be too low by then.
            asked = faults.keys() if attempt else assigned
            extents |= await self._extents(consumer, asked)
            faults = {
                key: fault
                for key in sorted(asked)
                if (fault := self._fault(key, committed.get(events[key]), extents[key]))
            }
            if not faults:
                break
        found = [*faults.values()]
        for key in sorted(assigned):
            fault = await self._loss_shown_by_events(key, committed.get(events[key]), extents[key])
            if fault is not None:
                found.append(fault)
        if not found:
            for key in assigned:
                tally = self._tallies.of(*key)
                log = TP(changelog_name(self._settings.app_id, key[0]), key[1])
                restored = max(consumer.restored_end(log), tally.merged)
                check_restored(*log, committed.get(events[key]), restored)
                start, end = extents[key].changelog_start, extents[key].changelog_end
                tally.set_extent(start, end, restored=restored)
                metadata = consumer.metadata_of(events[key])
                consumer.set_metadata(
                    events[key], metadata.model_copy(update={"changelog": tally.extent})
                )
        return found

    def _fault(
        self, key: tuple[Family, int], committed: Committed | None, extents: Extents
    ) -> TopicFault | None:
        return fault_of(
            *key,
            app_id=self._settings.app_id,
            committed=committed,
            extents=extents,
            tally=self._tallies.of(*key),
        )

    async def _extents(
        self, consumer: BatchConsumer, keys: Iterable[tuple[Family, int]]
    ) -> Mapping[tuple[Family, int], Extents]:
        of = {
            key: (
                TP(topic_name(key[0]), key[1]),
                TP(changelog_name(self._settings.app_id, key[0]), key[1]),
            )
            for key in keys
        }
        wanted = [tp for pair in of.values() for tp in pair]
        if not wanted:
            return {}
        starts = await consumer.earliest_offsets(*wanted)
        ends = await consumer.highwaters(*wanted)
        return {
            key: Extents(starts[events], ends[events], starts[log], ends[log])
            for key, (events, log) in of.items()
        }

    async def _loss_shown_by_events(
        self, key: tuple[Family, int], committed: Committed | None, extents: Extents
    ) -> TopicFault | None:
        if committed is None or not is_undecided(committed, extents):
            return None
        family, partition = key
        accepted = await asyncio.to_thread(
            _has_accepted_events, self._settings, family, partition, before=committed.offset
        )
        if not accepted:
            return None
        return TopicFault(
            changelog_name(self._settings.app_id, family),
            partition,
            FaultKind.CHANGELOG_LOST,
            f"is empty, and events before offset {committed.offset} were accepted",
        )


def _has_accepted_events(
    settings: Settings, family: Family, partition: int, *, before: int
) -> bool:
    """Return True where a partition has an accepted event before an offset.

    The search ends with the first one. Raises BrokerUnreachableError where no record is received
    for the request timeout.
    """
    read_any_batch_with_kafka_python()
    rules = settings.record_rules()
    consumer = opened(
        KafkaConsumer,
        settings.broker,
        security=settings.security(),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        metrics_enabled=False,
    )
    tp = TopicPartition(topic_name(family), partition)
    with closing(consumer):
        consumer.assign([tp])
        consumer.seek_to_beginning(tp)
        received_at = monotonic()
        while True:
            position = consumer.position(tp, timeout_ms=POLL_MS)
            if position is not None and position >= before:
                return False
            records = consumer.poll(timeout_ms=POLL_MS).get(tp, [])
            result = process(
                [record for record in records if record.offset < before],
                {},
                family=family,
                partition=partition,
                partitions=settings.partitions,
                rules=rules,
            )
            if result.changed:
                return True
            if records:
                received_at = monotonic()
            elif monotonic() - received_at > settings.request_timeout:
                raise BrokerUnreachableError(
                    settings.broker,
                    waited_seconds=settings.request_timeout,
                    cause="no answer",
                    security_protocol=settings.security_protocol,
                )
