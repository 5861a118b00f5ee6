"""Reads topics from their first record to their end, and follows them from there."""

from __future__ import annotations

import asyncio
import math
from collections import Counter, defaultdict
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from time import monotonic
from types import MappingProxyType
from typing import Any, Final, TypeAlias, TypeVar

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import AuthorizationError, KafkaError

from broker.clients import opened
from broker.errors import (
    BrokerRefusedError,
    BrokerUnreachableError,
    PositionsOutdatedError,
    TopicsMissingError,
    TopicsStalledError,
)
from broker.offset_gaps import OffsetGap, gaps_read_by
from broker.options import quiet_client
from broker.poll_bytes import bound_polls_of_kafka_python
from broker.preflight import preflight
from broker.record_batches import read_any_batch_with_kafka_python
from broker.security import PLAINTEXT, BrokerSecurity
from broker.settings import addresses_of
from broker.stored_record import RawRecord
from broker.topic_admin import check_partitions
from events.fact import Family
from events.offset_runs import OffsetRuns, offsets_in
from events.topics import topic_name

EVENT_TOPICS: Final = tuple(topic_name(family) for family in Family)

WAIT_SECONDS: Final = 20.0
POLL_MS: Final = 300
END_POLL_MS: Final = 60
"""The same for readers that stop at the end, which an empty poll shows."""
POLL_RECORDS: Final = 5_000
FETCH_WAIT_MS: Final = 20
"""How long a broker waits for records before it reports that there are none, and so the end."""
FOLLOW_WAIT_MS: Final = 500
"""The same for readers that follow: each response lists all partitions, and costs accordingly."""
FETCH_BYTES: Final = 16 * 1024 * 1024
"""The limit of one response (default 50 MB): the client keeps one, and its records, in memory."""
GROWING_SECONDS: Final = 5.0
"""How long topics that keep growing are read after their first end was reached."""
SHORT_SECONDS: Final = 3.0
"""How long a partition may seem to end before the position up to which it was read."""
LOOK_SECONDS: Final = 1.0
"""How often the ends of partitions without records are looked up while others return records."""
BESIDE_OTHERS: Final = 3
"""How many times longer to wait for a partition while others return records, which takes time."""
HELD_CHECK_SECONDS: Final = 1.0
"""How often open transactions before a partition's end are looked up."""
PROBE_INTERVAL_SECONDS: Final = 10.0
PROBE_TIMEOUT_SECONDS: Final = 5.0
_NO_ANSWER: Final = (
    "the leader of some partition does not answer; `kafka-topics.sh --describe"
    " --unavailable-partitions` names those without one"
)

Positions: TypeAlias = Mapping[tuple[str, int], int]
"""The next offset to read, by topic and partition."""

NO_POSITIONS: Final[Positions] = MappingProxyType({})

Left = TypeVar("Left", int, int | None)


@dataclass(slots=True)
class Extent:
    """The records that a reading could not return, by partition (`smartregion.schools[3]`)."""

    starts: dict[str, int] = field(default_factory=dict)
    """The first offset, if not 0: earlier records were deleted."""
    gaps: dict[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)
    """The first and the last offset of each run of offsets in the middle without a record."""
    held: dict[str, int] = field(default_factory=dict)
    """How many records at the end are behind an open transaction."""

    def lines(self) -> Iterator[str]:
        """Yield a line for each partition and problem, with its consequence."""
        for partition, start in self.starts.items():
            yield (
                f"{partition}: begins at offset {start}: earlier records are deleted and cannot be"
                " counted; workers may still have them in their states"
            )
        for partition, runs in self.gaps.items():
            first, last = runs[0]
            yield (
                f"{partition}: {offsets_in(runs)} records in the middle are deleted and cannot be"
                f" counted, the first at offsets {first} to {last}"
            )
        for partition, left in self.held.items():
            yield (
                f"{partition}: a transaction is open, and {left} records at the end are behind it:"
                " they are not counted before it has ended"
            )


