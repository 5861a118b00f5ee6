"""The answer of /histories, in lines of JSON; for client authors, see docs/histories.md."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, date
from functools import lru_cache
from hashlib import sha256
from itertools import chain
from sys import intern
from typing import Annotated, Final, Literal, NamedTuple, TypeAlias, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import to_json

from catalogue.explanations import Explanation
from catalogue.model import Promise
from catalogue.terms import Term
from catalogue.territories import department_of, territory_key
from events.milestone import ExplanationKind
from streams.fold import Series, SeriesKey
from streams.queries.packed import PackedSeries

#: Part of the hashed content; increase it if the same fields get another meaning.
_READING = 1
_LETTERS = 16


@lru_cache(maxsize=1024)
def fingerprint(term: Term) -> str:
    """Return a hash of a term's content: 16 hexadecimal digits."""
    fields = asdict(term)
    if term.among is None:
        del fields["among"]  # Keeps the fingerprints of terms that predate this field.
    else:
        fields["among"] = fingerprint(term.among)
    fields["where"] = sorted((field, sorted(values)) for field, values in term.where)
    fields["entities"] = None if term.entities is None else sorted(term.entities)
    return sha256(to_json([_READING, sorted(fields.items())])).hexdigest()[:_LETTERS]


PATH: Final = "/histories"
FORMAT: Final = 1
"""The version of the format; a new number means that old readers would misread it."""
_EPOCH: Final = date(1970, 1, 1).toordinal()
_LAST: Final = date.max.toordinal()
_LARGEST: Final = 10**30
"""The limit of an amount, above any sum of events. Numbers of thousands of digits do not pack."""

Natural = Annotated[int, Field(ge=0)]
Row: TypeAlias = tuple[Natural, str, str, list[int], list[int]]
"""A term's position among the answer's terms, a département's code and a category (each "" for
none); alternating days and amounts; days of reports. Days count from 1970-01-01."""


class _Wire(BaseModel):
    """A line that is sent; readers ignore unknown fields."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class ExplanationRow(_Wire):
    """An explanation of a milestone."""

    indicator: str
    milestone: str
    territory: str
    entity: str
    day: date
    kind: ExplanationKind
    text: str
    author_role: str
    recorded_at: AwareDatetime
    source: str
    id: str


class PartitionHead(_Wire):
    """A worker's report on a partition that it owns; its series follow."""

    partition: Natural
    generation: int
    complete: bool
    """True if all series follow; False if only those changed since the requested position, each
    as a whole (without days if nothing is left of it)."""
    explanations: list[ExplanationRow] | None
    """All explanations of the partition; None if they have not changed."""
    series: Natural
    """How many lines of series follow."""


class AnswerHead(_Wire):
    """A worker's report on itself; its partitions follow."""

    format: Literal[1]
    worker: str
    """The random id of this run of the process."""
    position: str
    """The position to name in the next request, for changes since this one; opaque to readers."""
    version: Natural
    """The number of changes in the answer's figures, within one run of the process."""
    since: Natural | None
    """The version of the requested position; None if it is not from this run."""
    waiting_for: str | None
    """What the worker waits for; None if it is ready."""
    partitions_expected: Natural
    """How many partitions there are, on all workers."""
    terms: list[str]
    """The fingerprints of the terms that the worker knows."""
    partitions: Natural
    """How many partitions follow: those whose figures the worker shows."""
    overdue: Natural | None = None
    """Event records that have waited for OVERDUE_SECONDS on the worker's partitions: no figure
    includes them. None from an earlier release."""
    now: AwareDatetime | None = None
    """The time of the worker's clock. None from an earlier release."""


class ReceivedSeries(NamedTuple):
    """A series as received."""

    term: int
    """Its position among the answer's terms."""
    department: str
    category: str
    series: PackedSeries


class PartitionAnswer(NamedTuple):
    """A partition as received."""

    head: PartitionHead
    series: list[ReceivedSeries]


class HistoriesAnswer(NamedTuple):
    """The whole answer of a worker."""

    head: AnswerHead
    partitions: list[PartitionAnswer]


_Read = TypeVar("_Read")
_HEAD = TypeAdapter(AnswerHead)
_PARTITION = TypeAdapter(PartitionHead)
_ROW: TypeAdapter[Row] = TypeAdapter(Row, config=ConfigDict(strict=True))


class AnswerUnreadableError(Exception):
    """An answer does not follow this format."""


def encode_line(line: AnswerHead | PartitionHead | Row) -> bytes:
    """Return a line of an answer as JSON, with a line break."""
    return to_json(line) + b"\n"


