"""The format of dead letters: a refused record, byte for byte or not at all, and added headers.

A dead letter keeps its record if `letter_content` says so, else only the reason, the time, the
origin, and the size of each part. A summary stands for many records of one batch and keeps none.

A dead letter's headers are, in this order: the refused record's own, if they are kept, or else its
`traceparent`, if it has a valid one; if the record was a replay, `smartregion-replay-of` and
`smartregion-replay-attempt`; the seven of `REASON_HEADERS`; `smartregion-timestamp` if it stands
for one Kafka record; `smartregion-null-value` if neither record nor dead letter has a key and the
record had no value; `smartregion-shortened` if the record is not kept; `smartregion-records` in a
summary; and `smartregion-producer` if the producer is known. They are read from the end, so that no
header of a producer is mistaken for one of them.

A worker may write a dead letter again after a crash, a rebalance or a change of rules. The second
one may have another reason, and a record in a summary may get its own dead letter the next time, or
vice versa. The first one counts (`distinct_letters`): operators have seen its position, and
outcomes and replayed records name it.
"""

from __future__ import annotations

import dataclasses
import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter
from types import MappingProxyType
from typing import Final, Generic, NamedTuple, Self, TypeAlias, TypeVar

from pydantic_core import from_json

from events.claims import trace_of
from events.dead_letter_content import LetterContent
from events.dead_letter_policy import DEAD_LETTER_POLICY
from events.offset_runs import OffsetRuns, offsets_in
from events.records import CutPart, OutgoingRecord, Record
from events.topics import DEAD_LETTERS
from events.trace_context import TRACEPARENT

Value = TypeVar("Value")

Headers = tuple[tuple[str, bytes | None], ...]

#: The prefix of the headers that the monitor adds.
HEADER_PREFIX: Final = "smartregion-"
#: The headers that follow the record's own in every dead letter, in this order.
REASON_HEADERS: Final = tuple(
    HEADER_PREFIX + name
    for name in ("reason", "field", "detail", "topic", "partition", "offset", "time")
)
#: The authenticated producer; only dead letters of the gateway have it.
PRODUCER: Final = f"{HEADER_PREFIX}producer"
#: The timestamp of the record, in milliseconds; dead letters from before 1.0 may lack it.
TIMESTAMP: Final = f"{HEADER_PREFIX}timestamp"
#: On a dead letter without a key whose record had no value; its own value is then empty.
NULL_VALUE: Final = f"{HEADER_PREFIX}null-value"
#: On a dead letter that does not keep its record: the size of each part, as JSON.
SHORTENED: Final = f"{HEADER_PREFIX}shortened"
#: On a summary, as JSON: the number of its records, their offsets as runs, and the bounds of their
#: timestamps in milliseconds.
RECORDS: Final = f"{HEADER_PREFIX}records"
#: On a replayed record: the position of its dead letter, and the number of replays with this one.
REPLAY_OF: Final = f"{HEADER_PREFIX}replay-of"
REPLAY_ATTEMPT: Final = f"{HEADER_PREFIX}replay-attempt"

#: The maximum assumed difference between the clocks of a broker and a worker.
_CLOCKS_DIFFER_MS: Final = 60_000
_PER_HEADER_BYTES: Final = 10  # Two lengths, of five bytes at most.

Runs: TypeAlias = tuple[tuple[int, int], ...]
"""The first and the last offset of each run of consecutive records, in order."""

_POSITION = re.compile(r"([0-9]{1,9})/([0-9]{1,18})\Z")
_ATTEMPT = re.compile(rb"[1-9][0-9]{0,5}\Z")


class RecordOrigin(NamedTuple):
    """Topic, partition and offset of a refused record; `http`, -1 and -1 for the gateway."""

    topic: str
    partition: int
    offset: int

    @classmethod
    def of(cls, record: Record) -> Self:
        """Return the origin of a record."""
        return cls(record.topic, record.partition, record.offset)

    def __str__(self) -> str:
        return self.topic if self == GATEWAY else f"{self.topic}[{self.partition}]@{self.offset}"


GATEWAY: Final = RecordOrigin("http", -1, -1)