class TopicReader:
    """Reads every partition of some topics from a position, and knows the distance to its end.

    `positions` are the offsets to begin at; partitions without one are read from their beginning.
    With positions, `poll` raises PositionsOutdatedError if a partition ends before its position:
    it was deleted and created again.

    Ends are the high watermarks of fetch responses, since some brokers return too low an end for
    ListOffsets. A new leader may also return one for a moment: no partition ends before its offset
    in `known_ends`. Aborted records, and records behind an open transaction, are not returned. Not
    thread-safe.
    """

    def __init__(
        self,
        consumer: KafkaConsumer,
        partitions: Sequence[TopicPartition],
        positions: Positions | None = None,
        known_ends: Positions = NO_POSITIONS,
    ) -> None:
        self._consumer = consumer
        self._known_ends = known_ends
        self.answered_at = self._probed_at = monotonic()
        """When the broker last answered, by `time.monotonic`."""
        self.has_advanced = False
        """True if the last poll advanced a partition that was not yet read to its end."""
        self.advanced_at = self.answered_at
        """When the caller had taken the records of the last such poll."""
        self._before_end = set(partitions)
        self._looked_at = monotonic()
        self._stopped_at: dict[TopicPartition, int] = {}
        self._after_last: dict[TopicPartition, int] = {}
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        self._gaps: list[OffsetGap] = []
        self._short_since: dict[TopicPartition, float] = {}
        self._next: dict[TopicPartition, int] | None = None
        if positions is not None:
            self._next = {one: positions.get((one.topic, one.partition), 0) for one in partitions}
            for partition, offset in self._next.items():
                if offset:
                    consumer.seek(partition, offset)

    @property
    def caught_up(self) -> bool:
        """True once each partition was read to its end at the time."""
        return not self._before_end

    def poll(self, wait_ms: int = POLL_MS) -> list[RawRecord]:
        """Return the next records, in each partition's order; none if none arrive in time.

        Raises PositionsOutdatedError.
        """
        if self.has_advanced:
            self.advanced_at = monotonic()  # Processing those records may have taken long.
        batches = self._consumer.poll(timeout_ms=wait_ms)
        before_end = len(self._before_end)
        advances = not self._before_end.isdisjoint(batches)
        if batches:
            self.answered_at = monotonic()
        for partition, batch in batches.items():
            self._after_last[partition] = batch[-1].offset + 1
        if self._next is not None:
            self._check_positions(self._next, batches)
        self._before_end -= {
            partition
            for partition, batch in batches.items()
            if batch[-1].offset + 1 >= (self._end(partition) or 0)
        }
        if self._before_end and (not batches or self._is_due()):
            self._before_end &= self._behind(self._before_end).keys()
        self.has_advanced = advances or len(self._before_end) < before_end
        return [
            RawRecord(
                record.topic,
                record.partition,
                record.offset,
                record.key,
                record.value,
                record.headers,
                record.timestamp,
            )
            for batch in batches.values()
            for record in batch
        ]

    def _is_due(self) -> bool:
        """Return whether to look up ends although other partitions return records.

        No record shows the end of a partition that is empty, or whose last records are not
        returned; and while others keep growing, no poll is empty.
        """
        now = monotonic()
        is_due = now - self._looked_at >= LOOK_SECONDS
        if is_due:
            self._looked_at = now
        return is_due

    def _check_positions(
        self,
        expected: dict[TopicPartition, int],
        batches: Mapping[TopicPartition, Sequence[Any]],
    ) -> None:
        """Raise PositionsOutdatedError if a partition ends before its position.

        If an offset is beyond the end, the client goes back to the beginning by itself; some
        brokers only return the end, which is also too low for a moment after a change of leader.
        """
        reached = {partition: batch[0].offset for partition, batch in batches.items()}
        now = monotonic()
        for partition in expected if not batches else ():
            position = self._consumer.position(partition, timeout_ms=POLL_MS)
            end = self._consumer.highwater(partition)
            if position is not None:
                reached[partition] = position
            if end is None or end >= expected[partition]:
                self._short_since.pop(partition, None)
            elif now - self._short_since.setdefault(partition, now) >= SHORT_SECONDS:
                reached[partition] = end
        before = {
            partition: expected[partition]
            for partition, offset in reached.items()
            if offset < expected[partition]
        }
        if before:
            raise PositionsOutdatedError(_by_name(before))
        expected |= {partition: batch[-1].offset + 1 for partition, batch in batches.items()}

    def behind(self) -> dict[TopicPartition, int | None]:
        """Return the records left on each partition not read to its end; None if unknown."""
        return self._behind(self._consumer.assignment())

    def before_end(self) -> dict[TopicPartition, int | None]:
        """Return the records left on each partition that was never read to its end."""
        return self._behind(self._before_end)

    def _behind(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int | None]:
        behind: dict[TopicPartition, int | None] = {}
        for partition in partitions:
            end = self._end(partition)
            if end is not None and end <= self._after_last.get(partition, 0):
                # To return one position, the client checks all partitions: most of the idle load.
                continue
            position = None
            if end is not None:
                position = self._consumer.position(partition, timeout_ms=POLL_MS)
            if end is None or position is None:
                behind[partition] = None
            elif position < end:
                behind[partition] = end - position
        return behind

    def check_partitions(self, expected: int) -> None:
        """Raise TopicMismatchError if a topic has another number of partitions than expected."""
        counts = Counter(partition.topic for partition in self._consumer.assignment())
        check_partitions(dict(sorted(counts.items())), expected)

    def _end(self, partition: TopicPartition) -> int | None:
        """Return the known end of a partition; None before the first response."""
        end: int | None = self._consumer.highwater(partition)
        known = self._known_ends.get((partition.topic, partition.partition), 0)
        return None if end is None else max(end, known)

    def starts(self) -> dict[TopicPartition, int]:
        """Return the first offset of each partition that does not begin at 0."""
        found = self._consumer.beginning_offsets(list(self._consumer.assignment()))
        return {tp: start for tp, start in found.items() if start > 0}

    def look_for_gaps(self) -> None:
        """From now on, note the offsets without a record. A compacted topic has many."""
        self._gaps = gaps_read_by(self._consumer)

    def gaps(self) -> dict[TopicPartition, OffsetRuns]:
        """Return the noted offsets without a record."""
        found: defaultdict[TopicPartition, OffsetRuns] = defaultdict(OffsetRuns)
        for gap in self._gaps:
            found[TopicPartition(gap.topic, gap.partition)].add(gap.first, gap.next - 1)
        return found

    def held(self) -> dict[TopicPartition, int]:
        """Return the number of records behind an open transaction, for each partition with any.

        A partition counts once its position is the same in two consecutive calls.
        """
        behind = {tp: left for tp, left in self.behind().items() if left is not None}
        # A read-committed consumer gets the last stable offset as the end.
        ends = self._consumer.end_offsets(list(behind)) if behind else {}
        stopped_at = {
            tp: end
            for tp, end in ends.items()
            if end == self._consumer.position(tp, timeout_ms=POLL_MS)
        }
        held = {tp: behind[tp] for tp, at in stopped_at.items() if self._stopped_at.get(tp) == at}
        self._stopped_at = stopped_at
        return held

    def reached_all_but(self, held: Collection[TopicPartition]) -> bool:
        """Return whether each partition except these was read to its end at the time."""
        return self._before_end <= set(held)

    def check_answering(
        self, bootstrap: str, *, timeout: float, security: BrokerSecurity = PLAINTEXT
    ) -> None:
        """Probe the broker from time to time while it returns no records.

        An empty poll does not reveal an unreachable broker: the client retries by itself. Raises
        BrokerUnreachableError if the broker has not answered for `timeout` seconds, and
        BrokerEntryError if it refuses this client.
        """
        if monotonic() - max(self.answered_at, self._probed_at) < PROBE_INTERVAL_SECONDS:
            return
        try:
            self._consumer.beginning_offsets(
                list(self._consumer.assignment()), timeout_ms=int(PROBE_TIMEOUT_SECONDS * 1000)
            )
        except KafkaError:
            asyncio.run(preflight(addresses_of(bootstrap), security))
            self._probed_at = monotonic()
            waited = self._probed_at - self.answered_at
            if waited > timeout:
                raise BrokerUnreachableError(
                    bootstrap,
                    waited_seconds=waited,
                    cause=_NO_ANSWER,
                    security_protocol=security.security_protocol,
                ) from None
        else:
            self.answered_at = monotonic()


