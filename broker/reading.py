"""Reading topics from their first record to their last, and on from there."""

from __future__ import annotations

import logging
import math
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Final, TypeVar

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import AuthorizationError, KafkaError

from broker.clients import PLAINTEXT, BrokerSecurity, opened
from broker.errors import (
    BrokerRefusedError,
    BrokerUnreachableError,
    OpenTransactionError,
    TopicsMissingError,
    TopicsStalledError,
)
from broker.poll_bytes import bound_polls_of_kafka_python
from broker.record_batches import read_any_batch_with_kafka_python
from broker.stored_record import RawRecord
from events.registry import Family
from events.topics import topic_name

__all__ = ["Extent", "TopicReader", "open_reader", "read_topics"]

EVENT_TOPICS: Final = tuple(topic_name(family) for family in Family)

WAIT_SECONDS: Final = 20.0
POLL_MS: Final = 300
POLL_RECORDS: Final = 5_000
FETCH_WAIT_MS: Final = 100
GROWING_SECONDS: Final = 5.0
"""How long records that are still being produced are read on, once the end has been seen."""
LOOK_SECONDS: Final = 1.0
"""How often it is asked what keeps a partition from being read to its end."""

Left = TypeVar("Left", int, int | None)


@dataclass(slots=True)
class Extent:
    """What a reading could not give, by partition (`smartregion.schools[3]`)."""

    starts: dict[str, int] = field(default_factory=dict)
    """The first offset that is left, where that is not 0: what was before it was deleted."""
    held: dict[str, int] = field(default_factory=dict)
    """How many records at the end lie behind a transaction that is still open."""

    def told(self) -> Iterator[str]:
        """Tell each in a line, and what it means for whoever reads the rest."""
        for place, start in self.starts.items():
            yield (
                f"{place}: begins at offset {start}: what was before is deleted, and counted from"
                " no topic again; workers may still know it from their states"
            )
        for place, left in self.held.items():
            yield (
                f"{place}: a transaction is open, and {left} records at the end are behind it:"
                " nobody counts them before it has ended"
            )


class TopicReader:
    """Reads every partition of some topics from its beginning, and knows how far its end is.

    Ends are the high watermarks that the broker's answers to fetches carry: some brokers tell an
    end that is too low when they are only asked for it. What was aborted is not given, and nothing
    that lies behind an open transaction. Belongs to one thread at a time.
    """

    def __init__(self, consumer: KafkaConsumer, partitions: Sequence[TopicPartition]) -> None:
        self._consumer = consumer
        self.heard_at = monotonic()
        """When the broker last handed something on, by `time.monotonic`."""
        self._end_unseen = set(partitions)
        self._stood: dict[TopicPartition, int] = {}
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)

    @property
    def caught_up(self) -> bool:
        """True once each partition has been read to what was its end at that moment."""
        return not self._end_unseen

    def poll(self) -> list[RawRecord]:
        """Return the next records, in the order of each partition; none where none came soon."""
        batches = self._consumer.poll(timeout_ms=POLL_MS)
        if batches:
            self.heard_at = monotonic()
        self._end_unseen -= {
            partition
            for partition, batch in batches.items()
            if batch[-1].offset + 1 >= self._consumer.highwater(partition)
        }
        if not batches and self._end_unseen:
            self._end_unseen &= self.behind().keys()
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

    def behind(self) -> dict[TopicPartition, int | None]:
        """How many records are left on each partition that is not read to its end; None: unknown.

        What a poll brought is not left.
        """
        behind: dict[TopicPartition, int | None] = {}
        for partition in self._consumer.assignment():
            end = self._consumer.highwater(partition)
            position = None
            if end is not None:
                position = self._consumer.position(partition, timeout_ms=POLL_MS)
            if end is None or position is None:
                behind[partition] = None
            elif position < end:
                behind[partition] = end - position
        return behind

    def starts(self) -> dict[TopicPartition, int]:
        """The first offset of each partition that does not begin at 0."""
        found = self._consumer.beginning_offsets(list(self._consumer.assignment()))
        return {place: start for place, start in found.items() if start > 0}

    def held(self) -> dict[TopicPartition, int]:
        """How many records are behind an open transaction, on each partition that waits for one.

        It takes two looks: a partition has to stand still between them.
        """
        behind = {place: left for place, left in self.behind().items() if left is not None}
        # Of what is committed, the end that a broker tells is the last stable offset.
        ends = self._consumer.end_offsets(list(behind)) if behind else {}
        stand = {
            place: end
            for place, end in ends.items()
            if end == self._consumer.position(place, timeout_ms=POLL_MS)
        }
        held = {place: behind[place] for place, at in stand.items() if self._stood.get(place) == at}
        self._stood = stand
        return held

    def reached_all_but(self, held: Collection[TopicPartition]) -> bool:
        """Tell whether each partition but these has been read to what was its end."""
        return self._end_unseen <= set(held)

    def answers(self, *, wait_seconds: float) -> bool:
        """Ask the leader of every partition for something small; tell whether all answer in time.

        A poll that brings nothing says nothing of it: the client goes on trying by itself.
        """
        partitions = list(self._consumer.assignment())
        try:
            self._consumer.beginning_offsets(partitions, timeout_ms=int(wait_seconds * 1000))
        except KafkaError:
            return False
        self.heard_at = monotonic()
        return True


