"""Dead letters: refused records kept byte for byte, with the reason in added headers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from events.topics import DEAD_LETTERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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

#: Headers that the monitor adds begin so; a record's own headers never do.
HEADER_PREFIX = "smartregion-"
FORWARDED_FROM = f"{HEADER_PREFIX}forwarded-from"
_FIELDS = ("reason", "field", "detail", "topic", "partition", "offset", "time")


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
    added = [
        (HEADER_PREFIX + name, text.encode()) for name, text in zip(_FIELDS, said, strict=True)
    ]
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
    own, added = _split(record.headers or ())
    missing = [name for name in _FIELDS if name not in added]
    if missing:
        message = (
            f"{record.topic}[{record.partition}]@{record.offset} is no dead letter of the monitor: "
            f"header {HEADER_PREFIX}{missing[0]} is missing"
        )
        raise ValueError(message)
    return DeadLetter(
        reason=added["reason"],
        field=added["field"],
        detail=added["detail"],
        topic=added["topic"],
        partition=int(added["partition"]),
        offset=int(added["offset"]),
        time=datetime.fromisoformat(added["time"]),
        key=record.key,
        value=record.value,
        headers=tuple(own),
    )


def _split(
    headers: Iterable[tuple[str, bytes | None]],
) -> tuple[list[tuple[str, bytes | None]], dict[str, str]]:
    own: list[tuple[str, bytes | None]] = []
    added: dict[str, str] = {}
    for name, value in headers:
        field = name.removeprefix(HEADER_PREFIX)
        if name.startswith(HEADER_PREFIX) and field in _FIELDS:
            added[field] = (value or b"").decode()
        else:
            own.append((name, value))
    return own, added
