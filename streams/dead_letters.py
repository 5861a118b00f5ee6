"""What a worker writes for records that it cannot merge: dead letters, and forwarded copies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from events.dead_letters import HEADER_PREFIX, RecordOrigin, unread_letter_record
from events.dead_letters import dead_letter_record as dead_letter_of
from events.errors import RefusalReason
from events.records import OutgoingRecord

if TYPE_CHECKING:
    from datetime import datetime

    from streams.core import Forward, RecordRefusal

__all__ = ["FORWARDED_FROM", "bare_dead_letter_record", "dead_letter_record", "forward_record"]

FORWARDED_FROM = f"{HEADER_PREFIX}forwarded-from"


def dead_letter_record(refusal: RecordRefusal, *, now: datetime) -> OutgoingRecord:
    """Return the dead letter of a refused record; `now` is when it was refused."""
    record = refusal.record
    # What is passed over had ended workers: it is not read for its letter either.
    is_unread = refusal.error.reason is RefusalReason.PASSED_OVER
    write = unread_letter_record if is_unread else dead_letter_of
    return write(
        refusal.error,
        origin=RecordOrigin(record.topic, record.partition, record.offset),
        key=record.key,
        value=record.value,
        headers=record.headers or (),
        now=now,
    )


def bare_dead_letter_record(refusal: RecordRefusal, *, now: datetime) -> OutgoingRecord:
    """Return a dead letter with nothing of its record but why it was refused and where it lies."""
    record = refusal.record
    return dead_letter_of(
        refusal.error,
        origin=RecordOrigin(record.topic, record.partition, record.offset),
        key=None,
        value=None,
        headers=(),
        now=now,
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
