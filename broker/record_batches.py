"""Decodes record batches that Kafka accepts but its Python clients fail on, for both clients.

A client that raises while it decodes a batch raises again after every restart, and never gets past
it. Records are decoded here as by the broker and Java's client: bytes in a header's name that are
not UTF-8 become U+FFFD. Records that cannot be decoded (damaged, or in a batch larger than
MAX_UNPACKED_BYTES) become one record with an UnreadableValue, which is refused like any other; its
offset is the last of those that it replaces. A record with more than MAX_HEADERS headers is
replaced in the same way. A key or a value longer than LARGEST_PART_BYTES becomes a CutPart.

tests/unit/broker/test_record_batches.py fails when an upgrade changes a client's name used here.
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

from boundary.errors import SmartRegionError
from broker.compression import MAX_UNPACKED_BYTES, BatchUnreadableError, unpack
from events.records import CutPart, UnreadableValue
from events.topics import DEAD_LETTER_MAX_BYTES

LARGEST_PART_BYTES: Final = 8 * 1024 * 1024
"""The longest key or value that is kept whole: the largest message of any topic."""
MAX_HEADERS: Final = 60_000
"""Per record, more than a dead letter keeps. Two bytes in a batch take sixty in memory."""

_HEADER: Final = struct.Struct(">qiibIhiqqqhii")
_ATTRIBUTES: Final = struct.Struct(">h")
_ATTRIBUTES_AT: Final = 21
_MAGIC_AT: Final = 16
_CODEC: Final = 0x07
_LOG_APPEND_TIME: Final = 0x08
_MAGIC: Final = 2
_LONGEST_VARINT: Final = 10
_LONG: Final = 2**64
_SHORTEST_HEADER_BYTES: Final = 2


def read_any_batch_with_aiokafka() -> None:
    """Make aiokafka's consumers in this process decode such batches; idempotent."""
    fetcher.MemoryRecords = _Records


def read_any_batch_with_kafka_python() -> None:
    """Make kafka-python's consumers in this process decode such batches; idempotent."""
    python_memory_records.DefaultRecordBatch = _PythonBatch


class _Parsed(NamedTuple):
    """A record with the attributes that aiokafka's consumer reads."""

    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]
    checksum: None = None


class _Records(memory_records._MemoryRecordsPy):  # type: ignore[misc] # noqa: SLF001
    """The batches of a fetch response, each with its bytes."""

    @property
    def content(self) -> bytes:
        """The bytes of all batches."""
        content: bytes = self._buffer
        return content

    def next_batch(self, *_: Any) -> Any:  # noqa: ANN401 - untyped
        """Return the next batch; aiokafka decodes one in a format without headers."""
        content = self._next_slice
        batch = super().next_batch()
        return _Batch(batch, content) if content[_MAGIC_AT] >= _MAGIC else batch


class _Batch:
    """A batch decoded by aiokafka's C code, or by ours if that fails."""

    def __init__(self, batch: Any, content: bytes | memoryview) -> None:  # noqa: ANN401 - C code
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
                # Our code checks sizes and the number of headers before it keeps them.
                yield from _read(content)
                return
            for record in batch:
                last = record.offset
                yield record
        except (SmartRegionError, GeneratorExit):
            raise
        except BatchUnreadableError as error:
            yield _placeholder(self._content, after=last, cause=error, size=MAX_UNPACKED_BYTES)
        except Exception:  # noqa: BLE001 - the C code raises any class
            yield from (one for one in _read(content) if one.offset > last)


class _PythonBatch(PythonBatch):  # type: ignore[misc] # kafka-python has no types
    """A batch of kafka-python, decoded by aiokafka's C code too, or by ours."""

    _buffer: bytearray

    def __iter__(self) -> Iterator[Any]:
        if self.is_control_batch:
            return iter(super().__iter__())
        return self._records()

    def _records(self) -> Iterator[Any]:
        content = bytes(self._buffer)
        for one in _Batch(DefaultRecordBatch(content), content):
            size = len(one.key or b"") + len(one.value or b"")
            yield PythonRecord(
                size, one.offset, one.timestamp, one.timestamp_type, one.key, one.value, one.headers
            )


