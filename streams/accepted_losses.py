"""An operator's decisions to accept lost events, kept for ever on the ledger of outcomes.

Where records of a partition are missing, its figures are withheld until their loss is accepted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from pydantic import AwareDatetime, BaseModel, ConfigDict, NonNegativeInt, ValidationError

from broker.reading import read_topics
from broker.security import PLAINTEXT, BrokerSecurity
from events.last_record import LastRecord
from events.records import OutgoingRecord, Record
from events.topics import DEAD_LETTER_OUTCOMES, FAMILIES

AcceptedLosses: TypeAlias = "Mapping[tuple[str, int], Sequence[AcceptedLoss]]"
"""Accepted losses, by topic and partition."""
NOTHING_ACCEPTED: Final[AcceptedLosses] = MappingProxyType({})

_PREFIX: Final = b"loss/"
_DIGITS: Final = 16


class AcceptedLoss(BaseModel):
    """The records missing from a partition when an operator accepted their loss, when and why."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    verdict: Literal["loss_accepted", "erased"] = "loss_accepted"
    """An erasure has copied every record that it did not erase: nothing else is lost."""
    topic: str
    partition: NonNegativeInt
    last: LastRecord | None = None
    """The last record that the workers had merged, if the log no longer has it."""
    log_start: NonNegativeInt = 0
    """The first offset that was left in the log."""
    gaps: tuple[tuple[int, int], ...] = ()
    """The first and the last offset of each run of deleted records in the middle."""
    at: AwareDatetime
    because: str

    def covers_start(self, offset: int) -> bool:
        """Return whether a log that begins at `offset` lacks no more than was accepted."""
        return offset <= self.log_start

    def covers_last(self, last: LastRecord) -> bool:
        """Return whether the loss of the last merged record was accepted."""
        return self.last == last

    def covers_gap(self, first: int, after: int) -> bool:
        """Return whether the loss of all records from `first` to before `after` was accepted."""
        return any(begin <= first and after <= end + 1 for begin, end in self.gaps)


def loss_record(loss: AcceptedLoss) -> OutgoingRecord:
    """Return the ledger's record of an accepted loss; each loss has its own key."""
    content = loss.model_dump_json().encode()
    own = sha256(content).hexdigest()[:_DIGITS]
    key = f"{_PREFIX.decode()}{loss.topic}/{loss.partition}/{own}"
    return OutgoingRecord(DEAD_LETTER_OUTCOMES, None, key.encode(), content, ())


def is_loss(record: Record) -> bool:
    """Return whether a record of the ledger is an accepted loss."""
    return (record.key or b"").startswith(_PREFIX)


def losses_of(ledger: Iterable[Record]) -> AcceptedLosses:
    """Return the accepted losses among the records of the ledger."""
    by_key: dict[bytes | None, AcceptedLoss] = {}
    for record in filter(is_loss, ledger):
        by_key.pop(record.key, None)
        try:
            loss = AcceptedLoss.model_validate_json(record.value or b"")
        except ValidationError:
            continue  # A tombstone, or something else wrote it.
        if loss.topic in FAMILIES:
            by_key[record.key] = loss
    found: dict[tuple[str, int], list[AcceptedLoss]] = {}
    for loss in by_key.values():
        found.setdefault((loss.topic, loss.partition), []).append(loss)
    return found


def accepted_losses(bootstrap: str, *, security: BrokerSecurity = PLAINTEXT) -> AcceptedLosses:
    """Return all accepted losses. Raises the errors of `read_topics`."""
    return losses_of(read_topics(bootstrap, topics=[DEAD_LETTER_OUTCOMES], security=security))
