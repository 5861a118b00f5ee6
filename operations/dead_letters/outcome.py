"""The outcome of a command on a dead letter: a record of the ledger, of which the last counts."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import Annotated, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from events.dead_letters import DeadLetter, LetterPosition, RefusedRecords, Runs
from events.offset_runs import OffsetRuns
from events.records import OutgoingRecord, Record
from events.topics import DEAD_LETTER_OUTCOMES

ERASED: Final = "it names an erased person"
"""Why an erasure has discarded a letter: no replay sends its record again."""


class OutcomeKind(StrEnum):
    """The result of the last command on a letter."""

    REPLAYED = "replayed"
    """Sent again, and acknowledged by the broker."""
    DISCARDED = "discarded"
    """Discarded by a person, with a reason."""
    STILL_REFUSED = "still_refused"
    """Not sent, since it would be refused as before. The letter waits."""


class ReplayOutcome(BaseModel):
    """The value of a record of the ledger. `attempts` counts as `Entry.attempts` does."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    verdict: OutcomeKind
    attempts: Annotated[int, Field(ge=0)]
    at: AwareDatetime
    refused_at: AwareDatetime
    """The letter's time: in a topic that was created anew the same position is another letter."""
    because: str | None = None
    """Why the letter was discarded."""
    left: Runs | None = None
    """The offsets of a summary's records that were not sent, where others were."""
    records: RefusedRecords | None = None
    """The records that it is about; None for a dead letter of the gateway, and in outcomes from
    before 1.0, which hold for their position alone."""

    @property
    def settled(self) -> RefusedRecords | None:
        """The records that no longer wait, if there are any."""
        if self.records is None or self.verdict is not OutcomeKind.STILL_REFUSED:
            return self.records
        left = self.records.runs if self.left is None else self.left
        sent = tuple(OffsetRuns.of(left).missing(self.records.runs))
        return replace(self.records, runs=sent) if sent else None


def outcome_to_record(letter: DeadLetter, outcome: ReplayOutcome) -> OutgoingRecord:
    """Return the ledger's record of an outcome; its key is the letter's position."""
    return OutgoingRecord(
        DEAD_LETTER_OUTCOMES,
        None,
        str(letter.position).encode(),
        outcome.model_dump_json(exclude_none=True).encode(),
        (),
    )


def read_outcome(record: Record) -> tuple[LetterPosition, ReplayOutcome]:
    """Return the letter's position and the outcome of a ledger's record.

    Raises ValueError if these commands did not write it.
    """
    try:
        position = LetterPosition.parse((record.key or b"").decode())
        return position, ReplayOutcome.model_validate_json(record.value or b"")
    except ValidationError as error:
        wrong = error.errors(include_url=False)[0]
        cause = f"{'.'.join(map(str, wrong['loc'])) or 'value'}: {wrong['msg']}"
    except ValueError as error:
        cause = f"key: {error}"
    raise ValueError(
        f"{record.topic}[{record.partition}]@{record.offset} is no outcome of a dead letter"
        f" ({cause}): it is left out"
    )
