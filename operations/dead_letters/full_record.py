"""The full records of dead letters that do not keep them, read from their topics."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from kafka import TopicPartition

from broker.errors import PositionsOutdatedError, TopicsMissingError
from broker.reading import WAIT_SECONDS
from broker.security import PLAINTEXT, BrokerSecurity
from broker.stored_record import RawRecord
from events.dead_letters import GATEWAY, DeadLetter, Runs, without_replay
from events.errors import ContractError, RefusalReason
from events.offset_runs import OffsetRuns
from operations.records_at import records_at


def full_records(
    letter: DeadLetter,
    runs: Runs,
    bootstrap: str,
    *,
    security: BrokerSecurity = PLAINTEXT,
    wait_seconds: float = WAIT_SECONDS,
) -> Iterator[tuple[int, DeadLetter | ContractError]]:
    """Yield the records of a dead letter in some runs of offsets, as letters that keep theirs.

    Instead of a record that is no longer at its offset there is an error. A part of them is in
    memory at a time. Raises BrokerRefusedError, BrokerUnreachableError and TopicsStalledError if
    the broker does not say.
    """
    if letter.summary is None and not letter.shortened:
        yield letter.origin.offset, letter
        return
    if letter.records is None:  # It came to the gateway.
        yield letter.origin.offset, _gone(letter)
        return
    least, greatest = letter.records.timestamps
    at = {TopicPartition(letter.origin.topic, letter.origin.partition): OffsetRuns.of(runs)}
    found = records_at(bootstrap, at, security=security, wait_seconds=wait_seconds)
    record = _next(found)
    for offset in (offset for first, last in runs for offset in range(first, last + 1)):
        alone = replace(letter, origin=letter.origin._replace(offset=offset), summary=None)
        if record is None or record.offset != offset:
            yield offset, _gone(alone)
            continue
        headers, _, _ = without_replay(tuple(record.headers))
        whole = replace(alone, key=record.key, value=record.value, headers=headers, shortened={})
        # A topic that was created anew has later timestamps.
        yield offset, whole if least <= record.timestamp <= greatest else _gone(alone)
        record = _next(found)


def _next(records: Iterator[RawRecord]) -> RawRecord | None:
    try:
        return next(records, None)
    except (PositionsOutdatedError, TopicsMissingError):
        return None  # The topic was deleted, or created again.


def _gone(letter: DeadLetter) -> ContractError:
    """Return the error of a letter that does not keep its record, which is no longer there."""
    known = letter.reason in set(RefusalReason)  # A later version may have others.
    came_to_gateway = letter.origin == GATEWAY
    where = "lies nowhere else" if came_to_gateway else f"is no longer at {letter.origin}"
    sizes = [(name, f"{size} bytes") for name, size in letter.shortened.items()]
    field, value = sizes[0] if sizes else ("value", None)
    return ContractError(
        RefusalReason(letter.reason) if known else RefusalReason.UNREADABLE,
        field,
        value,
        "have its producer send it again, or discard it",
        problem=f"is not kept in the letter, and the record {where}",
    )