def _unpacked(content: bytes | memoryview) -> bytes:
    """Return a batch without compression. Raises the errors of `compression.unpack`."""
    header = bytearray(content[: _HEADER.size])
    (attributes,) = _ATTRIBUTES.unpack_from(header, _ATTRIBUTES_AT)
    _ATTRIBUTES.pack_into(header, _ATTRIBUTES_AT, attributes & ~_CODEC)
    return bytes(header) + unpack(attributes & _CODEC, bytes(content[_HEADER.size :]))


def _read(content: bytes | memoryview) -> Iterator[_Parsed]:
    """Yield the records of an uncompressed batch, and a placeholder for damaged ones."""
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
        time = last_time if appended else _long(first_time + since)
        record = _Parsed(last, time, int(appended), key, value, headers)
        yield record if count == len(headers) else _without_headers(record, count, len(content))


def offsets_of(content: bytes | memoryview) -> list[int]:
    """Return the offsets of a batch's records; none if they cannot be read."""
    (attributes,) = _ATTRIBUTES.unpack_from(content, _ATTRIBUTES_AT)
    try:
        records = _read(_unpacked(content) if attributes & _CODEC else content)
        return [record.offset for record in records]
    except (BatchUnreadableError, SmartRegionError):
        return []


def _has_large_record(content: bytes | memoryview) -> bool:
    """Return whether a record may have too many headers or is damaged, by its size alone."""
    most = _SHORTEST_HEADER_BYTES * MAX_HEADERS
    at, end = _HEADER.size, len(content)
    if end - at <= most:
        return False
    try:
        while at < end:
            # Most sizes have two bytes, which are read here without a call per record.
            low, high = content[at], content[at + 1]
            if low >= 0x80 > high and not low & 1:  # noqa: PLR2004
                at += 2 + ((low & 0x7F) >> 1 | high << 6)
                continue
            size, at = _varint(content, at)
            if not 0 <= size <= most:
                return True
            at += size
    except (ValueError, IndexError):
        return True
    return False


def _without_headers(record: _Parsed, count: int, size: int) -> _Parsed:
    """Return the replacement of a record with too many headers."""
    at = record.offset
    problem = f"offset {at} has {count} headers, more than the {MAX_HEADERS} that are read"
    return record._replace(value=UnreadableValue(problem, size=size))


def _record(
    content: bytes, at: int
) -> tuple[int, int, bytes | None, bytes | None, list[tuple[str, bytes | None]], int, int]:
    """Return relative offset and time, key, value, headers, their count and the end of a record.

    No header is decoded if the count is above MAX_HEADERS.
    """
    size, at = _varint(content, at)
    end = at + size
    if size < 0 or end > len(content):
        message = f"a record of {size} bytes where {len(content) - at} are left"
        raise ValueError(message)
    since, at = _varint(content, at + 1)  # Skips the attributes, which are not used.
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
        header, at = _bytes(content, at, end)
        headers.append(((name or b"").decode(errors="replace"), header))
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
    if byte < 0x80:  # noqa: PLR2004 - a single byte, as most are
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
    number %= _LONG
    return (number >> 1) ^ -(number & 1), at


def _long(number: int) -> int:
    """Return a number wrapped to Kafka's 64 bits, as in other clients."""
    return (number + _LONG // 2) % _LONG - _LONG // 2


def _placeholder(
    content: bytes | memoryview, *, after: int, cause: Exception, size: int
) -> _Parsed:
    """Return the record that replaces those of a batch after an offset (-1: all of them).

    `size` is the maximum number of bytes that were decompressed to find the damage.
    """
    header = _HEADER.unpack_from(content)
    first, attributes, span, last_time, count = (header[at] for at in (0, 5, 6, 8, 12))
    begin, end = max(first, after + 1), max(first + span, after + 1)
    problem = f"offsets {begin} to {end} of a batch of {count} records: {cause}"
    value = UnreadableValue(problem, size=size)
    return _Parsed(end, last_time, int(bool(attributes & _LOG_APPEND_TIME)), None, value, [])
