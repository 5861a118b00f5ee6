"""Dead letters: refused records kept byte for byte, with the reason in added headers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from events.topics import DEAD_LETTERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.core import Forward, Record, Refusal

__all__ = [
    "FORWARDED_FROM",
    "HEADER_PREFIX",
    "DeadLetter",
    "OutgoingRecord",
    "dead_letter_record",
    "forward_record",
    "read_dead_letter",
]

#: The headers that the monitor adds begin so.
HEADER_PREFIX = "smartregion-"
FORWARDED_FROM = f"{HEADER_PREFIX}forwarded-from"
#: What a dead letter has after the record's own headers, in this order.
_ADDED = tuple(
    HEADER_PREFIX + name
    for name in ("reason", "field", "detail", "topic", "partition", "offset", "time")
)


class OutgoingRecord(NamedTuple):
    """A record to produce; `partition` None lets the partitioner choose."""

    topic: str
    partition: int | None
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead letter as read back: where it came from, why it was refused, and the record."""

    reason: str
    field: str
    detail: str
    topic: str
    partition: int
    offset: int
    time: datetime
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


def dead_letter_record(refusal: Refusal, *, now: datetime) -> OutgoingRecord:
    """Return the dead letter of a refused record; `now` is when it was refused."""
    record, error = refusal.record, refusal.error
    said = (
        str(error.reason),
        error.field,
        str(error),
        record.topic,
        str(record.partition),
        str(record.offset),
        now.astimezone(UTC).isoformat(),
    )
    added = [(name, text.encode()) for name, text in zip(_ADDED, said, strict=True)]
    return OutgoingRecord(
        DEAD_LETTERS, None, record.key, record.value, [*(record.headers or ()), *added]
    )


def forward_record(forward: Forward) -> OutgoingRecord:
    """Return the copy of a misrouted record for the partition where its entity lives."""
    record = forward.record
    origin = f"{record.topic}/{record.partition}/{record.offset}"
    return OutgoingRecord(
        record.topic,
        forward.partition,
        forward.entity.encode(),
        record.value,
        [*(record.headers or ()), (FORWARDED_FROM, origin.encode())],
    )


def read_dead_letter(record: Record) -> DeadLetter:
    """Read a dead letter back.

    Raises ValueError naming the header that is missing: the topic then holds a record that the
    monitor did not write.
    """
    # Ours are the last: one that was sent again, and refused again, has others before them.
    own, added = record.headers[: -len(_ADDED)], dict(record.headers[-len(_ADDED) :])
    said = {name: value.decode() for name in _ADDED if (value := added.get(name)) is not None}
    missing = [name for name in _ADDED if name not in said]
    if missing:
        message = (
            f"{record.topic}[{record.partition}]@{record.offset} is no dead letter of the monitor: "
            f"header {missing[0]} is missing"
        )
        raise ValueError(message)
    reason, field, detail, topic, partition, offset, time = said.values()
    return DeadLetter(
        reason=reason,
        field=field,
        detail=detail,
        topic=topic,
        partition=int(partition),
        offset=int(offset),
        time=datetime.fromisoformat(time),
        key=record.key,
        value=record.value,
        headers=tuple(own),
    )
