"""Records and dead letters of declared producers, in one line each."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from typing import Any

from broker.stored_record import RawRecord
from events.dead_letters import GATEWAY, DeadLetter, Headers, RecordOrigin
from events.producers.model import Producers
from tests.support import letters
from tests.support.producers import producer

LYCEES = "urn:test:lycees"
#: Two declared systems, expected to send every week.
PRODUCERS = Producers(
    producers=(
        producer("lycees", LYCEES),
        producer("sites", "urn:test:sites", types=("coworking.*",)),
    )
)

_offsets = count()
_STRUCTURED = (("content-type", b"application/cloudevents+json"),)
_TIME = datetime(2019, 1, 1, tzinfo=UTC)


def broken(
    value: bytes | None = b'{"source": "urn:test:lycees"}',
    *,
    headers: Headers = _STRUCTURED,
) -> RawRecord:
    return RawRecord("smartregion.schools", 0, 1_000_000 + next(_offsets), b"key", value, headers)


def letter_of(
    record: RawRecord, *, reason: str = "unknown_type", field: str = "type"
) -> DeadLetter:
    origin = RecordOrigin.of(record)
    content: dict[str, Any] = {"value": record.value, "headers": tuple(record.headers)}
    return letters.letter_of(reason=reason, field=field, origin=origin, time=_TIME, **content)


def refused_at_the_gateway(producer: str | None, value: bytes = b"{}") -> DeadLetter:
    content: dict[str, Any] = {"value": value, "headers": _STRUCTURED, "producer": producer}
    return letters.letter_of(
        reason="not_allowed", field="type", origin=GATEWAY, time=_TIME, **content
    )
