"""A bound on the bytes in memory that one poll of a client returns.

The clients bound only the number of records, but a compressed batch may expand a thousandfold: two
dozen would exceed a worker's memory, and decoding them its session timeout. A poll ends with the
record that brings it to MAX_POLL_BYTES; the next one continues after it.

tests/unit/broker/test_poll_bytes.py fails when an upgrade changes a client's name used here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import islice
from typing import Any, Final

from aiokafka.consumer import fetcher
from kafka.consumer import group
from kafka.consumer.fetcher import Fetcher

from events.records import CutPart, Record, UnreadableValue

MAX_POLL_BYTES: Final = 8 * 1024 * 1024
"""In memory, after decompression: several thousand records of the usual size."""

#: The memory of a record's and a header's Python objects, besides their bytes.
_PER_RECORD_BYTES: Final = 250
_PER_HEADER_BYTES: Final = 140


class _Allowance:
    """The bytes that the current poll may still return."""

    def __init__(self) -> None:
        self.left = MAX_POLL_BYTES

    def take(self, record: Record) -> bool:
        """Count a record; return whether another one may follow."""
        # Inline for plain bytes, as most parts are: once per record, this is a fifth of a poll.
        key, value = record.key, record.value
        size = _PER_RECORD_BYTES
        size += len(key) if type(key) is bytes else _size_of(key)
        size += len(value) if type(value) is bytes else _size_of(value)
        for name, content in record.headers:
            size += _PER_HEADER_BYTES + len(name) + (len(content) if content else 0)
        self.left -= size
        return self.left > 0


def _size_of(part: bytes | None) -> int:
    if part is None:
        return 0
    return part.size if isinstance(part, CutPart | UnreadableValue) else len(part)


_ALLOWANCE: Final[ContextVar[_Allowance | None]] = ContextVar("allowance", default=None)


def bound_polls_of_aiokafka() -> None:
    """Make aiokafka's consumers in this process bound the polls inside `one_poll`."""
    fetcher.FetchResult = _FetchResult


def bound_polls_of_kafka_python() -> None:
    """Make kafka-python's consumers that this process creates from now on bound each poll."""
    group.Fetcher = _Fetcher


@contextmanager
def one_poll() -> Iterator[None]:
    """Bound what aiokafka returns inside this context, over all partitions."""
    token = _ALLOWANCE.set(_Allowance())
    try:
        yield
    finally:
        _ALLOWANCE.reset(token)


class _FetchResult(fetcher.FetchResult):  # type: ignore[misc] # aiokafka has no types
    """Fetched records of a partition in aiokafka, returned up to the poll's allowance."""

    _partition_records: Any

    def getall(self, max_records: int | None = None) -> list[Any]:
        """Return the next records; none if the allowance is used up."""
        allowance = _ALLOWANCE.get()
        if allowance is None:
            return list(super().getall(max_records))
        taken: list[Any] = []
        if (
            allowance.left <= 0
            or not self.check_assignment(self._topic_partition)
            or not self.has_more()
        ):
            return taken
        for record in self._partition_records:
            taken.append(record)
            if not allowance.take(record) or len(taken) == max_records:
                self._update_position()
                break
        else:
            self._update_position()
            self._partition_records = None
        return taken


class _PartitionRecords(Fetcher.PartitionRecords):  # type: ignore[misc] # kafka-python has no types
    """Fetched records of a partition in kafka-python, returned up to the poll's allowance."""

    allowance: _Allowance

    def take(self, n: int | None = None) -> list[Any]:
        """Return the next records, at most `n`."""
        self._maybe_raise_next_inline_exception()
        taken: list[Any] = []
        try:
            for record in islice(self.record_iterator, n):
                taken.append(record)
                if not self.allowance.take(record):
                    break
        except Exception as error:
            if not taken:
                raise
            self._next_inline_exception = error  # As in the client: the next call raises it.
        return taken


class _Fetcher(Fetcher):  # type: ignore[misc] # as above
    """kafka-python's fetcher, which ends a poll when its allowance is used up."""

    PartitionRecords = _PartitionRecords
    _allowance: _Allowance

    def fetched_records(
        self,
        max_records: int | None = None,
        update_offsets: bool = True,  # noqa: FBT001, FBT002 - the client's signature
    ) -> Any:  # noqa: ANN401
        self._allowance = _Allowance()
        return super().fetched_records(max_records, update_offsets)

    def _append(
        self,
        drained: Any,  # noqa: ANN401
        part: Any,  # noqa: ANN401
        max_records: int,
        update_offsets: Any,  # noqa: ANN401
    ) -> int:
        """Add a partition's records; return the maximum, which ends the poll, at the bound."""
        if part:
            part.allowance = self._allowance
        taken: int = super()._append(drained, part, max_records, update_offsets)
        return taken if self._allowance.left > 0 else max_records
