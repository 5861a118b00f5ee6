"""Kafka records, as clients return them and as they are produced."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol, Self


class Record(Protocol):
    """A Kafka record, as aiokafka and kafka-python return it."""

    @property
    def topic(self) -> str: ...  # noqa: D102 - the field's own name
    @property
    def partition(self) -> int: ...  # noqa: D102
    @property
    def offset(self) -> int: ...  # noqa: D102
    @property
    def key(self) -> bytes | None: ...  # noqa: D102
    @property
    def value(self) -> bytes | None: ...  # noqa: D102
    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]: ...  # noqa: D102
    @property
    def timestamp(self) -> int:
        """In milliseconds since 1970, by the broker's clock if the topic is declared so."""
        ...


class OutgoingRecord(NamedTuple):
    """A record to produce; with `partition` None, the partitioner selects it."""

    topic: str
    partition: int | None
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


class UnreadableValue(bytes):
    """The empty value of a record that no client could read.

    `cause` is the reason, `size` the number of bytes read to find it.
    """

    cause: str
    size: int

    def __new__(cls, cause: str, *, size: int = 0) -> Self:
        """Create one."""
        value = super().__new__(cls)
        value.cause = cause
        value.size = size
        return value


class CutPart(bytes):
    """The beginning of a key or value that is too large to keep; no record of ours has one.

    `size` is that of the whole, in bytes.
    """

    size: int

    def __new__(cls, whole: memoryview, *, keep: int) -> Self:
        """Keep the first bytes."""
        part = super().__new__(cls, whole[:keep])
        part.size = len(whole)
        return part
