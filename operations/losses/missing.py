"""What is missing of a partition of events: of what the workers merged, and of its log."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from kafka import TopicPartition
from kafka.admin import OffsetSpec
from kafka.structs import OffsetAndMetadata

from boundary.errors import SmartRegionError
from broker.clients import CONNECT_SECONDS, administering
from broker.offsets import committed_offsets, partition_offsets
from broker.reading import WAIT_SECONDS, Extent, read_topics
from broker.topic_admin import SeenTopic, seen_topics
from events.last_record import LastRecord
from events.offset_runs import OffsetRuns, offsets_in
from events.records import OutgoingRecord
from operations.records_at import records_at
from streams.commit_metadata import decode_commit_metadata
from streams.decisions import (
    AcceptedLoss,
    AcceptedLosses,
    KnownTopic,
    loss_record,
    read_decisions,
    topic_record,
)
from streams.settings import Settings


@dataclass(frozen=True, slots=True)
class PartitionLog:
    """A partition of events as it is, and what the workers have committed of it."""

    topic: str
    partition: int
    start: int
    """The first offset that is left."""
    end: int
    gaps: tuple[tuple[int, int], ...]
    """The first and the last offset of each run of deleted records in the middle."""
    last: LastRecord | None
    """The record that the workers merged last; None where they have not committed which."""
    at_last: LastRecord | None
    """The record at its offset now; None for none."""

    @property
    def has_lost_last(self) -> bool:
        """Whether the record that was merged last is not there any more."""
        return self.last is not None and self.at_last != self.last

    def missing(self) -> Iterator[str]:
        """Yield a clause for each loss."""
        if self.start:
            yield f"all records before offset {self.start} were deleted"
        if self.gaps:
            first, last = self.gaps[0]
            yield (
                f"{offsets_in(self.gaps)} records in the middle were deleted, the first at offsets"
                f" {first} to {last}"
            )
        if self.last is None or not self.has_lost_last:
            return
        offset = self.last.offset
        if offset >= self.end:
            yield f"the workers had read it up to offset {offset}"
        elif offset >= self.start:
            now = "another record" if self.at_last else "no record"
            yield f"at offset {offset} is {now}, not the one that the workers merged last"

    def without(self, accepted: Sequence[AcceptedLoss]) -> PartitionLog:
        """Return it as if nothing were missing whose loss was accepted."""
        gaps = OffsetRuns()
        for first, last in self.gaps:
            if not any(one.covers_gap(first, last + 1) for one in accepted):
                gaps.add(first, last)
        has_last = self.last is not None and any(one.covers_last(self.last) for one in accepted)
        return replace(
            self,
            start=0 if any(one.covers_start(self.start) for one in accepted) else self.start,
            gaps=gaps.runs,
            at_last=self.last if has_last else self.at_last,
        )

    def accepted(self, *, at: datetime, because: str) -> AcceptedLoss:
        """Return the decision that accepts all that is missing."""
        return AcceptedLoss(
            topic=self.topic,
            partition=self.partition,
            last=self.last if self.has_lost_last else None,
            log_start=self.start,
            gaps=self.gaps,
            at=at,
            because=because,
        )


@dataclass(frozen=True, slots=True)
class Losses:
    """What is missing of a topic, and not accepted yet."""

    recreated: KnownTopic | None
    """The topic as it is now, where another one of its name was read."""
    logs: Sequence[PartitionLog]

    def clauses(self) -> Iterator[str]:
        """Yield a sentence for each loss."""
        if self.recreated is not None:
            yield f"{self.recreated.topic} was deleted and created again: what it had is lost."
        for log in self.logs:
            yield (
                f"{log.topic}[{log.partition}] begins at offset {log.start} and ends at offset"
                f" {log.end}: {'; '.join(log.missing())}."
            )

    def decisions(self, *, at: datetime, because: str) -> list[OutgoingRecord]:
        """Return the ledger's records that accept all of it."""
        losses = [loss_record(log.accepted(at=at, because=because)) for log in self.logs]
        if self.recreated is None:
            return losses
        known = self.recreated.model_copy(update={"at": at, "because": because})
        return [topic_record(known), *losses]


