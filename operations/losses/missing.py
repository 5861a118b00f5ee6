"""What is missing of topics of events: of what the workers merged, and of their logs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, NamedTuple

from kafka import TopicPartition
from kafka.admin import OffsetSpec

from boundary.errors import SmartRegionError
from broker.clients import CONNECT_SECONDS, administering
from broker.offsets import committed_offsets, partition_offsets
from broker.reading import WAIT_SECONDS, Extent, read_topics
from broker.topic_admin import seen_topics
from events.last_record import LastRecord
from events.offset_runs import OffsetRuns, offsets_in
from events.records import OutgoingRecord
from events.topics import FAMILIES
from operations.records_at import records_at
from streams.commit_metadata import Committed, decode_commit_metadata
from streams.decisions import (
    NOTHING_NOTED,
    AcceptedLoss,
    AcceptedLosses,
    KnownTopic,
    loss_record,
    read_decisions,
    topic_record,
)
from streams.settings import Settings
from streams.topic_faults import TopicFault, has_committed, ids_of, recreated


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
    """What is missing of topics, and not accepted yet."""

    recreated: Sequence[TopicFault]
    ids: Mapping[str, str]
    """The ids of the topics as they are now, by name, where others may have been read."""
    logs: Sequence[PartitionLog]

    def clauses(self) -> Iterator[str]:
        """Yield a sentence for each loss."""
        for fault in self.recreated:
            yield f"{fault}."
        for log in self.logs:
            yield (
                f"{log.topic}[{log.partition}] begins at offset {log.start} and ends at offset"
                f" {log.end}: {'; '.join(log.missing())}."
            )

    def decisions(self, *, at: datetime, because: str) -> list[OutgoingRecord]:
        """Return the ledger's records that accept all of it."""
        known = [
            KnownTopic(topic=topic, id=identity, at=at, because=because)
            for topic, identity in self.ids.items()
        ]
        losses = [loss_record(log.accepted(at=at, because=because)) for log in self.logs]
        return [*map(topic_record, known), *losses]


ALL: Final = "all"


class Place(NamedTuple):
    """Where to look for losses: in all topics of events, in one, or in one of its partitions."""

    topic: str | None = None
    partition: int | None = None

    @property
    def topics(self) -> Sequence[str]:
        """The topics of events in question."""
        return [*FAMILIES] if self.topic is None else [self.topic]

    def __str__(self) -> str:
        """Return the place as the command reads it."""
        if self.topic is None:
            return ALL
        return self.topic if self.partition is None else f"{self.topic}/{self.partition}"


def losses_at(settings: Settings, place: Place) -> Losses:
    """Return what is missing of topics or of a partition, of which all is read.

    Raises SmartRegionError, and as `read_logs`.
    """
    security = settings.security()
    with administering(settings.broker, what="topics", security=security) as admin:
        seen = seen_topics(admin, place.topics)
    for topic in place.topics:
        if topic not in seen or (place.partition or 0) >= seen[topic].partitions:
            raise SmartRegionError(
                f"partition: is not on the broker, value {place} ({topic}): create a missing topic"
                " with `smart-region topics apply` first; nothing was decided"
            )
    partitions = [
        TopicPartition(topic, number)
        for topic, one in seen.items()
        for number in (range(one.partitions) if place.partition is None else [place.partition])
    ]
    decisions, ids = read_decisions(settings.broker, security=security), ids_of(seen)
    logs = with_gaps(settings, read_logs(settings, partitions, noted=decisions.noted_of(ids)))
    is_read = place.topic is None and has_committed(settings)
    new = recreated(ids, decisions.topics, is_read=is_read) if place.partition is None else ()
    return unaccepted(place, logs, decisions.losses, ids=ids, new=new)


def unaccepted(
    place: Place,
    logs: Sequence[PartitionLog],
    accepted: AcceptedLosses,
    *,
    ids: Mapping[str, str],
    new: Sequence[TopicFault],
) -> Losses:
    """Return what is missing and not accepted, with topics that are `new`.

    Raises SmartRegionError.
    """
    left = [
        log
        for log in logs
        if any(log.without(accepted.get((log.topic, log.partition), ())).missing())
    ]
    if not new and not left:
        is_accepted = any(any(log.missing()) for log in logs)
        found = "its loss is accepted already" if is_accepted else "all records are there"
        raise SmartRegionError(
            f"partition: has lost nothing, value {place} ({found}): take the topic or the partition"
            " that /readyz or the worker's log names; nothing was decided"
        )
    names = {fault.topic for fault in new}
    is_ledger = bool(names - ids.keys())
    return Losses(new, {name: ids[name] for name in ids if is_ledger or name in names}, left)


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
    noted: Mapping[tuple[str, int], Committed] = NOTHING_NOTED,
    with_committed: bool = True,
    connect_seconds: float = CONNECT_SECONDS,
) -> list[PartitionLog]:
    """Return partitions of events without their gaps, which takes a record of each.

    `noted` are commits for partitions of which the group has none any more. Without
    `with_committed`, which needs the right to describe the group and to read the events, only where
    they begin and end. Raises as `administering` and `open_reader`.
    """
    with administering(
        settings.broker,
        what="topics",
        security=settings.security(),
        connect_seconds=connect_seconds,
    ) as admin:
        starts = partition_offsets(admin, partitions, OffsetSpec.EARLIEST)
        ends = partition_offsets(admin, partitions, OffsetSpec.LATEST)
        committed = {TopicPartition(*place): one for place, one in noted.items()}
        if with_committed:
            of_group = committed_offsets(admin, settings.app_id, wait_seconds=WAIT_SECONDS)
            committed |= {
                at: Committed(one.offset, decode_commit_metadata(one.metadata))
                for at, one in of_group.items()
            }
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


def _last_of(committed: Committed, end: int) -> LastRecord | None:
    if last := committed.metadata.last:
        return last
    return LastRecord.before(committed.offset) if committed.offset > end else None
