"""Record batches that Kafka takes and its Python clients fail on: read all the same, by both.

A client raises while it unpacks a batch, and again after every restart: one such batch would hold
back all that come after it. Records are read here as the broker and Java's client read them: what
is no UTF-8 in a header's name becomes U+FFFD. What cannot be read at all (damaged, or larger than
MAX_UNPACKED_BYTES) becomes one record of its batch whose value is an UnreadableValue, to be refused
like any other; its offset is the last of those that it stands for. So does a record with more than
MAX_HEADERS headers. A key or a value that is larger than any of ours is a CutPart.

tests/unit/broker/test_record_batches.py fails when an upgrade moves what is used of the clients.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from aiokafka.consumer import fetcher
from aiokafka.record import memory_records
from aiokafka.record.default_records import DefaultRecordBatch
from kafka.record import memory_records as python_memory_records
from kafka.record.default_records import DefaultRecord as PythonRecord
from kafka.record.default_records import DefaultRecordBatch as PythonBatch

from broker.compression import (
    MAX_UNPACKED_BYTES,
    BatchUnreadableError,
    CodecUnreadableError,
    unpack,
)
from events.records import CutPart, UnreadableValue
from events.topics import DEAD_LETTER_MAX_BYTES

__all__ = [
    "LARGEST_PART_BYTES",
    "MAX_HEADERS",
    "read_any_batch_with_aiokafka",
    "read_any_batch_with_kafka_python",
]

LARGEST_PART_BYTES: Final = 8 * 1024 * 1024
"""Of a key or a value that is held whole: what the largest topic of ours takes."""
MAX_HEADERS: Final = 60_000
"""Of one record: more than any letter keeps. Of two bytes in a batch come sixty in memory."""

_HEADER: Final = struct.Struct(">qiibIhiqqqhii")
_ATTRIBUTES: Final = struct.Struct(">h")
_ATTRIBUTES_AT: Final = 21
_MAGIC_AT: Final = 16
_CODEC: Final = 0x07
_LOG_APPEND_TIME: Final = 0x08
_MAGIC: Final = 2
_LONGEST_VARINT: Final = 10
_SHORTEST_HEADER_BYTES: Final = 2


def read_any_batch_with_aiokafka() -> None:
    """Let aiokafka's consumers of this process read such batches; twice is as good as once."""
    fetcher.MemoryRecords = _Records


def read_any_batch_with_kafka_python() -> None:
    """Let kafka-python's consumers of this process read such batches, likewise."""
    python_memory_records.DefaultRecordBatch = _PythonBatch


class _Parsed(NamedTuple):
    """A record, as aiokafka's consumer takes it."""

    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]
    checksum: None = None


class _Records(memory_records._MemoryRecordsPy):  # type: ignore[misc] # noqa: SLF001
    """The batches of a fetch, of which each remembers its bytes."""

    def next_batch(self, *_: Any) -> Any:  # noqa: ANN401 - as the fetcher takes them
        """Return the next batch; one in a format of before headers as it is."""
        content = self._next_slice
        batch = super().next_batch()
        return _Batch(batch, content) if content[_MAGIC_AT] >= _MAGIC else batch


class _Batch:
    """A batch read by aiokafka's C code, and by ours where that fails."""

    def __init__(self, batch: Any, content: memoryview) -> None:  # noqa: ANN401 - C, without types
        self._batch = batch
        self._content = content

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._batch, name)

    def __next__(self) -> Any:  # noqa: ANN401
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        content: bytes | memoryview = self._content
        last = -1
        try:
            batch = self._batch
            if batch.compression_type:
                content = _unpacked(content)
                batch = DefaultRecordBatch(content)
            if _has_large_record(content):
                # Its parts, and how many headers it has, are looked at before they are held.
                yield from _read(content)
                return
            for record in batch:
                last = record.offset
                yield record
        except (CodecUnreadableError, GeneratorExit):
            raise
        except BatchUnreadableError as error:
            yield _placeholder(self._content, after=last, cause=error, size=MAX_UNPACKED_BYTES)
        except Exception:  # noqa: BLE001 - C code raises whatever it met
            # From the beginning: the fetcher leaves out what it has had.
            yield from _read(content)


class _PythonBatch(PythonBatch):  # type: ignore[misc] # kafka-python has no types
    """A batch of kafka-python's, read by our code."""

    _buffer: bytearray

    def __iter__(self) -> Iterator[Any]:
        if self.is_control_batch:
            return iter(super().__iter__())
        return self._records()

    def _records(self) -> Iterator[Any]:
        content = bytes(self._buffer)
        try:
            records = _read(_unpacked(content) if self.compression_type else content)
        except BatchUnreadableError as error:
            told = _placeholder(content, after=-1, cause=error, size=MAX_UNPACKED_BYTES)
            records = iter([told])
        for one in records:
            size = len(one.key or b"") + len(one.value or b"")
            yield PythonRecord(
                size, one.offset, one.timestamp, one.timestamp_type, one.key, one.value, one.headers
            )