class AnswerReader:
    """Reads an answer line by line, and keeps only what is needed."""

    def __init__(self) -> None:
        self._head: AnswerHead | None = None
        self._partitions: list[PartitionAnswer] = []

    def feed(self, line: bytes) -> None:
        """Take the next line. Raises AnswerUnreadableError."""
        if self._head is None:
            self._head = _read(_HEAD, line, "head")
        elif self._partitions and self._left:
            row = _read(_ROW, line, "series")
            if row[0] >= len(self._head.terms):
                raise AnswerUnreadableError("series: a term that the head does not name")
            series = PackedSeries.of(_steps_of(row), _reports_of(row))
            received = ReceivedSeries(row[0], intern(row[1]), intern(row[2]), series)
            self._partitions[-1].series.append(received)
        elif len(self._partitions) < self._head.partitions:
            self._partitions.append(PartitionAnswer(self._partition(line), []))
        else:
            raise AnswerUnreadableError("a line after the last")

    def _partition(self, line: bytes) -> PartitionHead:
        head = _read(_PARTITION, line, "partition")
        if self._head is not None and head.partition >= self._head.partitions_expected:
            raise AnswerUnreadableError("partition: is beyond the number of partitions")
        if any(head.partition == told.head.partition for told in self._partitions):
            raise AnswerUnreadableError("partition: occurs twice")
        return head

    def whole(self) -> HistoriesAnswer:
        """Return the answer. Raises AnswerUnreadableError if lines are missing."""
        if self._head is None or len(self._partitions) < self._head.partitions or self._left:
            raise AnswerUnreadableError("the end is missing")
        return HistoriesAnswer(self._head, self._partitions)

    @property
    def _left(self) -> int:
        """The number of series still missing from the last partition."""
        if not self._partitions:
            return 0
        return self._partitions[-1].head.series - len(self._partitions[-1].series)


def row_of(key: SeriesKey, series: Series) -> Row:
    """Return a series as it is sent."""
    steps = chain.from_iterable((day - _EPOCH, series.steps[day]) for day in sorted(series.steps))
    reports = [day - _EPOCH for day in sorted(series.reports)]
    return key.term, key.department, key.category, list(steps), reports


def _steps_of(row: Row) -> dict[int, int]:
    """Return the amounts of a row by day, as proleptic ordinals. Raises AnswerUnreadableError."""
    numbers = row[3]
    if len(numbers) % 2:
        raise AnswerUnreadableError("series: a day without an amount")
    days, amounts = _ordinals(numbers[::2]), numbers[1::2]
    if amounts and not -_LARGEST <= min(amounts) <= max(amounts) <= _LARGEST:
        raise AnswerUnreadableError("series: an amount of more than 30 digits")
    steps = dict(zip(days, amounts, strict=True))
    if len(steps) < len(days):
        raise AnswerUnreadableError("series: a day twice")
    return steps


def _reports_of(row: Row) -> list[int]:
    """Return the days of reports of a row, as proleptic ordinals. Raises AnswerUnreadableError."""
    return _ordinals(row[4])


def explanation_row_of(promise: Promise, said: Explanation) -> ExplanationRow:
    """Return an explanation as it is sent."""
    indicator, milestone, department = promise
    fields = asdict(said)
    del fields["department"]
    territory = territory_key(department)
    return ExplanationRow(indicator=indicator, milestone=milestone, territory=territory, **fields)


def explanation_of(row: ExplanationRow) -> tuple[Promise, Explanation]:
    """Return the explanation of a row. Raises AnswerUnreadableError."""
    fields = row.model_dump(exclude={"indicator", "milestone", "territory"})
    try:
        department = department_of(row.territory)
        fields["recorded_at"] = row.recorded_at.astimezone(UTC)
    except (ValueError, OverflowError) as error:  # A time may not exist in UTC.
        raise AnswerUnreadableError(f"partition.explanations: {error}") from error
    promise = (row.indicator, row.milestone, department)
    return promise, Explanation(department=department, **fields)


def _read(wire: TypeAdapter[_Read], line: bytes, name: str) -> _Read:
    try:
        return wire.validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join((name, *map(str, first["loc"])))
        raise AnswerUnreadableError(f"{where}: {first['msg']}") from error


def _ordinals(days: list[int]) -> list[int]:
    if days and not 1 <= min(days) + _EPOCH <= max(days) + _EPOCH <= _LAST:
        raise AnswerUnreadableError("series: a day outside the calendar")
    return [day + _EPOCH for day in days]