@contextmanager
def open_reader(
    bootstrap: str,
    topics: Sequence[str | TopicPartition],
    *,
    security: BrokerSecurity = PLAINTEXT,
    wait_seconds: float = WAIT_SECONDS,
    positions: Positions | None = None,
    known_ends: Positions = NO_POSITIONS,
    fetch_wait_ms: int = FETCH_WAIT_MS,
) -> Iterator[TopicReader]:
    """Yield a reader of topics, or of single partitions, without a consumer group.

    `wait_seconds` bounds the connection.
    `positions` are the offsets to begin at, and `known_ends` the known ends, as for TopicReader.

    Raises TopicsMissingError. The client's errors inside the context become BrokerUnreachableError
    or BrokerRefusedError.
    """
    quiet_client()
    read_any_batch_with_kafka_python()
    bound_polls_of_kafka_python()
    consumer = opened(
        KafkaConsumer,
        bootstrap,
        security=security,
        connect_seconds=wait_seconds,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        allow_auto_create_topics=False,
        # Aborted records do not count.
        isolation_level="read_committed",
        fetch_max_wait_ms=fetch_wait_ms,
        fetch_max_bytes=FETCH_BYTES,
        max_poll_records=POLL_RECORDS,
        # Without a session, each response has the watermark of every partition.
        enable_incremental_fetch_sessions=False,
        metrics_enabled=False,
        # In pure Python, checksums take longer than the rest of an audit.
        check_crcs=False,
    )
    answered_at, reader = monotonic(), None
    with closing(consumer):
        try:
            partitions = _partitions(consumer, bootstrap, topics)
            reader = TopicReader(consumer, partitions, positions, known_ends)
            yield reader
        except KafkaError as error:
            cause = str(error) or type(error).__name__
            if isinstance(error, AuthorizationError):
                raise BrokerRefusedError("return records at", bootstrap, cause=cause) from error
            if reader is not None:
                answered_at = reader.answered_at
            raise BrokerUnreachableError(
                bootstrap,
                waited_seconds=monotonic() - answered_at,
                cause=cause,
                security_protocol=security.security_protocol,
            ) from error


