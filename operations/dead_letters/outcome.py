"""What was done with a dead letter: one record of the ledger, the last of its letter counts."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from events.dead_letters import LetterPosition
from events.records import OutgoingRecord
from events.topics import DEAD_LETTER_OUTCOMES

if TYPE_CHECKING:
    from events.dead_letters import DeadLetter
    from events.records import Record

__all__ = ["NotAnOutcomeError", "OutcomeKind", "ReplayOutcome", "outcome_to_record", "read_outcome"]


class OutcomeKind(StrEnum):
    """What the last command did with a letter."""

    REPLAYED = "replayed"
    """Sent again, and acknowledged by the broker."""
    DISCARDED = "discarded"
    """Let go by a person, who said why."""
    STILL_REFUSED = "still_refused"
    """Tried, and not sent: it would be refused as before. It waits on."""


class ReplayOutcome(BaseModel):
    """A line of the ledger. `attempts` counts every try of the letter, its first life included."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    verdict: OutcomeKind
    attempts: Annotated[int, Field(ge=0)]
    at: AwareDatetime
    refused_at: AwareDatetime
    """The letter's own time: were the topic made anew, its places would name other letters."""
    because: str | None = None
    """Why it was discarded."""


class NotAnOutcomeError(ValueError):
    """The ledger holds a record that these commands did not write."""

    def __init__(self, record: Record, *, cause: str) -> None:
        super().__init__(
            f"{record.topic}[{record.partition}]@{record.offset} is no outcome of a dead letter "
            f"({cause}): it is left out"
        )


def outcome_to_record(letter: DeadLetter, outcome_record: ReplayOutcome) -> OutgoingRecord:
    """Return the record that notes a letter's settlement, under the letter's place."""
    return OutgoingRecord(
        DEAD_LETTER_OUTCOMES,
        None,
        str(letter.place).encode(),
        outcome_record.model_dump_json(exclude_none=True).encode(),
        (),
    )


def read_outcome(record: Record) -> tuple[LetterPosition, ReplayOutcome]:
    """Read a line of the ledger. Raises NotASettlementError."""
    try:
        place = LetterPosition.parse((record.key or b"").decode())
        return place, ReplayOutcome.model_validate_json(record.value or b"")
    except ValidationError as error:
        wrong = error.errors(include_url=False)[0]
        cause = f"{'.'.join(map(str, wrong['loc'])) or 'value'}: {wrong['msg']}"
        raise NotAnOutcomeError(record, cause=cause) from None
    except ValueError as error:
        raise NotAnOutcomeError(record, cause=f"key: {error}") from None
