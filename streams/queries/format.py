"""The answer of /histories, as JSON: docs/histories.md describes it for the author of a client."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from itertools import chain
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import to_json

from catalogue.explanations import Explanation
from catalogue.model import Promise
from catalogue.territories import department_of, territory_key
from events.milestone import ExplanationKind
from streams.fold import Series, SeriesKey

__all__ = [
    "FORMAT",
    "PATH",
    "AnswerUnreadableError",
    "HistoriesAnswer",
    "PartitionAnswer",
    "Row",
    "SaidRow",
    "Steps",
    "decode_answer",
    "encode_answer",
    "explanation_of",
    "reports_of",
    "row_of",
    "said_row_of",
    "steps_of",
]

PATH: Final = "/histories"
FORMAT: Final = 1
"""The version of the format; another number means that old readers would read it wrongly."""
_EPOCH: Final = date(1970, 1, 1).toordinal()
_LAST: Final = date.max.toordinal()

Natural = Annotated[int, Field(ge=0)]
Steps: TypeAlias = dict[int, int]
Row: TypeAlias = tuple[Natural, str, str, list[int], list[int]]
"""A term's position among the answer's terms, a département's code and a category (each "" for
none); days and amounts in turn; days of reports. Days are counted from 1970-01-01."""


class _Wire(BaseModel):
    """What is sent; a field that a reader does not know is passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class SaidRow(_Wire):
    """An explanation of a milestone."""

    indicator: str
    milestone: str
    territory: str
    entity: str
    day: str
    kind: str
    text: str
    author_role: str
    recorded_at: str
    source: str
    id: str


class PartitionAnswer(_Wire):
    """What a worker tells of a partition that it owns."""

    partition: Natural
    generation: int
    complete: bool
    """True where everything is told; False where only what changed since the position asked for,
    each changed series as a whole (with no days where nothing is left of it)."""
    unreadable: Natural
    """States that cannot be read: where it is not 0, nothing else is told."""
    series: list[Row]
    explanations: list[SaidRow] | None
    """All of the partition; None where they have not changed."""


class HistoriesAnswer(_Wire):
    """An answer of a worker."""

    format: Literal[1]
    worker: str
    """The random id of the process's life."""
    position: str
    """What the next request names, to be told what changed since; opaque to readers."""
    version: Natural
    """The number of changes in the answer's figures, of one life."""
    since: Natural | None
    """The version of the position that was asked for; None where it was none of this life's."""
    waiting_for: str | None
    """What the worker waits for; None: it is ready."""
    partitions_expected: Natural
    """How many partitions there are, on all workers."""
    terms: list[str]
    """The fingerprints of the terms that the worker knows."""
    partitions: list[PartitionAnswer]
    """Those whose figures the worker shows."""


class AnswerUnreadableError(Exception):
    """An answer is none of this format."""


def encode_answer(answer: HistoriesAnswer) -> bytes:
    """Return an answer as JSON."""
    return to_json(answer)


def decode_answer(body: bytes) -> HistoriesAnswer:
    """Read an answer. Raises AnswerUnreadableError."""
    try:
        return HistoriesAnswer.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the body"
        raise AnswerUnreadableError(f"{where}: {first['msg']}") from error


def row_of(key: SeriesKey, series: Series) -> Row:
    """Return a series as it is sent."""
    steps = chain.from_iterable((day - _EPOCH, series.steps[day]) for day in sorted(series.steps))
    reports = [day - _EPOCH for day in sorted(series.reports)]
    return key.term, key.department, key.category, list(steps), reports


def steps_of(row: Row) -> Steps:
    """Return the amounts of a row by day, as proleptic ordinals. Raises AnswerUnreadableError."""
    numbers = row[3]
    if len(numbers) % 2:
        raise AnswerUnreadableError("partitions.series: a day without an amount")
    return {_ordinal(day): amount for day, amount in _pairs(numbers)}


def reports_of(row: Row) -> frozenset[int]:
    """Return the days of reports of a row, as proleptic ordinals. Raises AnswerUnreadableError."""
    return frozenset(map(_ordinal, row[4]))


def said_row_of(promise: Promise, said: Explanation) -> SaidRow:
    """Return an explanation as it is sent."""
    indicator, milestone, department = promise
    return SaidRow(
        indicator=indicator,
        milestone=milestone,
        territory=territory_key(department),
        entity=said.entity,
        day=said.day.isoformat(),
        kind=said.kind,
        text=said.text,
        author_role=said.author_role,
        recorded_at=said.recorded_at.astimezone(UTC).isoformat(),
        source=said.source,
        id=said.id,
    )


def explanation_of(row: SaidRow) -> tuple[Promise, Explanation]:
    """Return the explanation of a row. Raises AnswerUnreadableError."""
    try:
        department = department_of(row.territory)
        return (row.indicator, row.milestone, department), Explanation(
            row.entity,
            department,
            date.fromisoformat(row.day),
            ExplanationKind(row.kind),
            row.text,
            row.author_role,
            datetime.fromisoformat(row.recorded_at).astimezone(UTC),
            row.source,
            row.id,
        )
    except ValueError as error:
        raise AnswerUnreadableError(f"partitions.explanations: {error}") from error


def _ordinal(day: int) -> int:
    ordinal = day + _EPOCH
    if not 1 <= ordinal <= _LAST:
        raise AnswerUnreadableError(f"partitions.series: {day} is no day")
    return ordinal


def _pairs(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    left = iter(numbers)
    return zip(left, left, strict=True)
