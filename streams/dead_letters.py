"""The records that a worker writes for what it does not merge: dead letters, and forwards."""

from __future__ import annotations

from datetime import datetime

from events import dead_letters
from events.dead_letter_content import letter_content
from events.dead_letters import HEADER_PREFIX, OriginalRecord, RecordOrigin
from events.errors import RefusalReason
from events.records import OutgoingRecord, Record
from streams.core import Forward, RecordRefusal

__all__ = ["FORWARDED_FROM", "bare_dead_letter_record", "dead_letter_record", "forward_record"]

FORWARDED_FROM = f"{HEADER_PREFIX}forwarded-from"


def dead_letter_record(refusal: RecordRefusal, *, now: datetime) -> OutgoingRecord:
    """Return the dead letter of a refused record; `now` is when it was refused."""
    record = refusal.record
    key, value, headers = record.key, record.value, record.headers or ()
    # A skipped record had crashed workers: it is not read for its letter either.
    was_read = refusal.error.reason is not RefusalReason.PASSED_OVER
    return dead_letters.dead_letter_record(
        OriginalRecord(_origin(record), key, value, headers),
        letter_content(refusal.error, key, value, headers, was_read=was_read),
        now=now,
    )


def bare_dead_letter_record(refusal: RecordRefusal, *, now: datetime) -> OutgoingRecord:
    """Return a dead letter with the reason and the origin of its record alone."""
    return dead_letters.dead_letter_record(
        OriginalRecord(_origin(refusal.record)),
        letter_content(refusal.error, None, None, ()),
        now=now,
    )


def forward_record(forward: Forward) -> OutgoingRecord:
    """Return a misrouted record for the partition of its entity."""
    record = forward.record
    origin = f"{record.topic}/{record.partition}/{record.offset}"
    return OutgoingRecord(
        record.topic,
        forward.partition,
        forward.entity.encode(),
        record.value,
        [*(record.headers or ()), (FORWARDED_FROM, origin.encode())],
    )


def _origin(record: Record) -> RecordOrigin:
    return RecordOrigin(record.topic, record.partition, record.offset)