def _unpacked(content: bytes | memoryview) -> bytes:
    """Return a batch as if it had not been compressed. Raises as `compression.unpack`."""
    header = bytearray(content[: _HEADER.size])
    (attributes,) = _ATTRIBUTES.unpack_from(header, _ATTRIBUTES_AT)
    _ATTRIBUTES.pack_into(header, _ATTRIBUTES_AT, attributes & ~_CODEC)
    return bytes(header) + unpack(attributes & _CODEC, bytes(content[_HEADER.size :]))


def _read(content: bytes | memoryview) -> Iterator[_Parsed]:
    """Yield the records of a batch that is not compressed; where they end early, what says so."""
    content = bytes(content)
    header = _HEADER.unpack_from(content)
    first, attributes, first_time, last_time, count = (header[at] for at in (0, 5, 7, 8, 12))
    appended = bool(attributes & _LOG_APPEND_TIME)
    at, last = _HEADER.size, -1
    for _ in range(count):
        try:
            delta, since, key, value, headers, count, at = _record(content, at)
        except (ValueError, IndexError) as error:
            yield _placeholder(content, after=last, cause=error, size=len(content))
            return
        last = first + delta
        time = last_time if appended else first_time + since
        record = _Parsed(last, time, int(appended), key, value, headers)
        yield record if count == len(headers) else _without_headers(record, count, len(content))


def _has_large_record(content: bytes | memoryview) -> bool:
    """Tell whether a record may have too many headers, or is damaged; from its size alone."""
    most = _SHORTEST_HEADER_BYTES * MAX_HEADERS
    at = _HEADER.size
    if len(content) - at <= most:
        return False
    try:
        while at < len(content):
            size, at = _varint(content, at)
            if not 0 <= size <= most:
                return True
            at += size
    except (ValueError, IndexError):
        return True
    return False


def _without_headers(record: _Parsed, count: int, size: int) -> _Parsed:
    """Return what is handed on of a record with more headers than are held."""
    told = f"offset {record.offset} has {count} headers, more than the {MAX_HEADERS} that are read"
    return record._replace(value=UnreadableValue(told, size=size))


def _record(
    content: bytes, at: int
) -> tuple[int, int, bytes | None, bytes | None, list[tuple[str, bytes | None]], int, int]:
    """Read one record: its offset and time beyond the batch's, key, value, headers, and its end.

    Before its end the number of its headers, of which none is read where it is above MAX_HEADERS.
    """
    size, at = _varint(content, at)
    end = at + size
    if size < 0 or end > len(content):
        message = f"a record of {size} bytes where {len(content) - at} are left"
        raise ValueError(message)
    since, at = _varint(content, at + 1)  # A byte of attributes, which have no meaning yet.
    delta, at = _varint(content, at)
    key, at = _bytes(content, at, end)
    value, at = _bytes(content, at, end)
    count, at = _varint(content, at)
    if not 0 <= count <= end - at:
        message = f"{count} headers in {end - at} bytes"
        raise ValueError(message)
    headers: list[tuple[str, bytes | None]] = []
    if count > MAX_HEADERS:
        return delta, since, key, value, headers, count, end
    for _ in range(count):
        name, at = _bytes(content, at, end)
        said, at = _bytes(content, at, end)
        headers.append(((name or b"").decode(errors="replace"), said))
    if at != end:
        message = f"a record of {size} bytes with {end - at} bytes more than its fields"
        raise ValueError(message)
    return delta, since, key, value, headers, count, at


def _bytes(content: bytes, at: int, end: int) -> tuple[bytes | None, int]:
    size, at = _varint(content, at)
    if size < 0:
        return None, at
    if at + size > end:
        message = f"a field of {size} bytes where {end - at} are left"
        raise ValueError(message)
    if size > LARGEST_PART_BYTES:
        whole = memoryview(content)[at : at + size]
        return CutPart(whole, keep=DEAD_LETTER_MAX_BYTES), at + size
    return content[at : at + size], at + size


def _varint(content: bytes | memoryview, at: int) -> tuple[int, int]:
    byte = content[at]
    at += 1
    if byte < 0x80:  # noqa: PLR2004 - a single byte, as nearly all
        return (byte >> 1) ^ -(byte & 1), at
    number, shift = byte & 0x7F, 7
    while byte >= 0x80:  # noqa: PLR2004
        if shift >= 7 * _LONGEST_VARINT:
            message = "a number of more than 10 bytes"
            raise ValueError(message)
        byte = content[at]
        at += 1
        number |= (byte & 0x7F) << shift
        shift += 7
    return (number >> 1) ^ -(number & 1), at


def _placeholder(
    content: bytes | memoryview, *, after: int, cause: Exception, size: int
) -> _Parsed:
    """Return the record that stands for those of a batch that follow an offset (-1: for all).

    `size` is what had to be unpacked to find it, at most.
    """
    header = _HEADER.unpack_from(content)
    first, attributes, span, last_time, count = (header[at] for at in (0, 5, 6, 8, 12))
    begin, end = max(first, after + 1), max(first + span, after + 1)
    told = f"offsets {begin} to {end} of a batch of {count} records: {cause}"
    value = UnreadableValue(told, size=size)
    return _Parsed(end, last_time, int(bool(attributes & _LOG_APPEND_TIME)), None, value, [])
