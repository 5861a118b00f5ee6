"""Records with a header whose name is no UTF-8: Kafka takes them, and both clients fail on them.

A client raises while it unpacks the batch, and again after every restart: one such record would
hold back all that come after it. Here what is no UTF-8 in a name is read as U+FFFD, as Java's
client does. The clients' own code reads all else; tests/unit/streams/test_header_names.py fails
when an upgrade moves what is used of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record import default_records, memory_records
from kafka.record import memory_records as python_memory_records
from kafka.record.default_records import DefaultRecordBatch as PythonBatch

__all__ = ["read_any_header_name_with_aiokafka", "read_any_header_name_with_kafka_python"]


def read_any_header_name_with_aiokafka() -> None:
    """Let aiokafka's consumers of this process read such records; twice is as good as once."""
    fetcher.MemoryRecords = _Records


def read_any_header_name_with_kafka_python() -> None:
    """Let kafka-python's consumers of this process read such records, likewise."""
    python_memory_records.DefaultRecordBatch = _PythonBatch


class _Replacing(bytearray):
    """Bytes whose parts decode whatever they hold."""

    def __getitem__(self, place: Any) -> Any:  # noqa: ANN401 - an index or a slice
        part = super().__getitem__(place)
        return _Replacing(part) if isinstance(part, bytearray) else part

    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:  # noqa: ARG002
        return super().decode(encoding, "replace")


class _PythonBatch(PythonBatch):  # type: ignore[misc] # kafka-python has no types
    """A batch that is read again from the record that has such a name."""

    _buffer: bytearray

    def _read_msg(self) -> Any:  # noqa: ANN401
        try:
            return super()._read_msg()
        except UnicodeDecodeError:
            self._buffer = _Replacing(self._buffer)
            return super()._read_msg()


class _Records(memory_records._MemoryRecordsPy):  # type: ignore[misc] # noqa: SLF001
    """The batches of a fetch, of which each remembers its bytes."""

    def next_batch(self, *_: Any) -> Any:  # noqa: ANN401 - as the fetcher takes them
        """Return the next batch; one in a format of before headers as it is."""
        content = self._next_slice
        batch = super().next_batch()
        return _Batch(batch, content) if hasattr(batch, "producer_id") else batch


class _Batch:
    """A batch read by aiokafka's C code, and by its Python code where that fails on a name."""

    def __init__(self, batch: Any, content: memoryview) -> None:  # noqa: ANN401 - C, without types
        self._batch = batch
        self._content = content

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._batch, name)

    def __next__(self) -> Any:  # noqa: ANN401
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        try:
            yield from self._batch
        except UnicodeDecodeError:
            # From its beginning: the fetcher leaves out what it has had.
            yield from _ReplacingBatch(self._content)


class _ReplacingBatch(default_records._DefaultRecordBatchPy):  # type: ignore[misc] # noqa: SLF001
    """A batch read by aiokafka's Python code."""

    _buffer: bytearray

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer = _Replacing(self._buffer)