class LetterPosition(NamedTuple):
    """Partition and offset of a dead letter on its topic; as text `0/17`."""

    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.partition}/{self.offset}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the position in a text. Raises ValueError."""
        match = _POSITION.match(text)
        if match is None:
            message = f"position: is not PARTITION/OFFSET, value {text[:80]!r}: write it as 0/17"
            raise ValueError(message)
        return cls(int(match[1]), int(match[2]))


@dataclass(frozen=True, slots=True)
class OriginalRecord:
    """A refused record as it was read.

    A record from the gateway has no key, and the headers that it would have had on Kafka:
    `content-type: application/cloudevents+json`, or the `ce_…` headers of the binary mode.
    """

    origin: RecordOrigin
    key: bytes | None = None
    value: bytes | None = None
    headers: Sequence[tuple[str, bytes | None]] = ()
    producer: str | None = None
    """The authenticated sender; None if unknown."""
    timestamp: int | None = None
    """In milliseconds; None for a record from the gateway or in a summary."""


@dataclass(frozen=True, slots=True)
class RefusedRecords:
    """The identity of refused records of one partition.

    A recreated topic reuses offsets, so the offset alone does not identify a record.
    """

    topic: str
    partition: int
    runs: Runs
    timestamps: tuple[int, int]
    """Bounds of the records' timestamps, in milliseconds."""

    @classmethod
    def of(cls, records: Sequence[Record]) -> Self:
        """Return the identity of some records of one partition, at least one."""
        stamps = {record.offset: record.timestamp for record in records}
        bounds = min(stamps.values()), max(stamps.values())
        return cls(records[0].topic, records[0].partition, OffsetRuns(sorted(stamps)).runs, bounds)

    @property
    def count(self) -> int:
        """The number of records."""
        return offsets_in(self.runs)


class NotADeadLetterError(ValueError):
    """The dead-letter topic holds a record that the monitor did not write."""

    def __init__(self, record: Record, *, header: str, problem: str) -> None:
        super().__init__(
            f"{record.topic}[{record.partition}]@{record.offset} is no dead letter of the monitor: "
            f"header {header} {problem}"
        )


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead letter as read: the refused record, its origin, and the reason."""

    position: LetterPosition
    reason: str
    field: str
    detail: str
    origin: RecordOrigin
    time: datetime
    """When the record was refused; aware, in UTC."""
    key: bytes | None
    value: bytes | None
    headers: Headers
    """The record's own headers, without those of a replay."""
    producer: str | None = None
    replay_of: LetterPosition | None = None
    """The previous dead letter, if the record was a replay."""
    attempts: int = 0
    """The number of replays before this refusal."""
    shortened: Mapping[str, int] = dataclasses.field(default_factory=dict)
    """The bytes of `key`, `value` and `headers` that are not kept; the record is at `origin`."""
    summary: RefusedRecords | None = None
    """The records that this dead letter stands for. Its origin is the first; it keeps none of them,
    and its headers are the source and type that all of them state."""
    timestamp: int | None = None
    """The timestamp of its single record, in milliseconds; None also in some from before 1.0."""

    @property
    def runs(self) -> Runs:
        """The offsets of its records."""
        offset = self.origin.offset
        return ((offset, offset),) if self.summary is None else self.summary.runs

    @property
    def origins(self) -> Iterator[RecordOrigin]:
        """The origin of each of its records: one, unless it is a summary."""
        for first, last in self.runs:
            for offset in range(first, last + 1):
                yield self.origin._replace(offset=offset)

    @property
    def records(self) -> RefusedRecords | None:
        """The identity of its records; None for an event from the gateway, which has none."""
        if self.origin == GATEWAY:
            return None
        if self.summary is not None:
            return self.summary
        if self.timestamp is not None:
            timestamps = self.timestamp, self.timestamp
        else:  # The record was written before it was refused, perhaps without a timestamp (-1).
            timestamps = -1, int(self.time.timestamp() * 1000) + _CLOCKS_DIFFER_MS
        return RefusedRecords(self.origin.topic, self.origin.partition, self.runs, timestamps)

    def restricted_to(self, runs: Runs) -> DeadLetter:
        """Return this dead letter restricted to some of its records, at least one."""
        if runs == self.runs or self.summary is None:
            return self
        return dataclasses.replace(
            self,
            origin=self.origin._replace(offset=runs[0][0]),
            summary=dataclasses.replace(self.summary, runs=runs),
        )


