"""Operators' decisions, kept for ever on the ledger of outcomes, and what was read of topics.

A skipped record is refused unread, by workers and by the audit. Where records of a partition are
missing, its figures are withheld until their loss is accepted. Kafka deletes the group's offsets
with a topic, and a week after the last worker has left: without the topic's id and a copy of the
offsets, a recreated topic, or one that has lost its end, looks like one that was never read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, TypeAlias

from pydantic import AwareDatetime, BaseModel, ConfigDict, NonNegativeInt

from broker.reading import read_topics
from broker.security import PLAINTEXT, BrokerSecurity
from broker.stored_record import RawRecord
from events.dead_letters import RecordOrigin
from events.errors import ContractError, RefusalReason
from events.last_record import LastRecord
from events.records import OutgoingRecord, Record
from events.topics import DEAD_LETTER_OUTCOMES, FAMILIES
from streams.commit_metadata import CommitMetadata, Committed

_SKIPPED: Final = "smartregion."
_LOSS: Final = "loss/"
_TOPIC: Final = "topic/"
_KEYS: Final = tuple(prefix.encode() for prefix in (_SKIPPED, _LOSS, _TOPIC))
_DIGITS: Final = 16


class _Written(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    at: AwareDatetime


class Skip(_Written):
    """The decision to skip a record."""

    verdict: Literal["passed_over"] = "passed_over"
    because: str


class AcceptedLoss(_Written):
    """The records missing from a partition when an operator accepted their loss."""

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


class KnownTopic(_Written):
    """A topic that the workers read; `because` says why one that replaced it was accepted."""

    topic: str
    id: str
    """The id as the broker shows it."""
    because: str | None = None


AcceptedLosses: TypeAlias = "Mapping[tuple[str, int], Sequence[AcceptedLoss]]"
"""Accepted losses, by topic and partition."""
NOTHING_ACCEPTED: Final[AcceptedLosses] = MappingProxyType({})
NOTHING_NOTED: Final[Mapping[tuple[str, int], Committed]] = MappingProxyType({})


class KnownPartition(_Written):
    """What the group had committed of a partition: the broker forgets it after seven days."""

    topic: str
    partition: NonNegativeInt
    id: str
    """The id of the topic: of another one, nothing had been committed."""
    offset: NonNegativeInt
    metadata: CommitMetadata


class Decisions(NamedTuple):
    """What the ledger contains besides the outcomes of dead letters."""

    skipped: Mapping[RecordOrigin, Skip] = MappingProxyType({})
    losses: AcceptedLosses = NOTHING_ACCEPTED
    topics: Mapping[str, KnownTopic] = MappingProxyType({})
    """The known topics, by name."""
    noted: Sequence[KnownPartition] = ()

    def noted_of(self, ids: Mapping[str, str]) -> Mapping[tuple[str, int], Committed]:
        """Return the noted commits of topics with these ids, by topic and partition."""
        return {
            (one.topic, one.partition): Committed(one.offset, one.metadata)
            for one in self.noted
            if ids.get(one.topic) == one.id
        }


def skip_record(origin: RecordOrigin, *, because: str, at: datetime) -> OutgoingRecord:
    """Return the ledger's record of the decision to skip a record."""
    topic, partition, offset = origin
    return _ledger_record(f"{topic}/{partition}/{offset}", Skip(at=at, because=because))


def loss_record(loss: AcceptedLoss) -> OutgoingRecord:
    """Return the ledger's record of an accepted loss; each loss has its own key."""
    own = sha256(loss.model_dump_json().encode()).hexdigest()[:_DIGITS]
    return _ledger_record(f"{_LOSS}{loss.topic}/{loss.partition}/{own}", loss)


def topic_record(known: KnownTopic) -> OutgoingRecord:
    """Return the ledger's record of a known topic."""
    return _ledger_record(_TOPIC + known.topic, known)


def partition_record(known: KnownPartition) -> OutgoingRecord:
    """Return the ledger's record of what was committed of a partition."""
    return _ledger_record(f"{_TOPIC}{known.topic}/{known.partition}", known)


def _ledger_record(key: str, content: BaseModel) -> OutgoingRecord:
    value = content.model_dump_json().encode()
    return OutgoingRecord(DEAD_LETTER_OUTCOMES, None, key.encode(), value, ())


def is_decision(record: Record) -> bool:
    """Return whether a record of the ledger is one of these, not an outcome of a dead letter."""
    return (record.key or b"").startswith(_KEYS)


def decisions_in(ledger: Iterable[Record]) -> Decisions:
    """Return the decisions among the records of the ledger; the last of each key counts."""
    last = {record.key or b"": record.value or b"" for record in filter(is_decision, ledger)}
    skipped: dict[RecordOrigin, Skip] = {}
    losses: dict[tuple[str, int], list[AcceptedLoss]] = {}
    topics: dict[str, KnownTopic] = {}
    partitions: list[KnownPartition] = []
    for key, value in last.items():
        text = key.decode(errors="replace")
        try:
            if text.startswith(_LOSS):
                loss = AcceptedLoss.model_validate_json(value)
                if loss.topic in FAMILIES:
                    losses.setdefault((loss.topic, loss.partition), []).append(loss)
            elif text.startswith(_TOPIC) and "/" in text.removeprefix(_TOPIC):
                partitions.append(KnownPartition.model_validate_json(value))
            elif text.startswith(_TOPIC):
                known = KnownTopic.model_validate_json(value)
                topics[known.topic] = known
            else:
                skipped[parse_origin(text)] = Skip.model_validate_json(value)
        except ValueError:
            continue  # A tombstone, or something else wrote it.
    return Decisions(skipped, losses, topics, tuple(partitions))


def read_decisions(bootstrap: str, *, security: BrokerSecurity = PLAINTEXT) -> Decisions:
    """Return all decisions. Raises the errors of `read_topics`."""
    return decisions_in(read_topics(bootstrap, topics=[DEAD_LETTER_OUTCOMES], security=security))


def parse_origin(text: str) -> RecordOrigin:
    """Return the origin in a text such as `smartregion.schools/3/42`. Raises ValueError."""
    place, _, offset = text.rpartition("/")
    topic, _, partition = place.rpartition("/")
    if topic not in FAMILIES or not (_is_number(partition) and _is_number(offset)):
        message = (
            f"origin: is not TOPIC/PARTITION/OFFSET of an event topic, value {text[:80]!r}:"
            " write it as smartregion.schools/3/42"
        )
        raise ValueError(message)
    return RecordOrigin(topic, int(partition), int(offset))


def parse_partition(text: str) -> tuple[str, int]:
    """Return the topic and partition in a text such as `smartregion.schools/3`.

    Raises ValueError.
    """
    topic, _, partition = text.rpartition("/")
    if topic not in FAMILIES or not _is_number(partition):
        message = (
            f"partition: is not TOPIC/PARTITION of an event topic, value {text[:80]!r}:"
            " write it as smartregion.schools/3"
        )
        raise ValueError(message)
    return topic, int(partition)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def without_skipped(
    records: Iterable[RawRecord], skipped: Collection[RecordOrigin]
) -> Iterator[RawRecord]:
    """Yield the records that are not skipped."""
    return (record for record in records if record[:3] not in skipped)


def refusal_of(skip: Skip) -> ContractError:
    """Return the error that refuses a skipped record."""
    return ContractError(
        RefusalReason.PASSED_OVER, "value", skip.because, "nothing: an operator has decided it"
    )
