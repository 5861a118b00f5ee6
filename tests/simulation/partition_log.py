"""The log of a partition as its leader stores it: batches, offsets, and producers' sequences."""

from __future__ import annotations

import asyncio
import struct
from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final, NamedTuple

from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c

from broker.stored_record import RawRecord
from tests.simulation import codes

#: The header of a record batch of format 2.
_HEADER: Final = struct.Struct(">qiibIhiqqqhii")
_CRC_START: Final = 21
#: The bytes of a batch that its length does not count.
_BEFORE_LENGTH: Final = 12
_LOG_APPEND_TIME: Final = 0x08
_CONTROL: Final = 0x20
#: The key of a commit's marker: its version, and its type.
_COMMIT_MARKER: Final = bytes((0, 0, 0, 1))
_MARKER_PRODUCER, _MARKER_BYTES = 1 << 40, 200
#: How many batches of a producer a broker remembers, to recognise a retry.
_REMEMBERED: Final = 5


class BatchHeader(NamedTuple):
    """The header of a record batch, in its order."""

    base_offset: int
    length: int
    leader_epoch: int
    magic: int
    crc: int
    attributes: int
    last_offset_delta: int
    first_timestamp: int
    max_timestamp: int
    producer_id: int
    producer_epoch: int
    base_sequence: int
    records: int


def header_of(data: bytes, at: int = 0) -> BatchHeader:
    """Return the header of the batch that begins at `at`."""
    return BatchHeader(*_HEADER.unpack_from(data, at))


def without_first(data: bytes) -> bytes:
    """Return all batches but the first; there is at least one."""
    return data[_BEFORE_LENGTH + header_of(data).length :]


def damaged(data: bytes, chance: Random) -> bytes:
    """Return batches with a flipped bit in the part that a batch's checksum covers."""
    begins = [0]
    while (after := begins[-1] + _BEFORE_LENGTH + header_of(data, begins[-1]).length) < len(data):
        begins.append(after)
    begin = chance.choice(begins)
    length = _BEFORE_LENGTH + header_of(data, begin).length
    at = begin + chance.randrange(_CRC_START, length)
    return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]


class StoredBatch(NamedTuple):
    """A batch as it is stored: its offsets, and its bytes."""

    first: int
    last: int
    data: bytes


class Appended(NamedTuple):
    """A broker's answer to a batch: an error code, and the offset of the first record."""

    error: int
    offset: int = -1


@dataclass
class _Producer:
    epoch: int
    #: The first and last sequence and the offset of each of the last batches.
    batches: deque[tuple[int, int, int]] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))


