"""Kafka records: as any client gives them, and as one is produced."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol, Self

__all__ = ["OutgoingRecord", "Record", "UnreadableValue"]


class Record(Protocol):
    """A Kafka record, as aiokafka and kafka-python give it."""

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
        """In milliseconds since 1970, by the broker's clock where the topic is so declared."""
        ...


class OutgoingRecord(NamedTuple):
    """A record to produce; `partition` None lets the partitioner choose."""

    topic: str
    partition: int | None
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


class UnreadableValue(bytes):
    """Stands, empty, for the value of a record that no client could read; `cause` says why."""

    cause: str

    def __new__(cls, cause: str) -> Self:
        """Make one."""
        value = super().__new__(cls)
        value.cause = cause
        return value
