"""Dead letters for tests: as they are read back, and as they are stored on their topic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from typing import Any

from events.cloudevent import CloudEvent, encode_structured
from events.dead_letter_content import letter_content
from events.dead_letters import (
    DeadLetter,
    LetterPosition,
    OriginalRecord,
    RecordOrigin,
    RefusedRecords,
    dead_letter_record,
)
from events.errors import ContractError, RefusalReason
from events.records import OutgoingRecord
from operations.dead_letters.entry import Entry
from operations.dead_letters.outcome import OutcomeKind, ReplayOutcome
from tests.support.histories import event, uai
from tests.support.records import FakeRecord

#: Only workers refuse for these reasons: a request over HTTP is not yet a record.
REASONS_OF_WORKERS = frozenset(
    {
        RefusalReason.NO_TIMESTAMP,
        RefusalReason.UNREADABLE,
        RefusalReason.UNPROCESSABLE,
        RefusalReason.PASSED_OVER,
    }
)

REFUSED_AT = datetime(2019, 6, 30, 12, 30, tzinfo=UTC)


def valid_event(**fields: Any) -> CloudEvent:
    return event("school.registered", uai("0750001"), "2018-01-01", **fields)


def letter_of(event: CloudEvent | None = None, *, position: int = 0, **changes: Any) -> DeadLetter:
    """Return the dead letter of an event that is valid now; `changes` override its fields."""
    record = encode_structured(event or valid_event())
    fields: dict[str, Any] = {
        "position": LetterPosition(0, position),
        "reason": "unknown_type",
        "field": "type",
        "detail": "type: is not an event type of this system, value 'x': send another",
        "origin": RecordOrigin("smartregion.schools", 3, 42),
        "time": REFUSED_AT,
        "key": record.key,
        "value": record.value,
        "headers": tuple(record.headers),
    }
    return DeadLetter(**fields | changes)


def entry_with_outcome(letter: DeadLetter, verdict: OutcomeKind, *, attempts: int = 1) -> Entry:
    return Entry(
        letter,
        ReplayOutcome(verdict=verdict, attempts=attempts, at=REFUSED_AT, refused_at=letter.time),
    )


def refused(
    error: ContractError | None = None,
    *,
    offset: int = 42,
    now: datetime = REFUSED_AT,
    summary: RefusedRecords | None = None,
    **changes: Any,
) -> OutgoingRecord:
    """Return the dead letter of a record as it is written; `changes` override record fields."""
    fields = {"origin": RecordOrigin("smartregion.schools", 3, offset), "key": b"key"}
    original = OriginalRecord(**{**fields, "value": b"value", **changes})
    content = letter_content(
        error or ContractError(RefusalReason.INVALID_DATA, "data.name", "é", "send a name"),
        original.key,
        original.value,
        original.headers,
    )
    return dead_letter_record(original, content, now=now, summary=summary)


def arrived(sent: Sequence[OutgoingRecord]) -> list[FakeRecord]:
    """Return records of one topic as a consumer reads them."""
    return [
        FakeRecord(record.topic, 0, offset, record.key, record.value, record.headers)
        for offset, record in enumerate(sent)
    ]


class BrokerGoneError(Exception):
    """The failure that a test planted in a writer."""


@dataclass
class FakeWriter:
    """Keeps what is sent, one list a call; fails once so many records are `left` to be written."""

    left: int = 2**31
    sent: list[list[OutgoingRecord]] = field(default_factory=list)

    @property
    def taken(self) -> list[OutgoingRecord]:
        return [*chain.from_iterable(self.sent)]

    def send(self, records: Sequence[OutgoingRecord]) -> None:
        """Take as many records as it still may, and fail if some remain."""
        part = list(records[: self.left])
        self.sent.append(part)
        self.left -= len(part)
        if len(part) < len(records):
            raise BrokerGoneError
