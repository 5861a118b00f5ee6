"""An operator's decisions to skip records, kept for ever beside the outcomes of dead letters.

A worker refuses such a record unread, also when it rebuilds its state; so does the audit.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from broker.reading import read_topics
from broker.security import PLAINTEXT, BrokerSecurity
from broker.stored_record import RawRecord
from events.dead_letters import RecordOrigin
from events.errors import ContractError, RefusalReason
from events.records import OutgoingRecord, Record
from events.topics import DEAD_LETTER_OUTCOMES, FAMILIES


class Decision(BaseModel):
    """The decision to skip a record: when, and why."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    verdict: Literal["passed_over"] = "passed_over"
    at: AwareDatetime
    because: str


def parse_origin(text: str) -> RecordOrigin:
    """Return the origin in a text such as `smartregion.schools/3/42`. Raises ValueError."""
    place, _, offset = text.rpartition("/")
    try:
        topic, partition = parse_partition(place)
    except ValueError:
        message = (
            f"origin: is not TOPIC/PARTITION/OFFSET of an event topic, value {text[:80]!r}:"
            " write it as smartregion.schools/3/42"
        )
        raise ValueError(message) from None
    if not (offset.isascii() and offset.isdigit()):
        message = (
            f"origin: has no offset, value {text[:80]!r}: write it as smartregion.schools/3/42"
        )
        raise ValueError(message)
    return RecordOrigin(topic, partition, int(offset))


def parse_partition(text: str) -> tuple[str, int]:
    """Return the topic and partition in a text such as `smartregion.schools/3`.

    Raises ValueError.
    """
    topic, _, partition = text.rpartition("/")
    if topic not in FAMILIES or not (partition.isascii() and partition.isdigit()):
        message = (
            f"partition: is not TOPIC/PARTITION of an event topic, value {text[:80]!r}:"
            " write it as smartregion.schools/3"
        )
        raise ValueError(message)
    return topic, int(partition)


def decision_record(origin: RecordOrigin, *, because: str, at: datetime) -> OutgoingRecord:
    """Return the ledger's record of a decision; its key is the origin."""
    topic, partition, offset = origin
    return OutgoingRecord(
        DEAD_LETTER_OUTCOMES,
        None,
        f"{topic}/{partition}/{offset}".encode(),
        Decision(at=at, because=because).model_dump_json().encode(),
        (),
    )


def is_decision(record: Record) -> bool:
    """Return whether a record of the ledger is a decision, not an outcome of a dead letter."""
    return (record.key or b"").startswith(b"smartregion.")


def decisions_of(ledger: Iterable[Record]) -> Mapping[RecordOrigin, Decision]:
    """Return the decisions among the records of the ledger; the last of each origin counts."""
    found: dict[RecordOrigin, Decision] = {}
    for record in ledger:
        if not is_decision(record):
            continue
        try:
            origin = parse_origin((record.key or b"").decode(errors="replace"))
            if record.value is None:
                found.pop(origin, None)
            else:
                found[origin] = Decision.model_validate_json(record.value)
        except (ValueError, ValidationError):
            continue  # Something else wrote it.
    return found


def read_decisions(
    bootstrap: str, *, security: BrokerSecurity = PLAINTEXT
) -> Mapping[RecordOrigin, Decision]:
    """Return all decisions. Raises the errors of `read_topics`."""
    return decisions_of(read_topics(bootstrap, topics=[DEAD_LETTER_OUTCOMES], security=security))


def without_skipped(
    records: Iterable[RawRecord], skipped: Collection[RecordOrigin]
) -> Iterator[RawRecord]:
    """Yield the records that are not skipped."""
    return (record for record in records if record[:3] not in skipped)


def refusal_of(decision: Decision) -> ContractError:
    """Return the error that refuses a skipped record."""
    return ContractError(
        RefusalReason.PASSED_OVER, "value", decision.because, "nothing: an operator has decided it"
    )