@contextmanager
def open_reader(
    bootstrap: str,
    topics: Sequence[str],
    *,
    security: BrokerSecurity = PLAINTEXT,
    wait_seconds: float = WAIT_SECONDS,
) -> Iterator[TopicReader]:
    """Give a reader of topics, without a consumer group; `wait_seconds` bounds the connection.

    Raises `BrokerUnreachableError` or `BrokerRefusedError`, also for what the client raises inside
    the context, or `TopicsMissingError`.
    """
    # Where no log is configured, a command's reader would be told of each of the client's attempts.
    logging.getLogger("kafka").addHandler(logging.NullHandler())
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
        # What a producer took back before it was done was never said.
        isolation_level="read_committed",
        fetch_max_wait_ms=FETCH_WAIT_MS,
        max_poll_records=POLL_RECORDS,
        # Without a session each answer carries the watermark of every partition.
        enable_incremental_fetch_sessions=False,
        metrics_enabled=False,
        # Counted in plain Python, checksums take longer than all the rest of an audit.
        check_crcs=False,
    )
    heard_at, reader = monotonic(), None
    with closing(consumer):
        try:
            reader = TopicReader(consumer, _partitions(consumer, bootstrap, topics))
            yield reader
        except KafkaError as error:
            cause = str(error) or type(error).__name__
            if isinstance(error, AuthorizationError):
                raise BrokerRefusedError("let us read at", bootstrap, cause=cause) from error
            if reader is not None:
                heard_at = reader.heard_at
            raise BrokerUnreachableError(
                bootstrap,
                waited_seconds=monotonic() - heard_at,
                cause=cause,
                security_protocol=security.security_protocol,
            ) from error


def read_topics(
    bootstrap: str,
    *,
    topics: Sequence[str] = EVENT_TOPICS,
    security: BrokerSecurity = PLAINTEXT,
    wait_seconds: float = WAIT_SECONDS,
    extent: Extent | None = None,
) -> Iterator[RawRecord]:
    """Yield every record of the topics, of each partition from its beginning to its end.

    The end is believed after an empty poll. Topics that grow all the while are left after some
    seconds. Where a transaction is open the end cannot be read: `extent` then says so, once the
    last record is given; without it that is an error. `wait_seconds` bounds each wait for the
    broker.

    Raises `BrokerUnreachableError`, `TopicsMissingError`, `OpenTransactionError` or
    `TopicsStalledError`.
    """
    with open_reader(bootstrap, topics, security=security, wait_seconds=wait_seconds) as reader:
        bears_held = extent is not None
        if extent is not None:
            extent.starts = _by_name(reader.starts())
        held = yield from _to_the_end(reader, bootstrap, wait_seconds, bears_held=bears_held)
        if extent is not None:
            extent.held = _by_name(held)
        elif held:
            raise OpenTransactionError(bootstrap, _by_name(held), waited_seconds=wait_seconds)


def _to_the_end(
    reader: TopicReader, bootstrap: str, wait_seconds: float, *, bears_held: bool
) -> Generator[RawRecord, None, dict[TopicPartition, int]]:
    """Yield what there is, and return what an open transaction holds back."""
    progressed = looked = monotonic()
    leave_at = math.inf
    held: dict[TopicPartition, int] = {}
    while True:
        records = reader.poll()
        yield from records
        now = monotonic()
        if reader.caught_up:
            held = {}
        elif now - looked >= LOOK_SECONDS:
            looked, held = now, reader.held()
        if records:
            progressed = now
        elif _is_read(reader, held if bears_held else {}):
            return held
        elif now - progressed > wait_seconds:
            raise _stalled(reader, held, bootstrap, wait_seconds)
        if reader.reached_all_but(held):
            longest = wait_seconds if held and not bears_held else GROWING_SECONDS
            leave_at = min(leave_at, now + longest)
        if now >= leave_at:
            return held


def _is_read(reader: TopicReader, held: Collection[TopicPartition]) -> bool:
    """Tell, after an empty poll, whether nothing is left but what is held, then and still."""
    left = reader.behind().keys()
    return not left or (left <= set(held) and left <= reader.held().keys())


def _stalled(
    reader: TopicReader,
    held: Mapping[TopicPartition, int],
    bootstrap: str,
    waited_seconds: float,
) -> TopicsStalledError | OpenTransactionError:
    behind = reader.behind()
    if behind.keys() <= held.keys():
        return OpenTransactionError(bootstrap, _by_name(behind), waited_seconds=waited_seconds)
    return TopicsStalledError(bootstrap, _by_name(behind), waited_seconds=waited_seconds)


def _by_name(places: Mapping[TopicPartition, Left]) -> dict[str, Left]:
    return {f"{place.topic}[{place.partition}]": left for place, left in sorted(places.items())}


def _partitions(
    consumer: KafkaConsumer, bootstrap: str, topics: Sequence[str]
) -> list[TopicPartition]:
    known = {topic: consumer.partitions_for_topic(topic) for topic in topics}
    missing = [topic for topic, partitions in known.items() if not partitions]
    if missing:
        raise TopicsMissingError(bootstrap, missing)
    return [
        TopicPartition(topic, partition)
        for topic, partitions in known.items()
        for partition in sorted(partitions)
    ]