class PartitionLog:
    """The records of one partition, with its leader and high watermark."""

    def __init__(self, topic: str, number: int, *, leader: int) -> None:
        self.topic = topic
        self.number = number
        self.leader = leader
        self.epoch = 0
        self.start = 0
        self.end = 0
        #: The offset up to which consumers may read; None unless followers are behind.
        self.held_back_at: int | None = None
        #: True while a new leader knows that its high watermark is behind: it reports no end.
        self.is_catching_up = False
        self.batches: list[StoredBatch] = []
        #: The batches that the log has lost.
        self.lost: list[StoredBatch] = []
        self._firsts: list[int] = []
        self._producers: dict[int, _Producer] = {}
        self._waiters: list[asyncio.Future[None]] = []

    @property
    def high_watermark(self) -> int:
        """The offset up to which consumers may read: replicas copy whole batches."""
        if self.held_back_at is None or self.held_back_at >= self.end:
            return self.end
        at = bisect_right(self._firsts, self.held_back_at) - 1
        return self._firsts[at] if at >= 0 else self.start

    def append(self, data: bytes, *, now_ms: int) -> Appended:
        """Append one batch, once: a repeated batch gets its first answer again."""
        header = header_of(data)
        producer = self._producers.get(header.producer_id)
        if header.producer_id >= 0:
            first, last = header.base_sequence, header.base_sequence + header.records - 1
            if producer is not None:
                if header.producer_epoch < producer.epoch:
                    return Appended(codes.INVALID_EPOCH)
                if header.producer_epoch > producer.epoch:
                    if first:
                        return Appended(codes.OUT_OF_ORDER_SEQUENCE)
                    producer = self._producers[header.producer_id] = _Producer(
                        header.producer_epoch
                    )
                for known_first, known_last, offset in producer.batches:
                    if (known_first, known_last) == (first, last):
                        return Appended(0, offset)
                if producer.batches and first != producer.batches[-1][1] + 1:
                    return Appended(codes.OUT_OF_ORDER_SEQUENCE)
            else:
                producer = self._producers[header.producer_id] = _Producer(header.producer_epoch)
        base = self._store(data, header, now_ms)
        if producer is not None:
            producer.batches.append((first, last, base))
        self.notify()
        return Appended(0, base)

    def _store(self, data: bytes, header: BatchHeader, now_ms: int) -> int:
        base = self.end
        stored = bytearray(data)
        struct.pack_into(">q", stored, 0, base)
        struct.pack_into(">i", stored, 12, self.epoch)
        struct.pack_into(">h", stored, 21, header.attributes | _LOG_APPEND_TIME)
        struct.pack_into(">q", stored, 35, now_ms)
        struct.pack_into(">I", stored, 17, calc_crc32c(memoryview(stored)[_CRC_START:]))
        self.end = base + header.last_offset_delta + 1
        self.batches.append(StoredBatch(base, self.end - 1, bytes(stored)))
        self._firsts.append(base)
        return base

    def read(self, offset: int, *, most_bytes: int) -> bytes:
        """Return whole batches from the one that holds `offset`, below the high watermark."""
        at = max(bisect_right(self._firsts, offset) - 1, 0)
        found: list[bytes] = []
        size = 0
        for batch in self.batches[at:]:
            if batch.last < offset:
                continue
            if batch.last >= self.high_watermark or (found and size + len(batch.data) > most_bytes):
                break
            found.append(batch.data)
            size += len(batch.data)
        return b"".join(found)

    def lose_first(self, offset: int) -> None:
        """Move the log's start, as retention or DeleteRecords does."""
        self.start = max(self.start, min(offset, self.end))
        self.lost += [one for one in self.batches if one.last < self.start]
        self.batches = [one for one in self.batches if one.last >= self.start]
        self._firsts = [one.first for one in self.batches]

    def lose_last(self, offset: int) -> None:
        """Lose all from an offset on, as when a replica that lagged behind becomes the leader.

        The broker also forgets the sequences of the producers of these records.
        """
        self.lost += [one for one in self.batches if one.first >= offset]
        self.batches = [one for one in self.batches if one.first < offset]
        self._firsts = [one.first for one in self.batches]
        self.end = max(offset, self.start)
        self.epoch += 1
        for number, producer in [*self._producers.items()]:
            kept = [one for one in producer.batches if one[2] < offset]
            if kept:
                producer.batches = deque(kept, maxlen=_REMEMBERED)
            else:
                del self._producers[number]
        self.notify()

    def copy(self, batch: StoredBatch, *, now_ms: int) -> None:
        """Append the records of a batch once more, as another producer does."""
        self._store(batch.data, header_of(batch.data), now_ms)
        self.notify()

    def mark(self, *, now_ms: int) -> None:
        """Append the marker of a transaction's end, which readers never receive."""
        builder = DefaultRecordBatchBuilder(2, 0, 1, _MARKER_PRODUCER, 0, -1, _MARKER_BYTES)
        builder.append(0, now_ms, _COMMIT_MARKER, bytes(6), [])
        data = bytes(builder.build())
        header = header_of(data)
        self._store(data, header._replace(attributes=header.attributes | _CONTROL), now_ms)
        self.notify()

    def lead(self, node: int, *, behind: int) -> bool:
        """Let another node lead the partition; return False if it already does.

        Until `catch_up`, its high watermark is `behind` records behind.
        """
        if node == self.leader:
            return False
        self.leader = node
        self.epoch += 1
        self.held_back_at = max(self.start, self.end - behind)
        self.is_catching_up = True
        self.notify()
        return True

    def catch_up(self) -> None:
        """Let consumers read everything."""
        self.held_back_at, self.is_catching_up = None, False
        self.notify()

    def notify(self) -> None:
        """Wake pending fetch requests."""
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def wait(self, waiter: asyncio.Future[None]) -> None:
        """Make a fetch request wait for the next change."""
        if len(self._waiters) > 50:
            self._waiters = [one for one in self._waiters if not one.done()]
        self._waiters.append(waiter)


def records_of(
    log: PartitionLog, *, first: int = 0, batches: Sequence[StoredBatch] | None = None
) -> list[RawRecord]:
    """Return the records of a partition from an offset on, or those of its `batches`."""
    return [
        RawRecord(
            topic=log.topic,
            partition=log.number,
            offset=record.offset,
            key=record.key,
            value=record.value,
            headers=tuple(record.headers),
            timestamp=record.timestamp,
        )
        for one in (log.batches if batches is None else batches)
        if one.last >= first and not header_of(one.data).attributes & _CONTROL
        for record in DefaultRecordBatch(bytearray(one.data))
        if record.offset >= first
    ]
