"""The records that a worker writes instead of merging a record: dead letters and forwards."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from events import dead_letters
from events.claims import claims_of
from events.cloudevent import PREFIX
from events.dead_letter_content import (
    WITHHELD,
    LetterContent,
    contract_field,
    letter_content,
    may_be_kept,
    without_foreign_text,
)
from events.dead_letter_policy import DEAD_LETTER_POLICY
from events.dead_letters import (
    HEADER_PREFIX,
    OriginalRecord,
    RecordOrigin,
    RefusedRecords,
    without_replay,
)
from events.errors import ContractError, RefusalReason
from events.records import OutgoingRecord
from streams.merging import Forward, RecordRefusal

FORWARDED_FROM = f"{HEADER_PREFIX}forwarded-from"


def dead_letter_records(
    refusals: Sequence[RecordRefusal], *, now: datetime
) -> Iterator[OutgoingRecord]:
    """Yield the dead letters of a batch's refusals; `now` is when they were refused.

    More than `max_single` of one kind are summarized: first by source, type, reason and field, then
    by reason alone, so that the content of records cannot multiply their dead letters. Skipped
    records are never summarized: they are not read, and an operator has named each of them.
    """
    single = [one for one in refusals if one.error.reason is RefusalReason.PASSED_OVER]
    left = [one for one in refusals if one.error.reason is not RefusalReason.PASSED_OVER]
    for kind_of in (_narrow_kind, _wide_kind):
        if len(left) <= DEAD_LETTER_POLICY.max_single:
            break
        kinds = defaultdict[_Kind, list[RecordRefusal]](list)
        for refusal in left:
            kinds[kind_of(refusal)].append(refusal)
        left = []
        for kind, alike in kinds.items():
            if len(alike) <= DEAD_LETTER_POLICY.max_single:
                left += alike
                continue
            for start in range(0, len(alike), DEAD_LETTER_POLICY.max_summarized):
                part = alike[start : start + DEAD_LETTER_POLICY.max_summarized]
                yield _summary_record(part, kind, now=now)
    for refusal in (*single, *left):
        yield dead_letter_record(refusal, now=now)


class _Kind(NamedTuple):
    """The common properties of refusals that are summarized together."""

    reason: RefusalReason
    field: str | None = None
    source: str | None = None
    type: str | None = None
    attempts: int = 0
    """How often a replay of the record was attempted."""


def _narrow_kind(refusal: RecordRefusal) -> _Kind:
    headers, error = tuple(refusal.record.headers or ()), refusal.error
    claims = claims_of(headers, refusal.record.value)
    return _Kind(
        error.reason,
        contract_field(error.field),
        claims.source,
        claims.type,
        without_replay(headers)[2],
    )


def _wide_kind(refusal: RecordRefusal) -> _Kind:
    return _Kind(refusal.error.reason)


def _summary_record(
    refusals: Sequence[RecordRefusal], kind: _Kind, *, now: datetime
) -> OutgoingRecord:
    """Return the dead letter of refusals of one kind, at least one.

    It has the source and type of the kind if a dead letter may keep these, and the headers of the
    replay with the fewest attempts.
    """
    records = [refusal.record for refusal in refusals]
    summary = RefusedRecords.of(records)
    first = without_foreign_text(refusals[0].error)
    fields = {contract_field(refusal.error.field) for refusal in refusals}
    field = first.field if len(fields) == 1 else WITHHELD
    claims = tuple(
        (PREFIX + name, text.encode(errors="replace"))
        for name, text in (("source", kind.source), ("type", kind.type))
        if text is not None
    )
    replays = []
    for record in records:
        own, _, attempts = without_replay(headers := tuple(record.headers or ()))
        replays.append((attempts, headers[len(own) :]))
    return dead_letters.dead_letter_record(
        OriginalRecord(
            RecordOrigin.of(records[0])._replace(offset=summary.runs[0][0]),
            None,
            b"",
            (*(claims if may_be_kept(None, None, claims) else ()), *min(replays)[1]),
        ),
        LetterContent(
            keeps_record=True,
            error=ContractError(first.reason, field, None, first.remedy, problem=first.problem),
        ),
        now=now,
        summary=summary,
    )


def dead_letter_record(refusal: RecordRefusal, *, now: datetime) -> OutgoingRecord:
    """Return the dead letter of a refused record; `now` is when it was refused."""
    record = refusal.record
    key, value, headers = record.key, record.value, record.headers or ()
    # A skipped record has crashed workers: it is not read for its dead letter either.
    was_read = refusal.error.reason is not RefusalReason.PASSED_OVER
    return dead_letters.dead_letter_record(
        OriginalRecord(RecordOrigin.of(record), key, value, headers, timestamp=record.timestamp),
        letter_content(refusal.error, key, value, headers, was_read=was_read),
        now=now,
    )


def bare_dead_letter_record(refusal: RecordRefusal, *, now: datetime) -> OutgoingRecord:
    """Return a dead letter with only the reason and the origin of its record."""
    return dead_letters.dead_letter_record(
        OriginalRecord(RecordOrigin.of(refusal.record), timestamp=refusal.record.timestamp),
        letter_content(refusal.error, None, None, ()),
        now=now,
    )


def forward_record(forward: Forward) -> OutgoingRecord:
    """Return a misrouted record for the partition of its entity."""
    record = forward.record
    return OutgoingRecord(
        record.topic,
        forward.partition,
        forward.entity.encode(),
        record.value,
        [*(record.headers or ()), (FORWARDED_FROM, forward_origin(forward))],
    )


def forward_origin(forward: Forward) -> bytes:
    """Return the topic, partition and offset of a misrouted record, for a header of its copy."""
    record = forward.record
    return f"{record.topic}/{record.partition}/{record.offset}".encode()