def dead_letter_record(
    original: OriginalRecord,
    content: LetterContent,
    *,
    now: datetime,
    summary: RefusedRecords | None = None,
) -> OutgoingRecord:
    """Return the dead letter of a refused record; `now` is when it was refused.

    With a `summary`, it stands for all of these records, and `original` has their common parts. A
    dead letter that does not keep its record has the size of each part.
    """
    key, value, headers, parts = original.key, original.value, original.headers, None
    is_null = value is None and (key is None or not content.keeps_record)
    if not content.keeps_record:
        sizes = sizes_of(key, value, headers)
        parts = {name: {"bytes": size} for name, size in sizes.items() if size}
        # The trace alone shows its producer which event was refused.
        trace = trace_of(headers, value)
        named = () if trace is None else ((TRACEPARENT, trace.traceparent.encode()),)
        headers = (*named, *headers[len(without_replay(tuple(headers))[0]) :])
        key = value = None
    error, origin = content.error, original.origin
    reason_values = (
        str(error.reason),
        error.field,
        str(error),
        origin.topic,
        str(origin.partition),
        str(origin.offset),
        now.astimezone(UTC).isoformat(),
    )
    added: list[tuple[str, bytes | None]] = [
        (name, text.encode(errors="backslashreplace"))
        for name, text in zip(REASON_HEADERS, reason_values, strict=True)
    ]
    if original.timestamp is not None:
        added.append((TIMESTAMP, str(original.timestamp).encode()))
    if is_null:
        added.append((NULL_VALUE, b"true"))
    if parts:
        added.append((SHORTENED, json.dumps(parts).encode()))
    if summary is not None:
        described = {
            "count": summary.count,
            "offsets": summary.runs,
            "timestamps": summary.timestamps,
        }
        added.append((RECORDS, json.dumps(described).encode()))
    if original.producer is not None:
        added.append((PRODUCER, original.producer.encode()))
    if key is None and value is None:
        value = b""
    return OutgoingRecord(DEAD_LETTERS, None, key, value, [*headers, *added])


def read_dead_letter(record: Record) -> DeadLetter:
    """Return the dead letter in a record. Raises NotADeadLetterError."""
    headers = list(record.headers)
    _, producer = _taken(headers, PRODUCER)
    has_summary, summarized = _taken(headers, RECORDS)
    is_shortened, parts = _taken(headers, SHORTENED)
    is_null, _ = _taken(headers, NULL_VALUE)
    has_timestamp, stamped = _taken(headers, TIMESTAMP)
    own, added = tuple(headers[: -len(REASON_HEADERS)]), dict(headers[-len(REASON_HEADERS) :])
    reason, field, detail, topic, partition, offset, time = (
        _text(record, added, name) for name in REASON_HEADERS
    )
    try:
        origin = RecordOrigin(topic, int(partition), int(offset))
        refused_at = datetime.fromisoformat(time).astimezone(UTC)
        timestamp = int(stamped or b"") if has_timestamp else None
    except (ValueError, OverflowError):  # A time may not exist in UTC.
        raise NotADeadLetterError(
            record, header="-partition, -offset, -time or -timestamp", problem="is not ours"
        ) from None
    summary = _read_summary(record, origin, summarized) if has_summary else None
    own, replay_of, attempts = without_replay(own)
    return DeadLetter(
        position=LetterPosition(record.partition, record.offset),
        reason=reason,
        field=field,
        detail=detail,
        origin=origin,
        time=refused_at,
        key=record.key,
        value=None if is_null else record.value,
        headers=own,
        producer=None if producer is None else producer.decode(errors="replace"),
        replay_of=replay_of,
        attempts=attempts,
        shortened=_read_parts(record, parts) if is_shortened else {},
        summary=summary,
        timestamp=timestamp,
    )


def _taken(headers: list[tuple[str, bytes | None]], name: str) -> tuple[bool, bytes | None]:
    """Remove the last header if it has a name; return whether it has, and its content."""
    if headers and headers[-1][0] == name:
        return True, headers.pop()[1]
    return False, None


def read_dead_letters(
    records: Iterable[Record], *, on_foreign_record: Callable[[NotADeadLetterError], None]
) -> Iterator[DeadLetter]:
    """Yield the dead letters among the records of their topic; report all other records."""
    for record in records:
        try:
            yield read_dead_letter(record)
        except NotADeadLetterError as error:
            on_foreign_record(error)


def sizes_of(
    key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes | None]]
) -> Mapping[str, int]:
    """Return the size of each part of a record, in bytes."""
    size = sum(len(name.encode()) + len(content or b"") for name, content in headers)
    return {
        "key": _size_of(key or b""),
        "value": _size_of(value or b""),
        "headers": size + _PER_HEADER_BYTES * len(headers),
    }


def _size_of(content: bytes) -> int:
    return content.size if isinstance(content, CutPart) else len(content)


def _read_parts(record: Record, header: bytes | None) -> Mapping[str, int]:
    try:
        parts = from_json(header or b"")
        return MappingProxyType({name: int(part["bytes"]) for name, part in parts.items()})
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
        raise NotADeadLetterError(record, header=SHORTENED, problem="is not ours") from None