def read_topics(
    bootstrap: str,
    *,
    topics: Sequence[str | TopicPartition] = EVENT_TOPICS,
    security: BrokerSecurity = PLAINTEXT,
    wait_seconds: float = WAIT_SECONDS,
    extent: Extent | None = None,
    partitions: int | None = None,
    known_ends: Positions = NO_POSITIONS,
) -> Iterator[RawRecord]:
    """Yield every record of topics, or of single partitions, from their beginning to their end.

    An end counts after an empty poll; reading of topics that keep growing stops after
    GROWING_SECONDS. Records behind an open transaction cannot be read: `extent` lists them once the
    last record is yielded; without it they are an error. `wait_seconds` bounds each wait for the
    broker. If given, `partitions` is the number that each topic must have. `known_ends` are ends
    that must be reached, for readers that must not miss a record.

    Raises BrokerUnreachableError, TopicsMissingError, TopicMismatchError or TopicsStalledError.
    """
    with open_reader(
        bootstrap, topics, security=security, wait_seconds=wait_seconds, known_ends=known_ends
    ) as reader:
        if partitions is not None:
            reader.check_partitions(partitions)
        may_hold = extent is not None
        if extent is not None:
            reader.look_for_gaps()
            extent.starts = _by_name(reader.starts())
        held = yield from _to_the_end(reader, bootstrap, wait_seconds, may_hold=may_hold)
        if extent is not None:
            # Includes records deleted before they were read: the client skips to the next record.
            extent.starts = _by_name(reader.starts())
            extent.gaps = {
                f"{at.topic}[{at.partition}]": runs.runs
                for at, runs in sorted(reader.gaps().items())
            }
            extent.held = _by_name(held)
        elif held:
            raise _stalled(held, held, bootstrap, wait_seconds)


def _to_the_end(
    reader: TopicReader, bootstrap: str, wait_seconds: float, *, may_hold: bool
) -> Generator[RawRecord, None, dict[TopicPartition, int]]:
    """Yield all records up to the end; return how many an open transaction holds back."""
    progressed_at = checked_at = monotonic()
    leave_at = math.inf
    held: dict[TopicPartition, int] = {}
    while True:
        records = reader.poll(END_POLL_MS)
        yield from records
        now = monotonic()
        if reader.caught_up:
            held = {}
        elif now - checked_at >= HELD_CHECK_SECONDS:
            checked_at, held = now, reader.held()
        if records:
            progressed_at = now
        elif _is_read(reader, held if may_hold else {}):
            return held
        elif now - progressed_at > wait_seconds:
            raise _stalled(reader.behind(), held, bootstrap, wait_seconds)
        waited = 0.0 if reader.has_advanced else now - reader.advanced_at
        if waited > BESIDE_OTHERS * wait_seconds and not reader.reached_all_but(held):
            raise _stalled(reader.before_end(), held, bootstrap, waited)
        if reader.reached_all_but(held):
            longest = wait_seconds if held and not may_hold else GROWING_SECONDS
            leave_at = min(leave_at, now + longest)
        if now >= leave_at:
            return held


def _is_read(reader: TopicReader, held: Collection[TopicPartition]) -> bool:
    """Return, after an empty poll, whether only held records are left, and are still held."""
    left = reader.behind().keys()
    return not left or (left <= set(held) and left <= reader.held().keys())


def _stalled(
    behind: Mapping[TopicPartition, int | None],
    held: Mapping[TopicPartition, int],
    bootstrap: str,
    waited_seconds: float,
) -> TopicsStalledError:
    return TopicsStalledError(
        bootstrap,
        _by_name(behind),
        waited_seconds=waited_seconds,
        in_transaction=behind.keys() <= held.keys(),
    )


def _by_name(counts: Mapping[TopicPartition, Left]) -> dict[str, Left]:
    return {f"{tp.topic}[{tp.partition}]": count for tp, count in sorted(counts.items())}


def _partitions(
    consumer: KafkaConsumer, bootstrap: str, places: Sequence[str | TopicPartition]
) -> list[TopicPartition]:
    topics = sorted({place if isinstance(place, str) else place.topic for place in places})
    found = {topic: consumer.partitions_for_topic(topic) for topic in topics}
    there = [
        TopicPartition(topic, partition)
        for topic, partitions in found.items()
        for partition in sorted(partitions or ())
        if topic in places or TopicPartition(topic, partition) in places
    ]
    if missing := sorted(found.keys() - {partition.topic for partition in there}):
        raise TopicsMissingError(bootstrap, missing)
    return there