def losses_of_topic(settings: Settings, topic: str, partition: int | None) -> Losses:
    """Return what is missing of a partition, of which all is read; None: of the whole topic.

    Raises SmartRegionError, and as `read_logs`.
    """
    security = settings.security()
    place = topic if partition is None else f"{topic}/{partition}"
    with administering(settings.broker, what="topics", security=security) as admin:
        seen = seen_topics(admin, [topic]).get(topic)
    if seen is None or (partition or 0) >= seen.partitions:
        raise SmartRegionError(
            f"partition: is not on the broker, value {place}: create a missing topic"
            " with `smart-region topics apply` first; nothing was decided"
        )
    numbers = range(seen.partitions) if partition is None else [partition]
    logs = with_gaps(settings, read_logs(settings, [TopicPartition(topic, one) for one in numbers]))
    decisions = read_decisions(settings.broker, security=security)
    known = decisions.topics.get(topic) if partition is None else None
    return unaccepted(place, logs, decisions.losses, seen=seen, known=known)


def unaccepted(
    place: str,
    logs: Sequence[PartitionLog],
    accepted: AcceptedLosses,
    *,
    seen: SeenTopic,
    known: KnownTopic | None,
) -> Losses:
    """Return what is missing and not accepted. Raises SmartRegionError."""
    left = [
        log
        for log in logs
        if any(log.without(accepted.get((log.topic, log.partition), ())).missing())
    ]
    recreated = None
    if known is not None and known.id != seen.identity:
        recreated = known.model_copy(update={"id": seen.identity})
    if recreated is None and not left:
        is_accepted = any(any(log.missing()) for log in logs)
        found = "its loss is accepted already" if is_accepted else "all records are there"
        raise SmartRegionError(
            f"partition: has lost nothing, value {place} ({found}): take the topic or the partition"
            " that /readyz or the worker's log names; nothing was decided"
        )
    return Losses(recreated, left)


def with_gaps(settings: Settings, logs: Sequence[PartitionLog]) -> list[PartitionLog]:
    """Read the whole partitions, for their gaps. Raises as `read_topics`."""
    extent = Extent()
    for _ in read_topics(
        settings.broker,
        topics=[TopicPartition(log.topic, log.partition) for log in logs],
        security=settings.security(),
        extent=extent,
    ):
        pass
    return [replace(log, gaps=extent.gaps.get(f"{log.topic}[{log.partition}]", ())) for log in logs]


def read_logs(
    settings: Settings,
    partitions: Collection[TopicPartition],
    *,
    with_committed: bool = True,
    connect_seconds: float = CONNECT_SECONDS,
) -> list[PartitionLog]:
    """Return partitions of events without their gaps, which takes a record of each.

    Without `with_committed`, which needs the right to describe the group and to read the events,
    only where they begin and end. Raises as `administering` and `open_reader`.
    """
    with administering(
        settings.broker,
        what="topics",
        security=settings.security(),
        connect_seconds=connect_seconds,
    ) as admin:
        starts = partition_offsets(admin, partitions, OffsetSpec.EARLIEST)
        ends = partition_offsets(admin, partitions, OffsetSpec.LATEST)
        committed: Mapping[TopicPartition, OffsetAndMetadata] = {}
        if with_committed:
            committed = committed_offsets(admin, settings.app_id, wait_seconds=WAIT_SECONDS)
    last = {
        at: found
        for at in partitions
        if at in committed and (found := _last_of(committed[at], ends[at])) is not None
    }
    there = {
        at: OffsetRuns([one.offset])
        for at, one in last.items()
        if starts[at] <= one.offset < ends[at]
    }
    at_last = {
        TopicPartition(record.topic, record.partition): LastRecord.of(record)
        for record in records_at(settings.broker, there, security=settings.security())
    }
    return [
        PartitionLog(
            at.topic, at.partition, starts[at], ends[at], (), last.get(at), at_last.get(at)
        )
        for at in partitions
    ]


def _last_of(committed: OffsetAndMetadata, end: int) -> LastRecord | None:
    if last := decode_commit_metadata(committed.metadata).last:
        return last
    return LastRecord.before(committed.offset) if committed.offset > end else None