def _read_summary(record: Record, origin: RecordOrigin, header: bytes | None) -> RefusedRecords:
    try:
        described = from_json(header or b"")
        runs = tuple((int(first), int(last)) for first, last in described["offsets"])
        least, greatest = map(int, described["timestamps"])
    except (ValueError, TypeError, KeyError, OverflowError):
        raise NotADeadLetterError(record, header=RECORDS, problem="is not ours") from None
    offsets = OffsetRuns()
    for first, last in runs:
        offsets.add(first, max(first, last))
    # Any other runs could keep a reader busy for ever.
    is_ours = offsets.runs == runs and runs and runs[0][0] >= 0
    if not (is_ours and len(offsets) <= DEAD_LETTER_POLICY.max_summarized):
        raise NotADeadLetterError(record, header=RECORDS, problem="is not ours")
    return RefusedRecords(origin.topic, origin.partition, runs, (least, greatest))


def _text(record: Record, added: dict[str, bytes | None], name: str) -> str:
    value = added.get(name)
    if value is None:
        raise NotADeadLetterError(record, header=name, problem="is missing")
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise NotADeadLetterError(record, header=name, problem="is not text") from None


def without_replay(headers: Headers) -> tuple[Headers, LetterPosition | None, int]:
    """Return headers without those of a replay, the replayed dead letter, and its attempts.

    Headers that only resemble those of a replay are the producer's own.
    """
    match headers:
        case (*own, ("smartregion-replay-of", bytes(of)), ("smartregion-replay-attempt", bytes(n))):
            try:
                position = LetterPosition.parse(of.decode())
            except ValueError:  # Includes UnicodeDecodeError.
                return headers, None, 0
            return (tuple(own), position, int(n)) if _ATTEMPT.match(n) else (headers, None, 0)
    return headers, None, 0


class _Run(NamedTuple, Generic[Value]):
    """A run of offsets, the bounds of the timestamps of its records, and their value."""

    first: int
    last: int
    least: int
    greatest: int
    value: Value


class RecordMap(Generic[Value]):
    """Maps refused records to values.

    Two records with the same offset are the same record if the bounds of their timestamps overlap:
    every record of a recreated topic is later than all records of the deleted one.
    """

    def __init__(self) -> None:
        # By topic and partition. The runs of a layer are ordered and disjoint. A recreated topic
        # adds a layer.
        self._layers: dict[tuple[str, int], list[list[_Run[Value]]]] = {}

    def add(self, records: RefusedRecords, value: Value) -> Runs:
        """Set the value of records without one; return their offsets."""
        missing = self.missing(records)
        layers = self._layers.setdefault((records.topic, records.partition), [])
        for first, last in missing:
            if all(_overlapping(layer, first, last) for layer in layers):
                layers.append([])
            layer = next(one for one in layers if not _overlapping(one, first, last))
            run = _Run(first, last, *records.timestamps, value)
            layer.insert(bisect_left(layer, first, key=attrgetter("first")), run)
        return missing

    def missing(self, records: RefusedRecords) -> Runs:
        """Return the offsets of the records without a value."""
        known = OffsetRuns.of((run.first, run.last) for run in self._known(records))
        return tuple(known.missing(records.runs))

    def find(self, topic: str, partition: int, offset: int, timestamp: int) -> Value | None:
        """Return the value of a record; None if it has none."""
        runs, timestamps = ((offset, offset),), (timestamp, timestamp)
        known = self._known(RefusedRecords(topic, partition, runs, timestamps))
        return next((run.value for run in known), None)

    def _known(self, records: RefusedRecords) -> Iterator[_Run[Value]]:
        """Yield the runs that have some of the records."""
        least, greatest = records.timestamps
        for layer in self._layers.get((records.topic, records.partition), ()):
            for first, last in records.runs:
                for run in _overlapping(layer, first, last):
                    if run.least <= greatest and least <= run.greatest:
                        yield run


def distinct_letters(letters: Iterable[DeadLetter]) -> Iterator[DeadLetter]:
    """Yield dead letters in the order of writing, each restricted to its new records.

    A dead letter without new records is omitted. One from the gateway is always yielded.
    """
    seen = RecordMap[None]()
    for letter in letters:
        records = letter.records
        if records is None:
            yield letter
        elif runs := seen.add(records, None):
            yield letter.restricted_to(runs)


def _overlapping(layer: Sequence[_Run[Value]], first: int, last: int) -> Sequence[_Run[Value]]:
    start = bisect_left(layer, first, key=attrgetter("last"))
    return layer[start : bisect_right(layer, last, key=attrgetter("first"))]
