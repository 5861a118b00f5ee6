"""From readings of the facts to figures: each indicator, for the region and each département."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from pydantic import BaseModel, ConfigDict

from catalogue.model import Catalogue, Grain, Indicator, Milestone, Programme, Unit
from catalogue.progress import (
    MilestoneStatus,
    Number,
    is_stale,
    milestone_status,
    progress_rate,
    projected_day,
)
from catalogue.reference_day import reference_day
from events.identifiers import Department

__all__ = ["Figure", "Reading", "assess", "mean_pace_day", "territories"]


@dataclass(frozen=True, slots=True)
class Reading:
    """What the facts add up to on a day, for one indicator and one territory.

    `numerator` and `denominator` are the sums of the measure's terms, before its divisor;
    `last_reported` is the latest effective day, up to that day, of the facts behind them.
    """

    numerator: int
    denominator: int | None = None
    last_reported: date | None = None


class Figure(BaseModel):
    """One indicator in one territory on one day, against its milestone in force.

    `value` and `target` are in the indicator's unit (a ratio is 0 to 1), `progress_rate` in
    percent; None is "not known", never zero. `model_dump(mode="json")` gives plain JSON.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    programme: str
    indicator: str
    department: str | None
    """The département's INSEE code; None for the region."""
    unit: Unit
    value: float | None
    numerator: int | None
    denominator: int | None
    last_reported: date | None
    milestone: str | None
    target: float | None
    deadline: date | None
    assumed: bool
    """True where the promise states not both the target and the deadline."""
    progress_rate: float | None
    status: MilestoneStatus | None
    projected_day: date | None


def assess(
    catalogue: Catalogue, readings: Mapping[tuple[str, str | None], Reading], as_of: date
) -> tuple[Figure, ...]:
    """Judge every indicator, for the region and, where its grain allows, each département.

    `readings` are by (indicator id, département or None for the region); one that is not there
    gives a figure without a value.
    """
    return tuple(
        _figure(programme, indicator, department, readings.get((indicator.id, department)), as_of)
        for programme in catalogue.programmes
        for indicator in programme.indicators
        for department in territories(indicator)
    )


def territories(indicator: Indicator) -> Iterator[str | None]:
    """Give the region (None), then the départements where the grain allows."""
    yield None
    if indicator.grain is Grain.DEPARTMENT:
        yield from (code.value for code in Department)


def _figure(
    programme: Programme,
    indicator: Indicator,
    department: str | None,
    reading: Reading | None,
    as_of: date,
) -> Figure:
    value = None if reading is None else _value(indicator, reading)
    last_reported = None if reading is None else reading.last_reported
    milestone = indicator.milestone_for(department, as_of)
    target = None if milestone is None else milestone.target
    deadline = None if milestone is None else milestone.day
    baseline = indicator.baseline_for(department)
    start = None if baseline is None else baseline.value
    direction = indicator.direction
    projected = mean_pace_day(
        indicator, milestone, department, value=value, last_reported=last_reported, as_of=as_of
    )
    return Figure(
        programme=programme.id,
        indicator=indicator.id,
        department=department,
        unit=indicator.unit,
        value=None if value is None else float(value),
        numerator=None if reading is None else reading.numerator,
        denominator=None if reading is None else reading.denominator,
        last_reported=last_reported,
        milestone=None if milestone is None else milestone.id,
        target=None if target is None else float(target),
        deadline=deadline,
        assumed=milestone is not None and milestone.assumed,
        progress_rate=progress_rate(start, value, target, direction),
        status=milestone_status(
            value=value,
            target=target,
            day=deadline,
            direction=direction,
            stale=is_stale(
                last_reported, day=deadline, patience_days=indicator.patience_days, as_of=as_of
            ),
            projected=projected,
            as_of=as_of,
        ),
        projected_day=projected,
    )


def mean_pace_day(
    indicator: Indicator,
    milestone: Milestone | None,
    department: str | None,
    *,
    value: Number | None,
    last_reported: date | None,
    as_of: date,
) -> date | None:
    """Give the day on which a target is reached if the mean pace since the baseline goes on.

    From the reference day on, so that it moves with facts or a month's end. As `projected_day`.
    """
    baseline = indicator.baseline_for(department)
    reached = reference_day(last_reported, as_of, stands_still=indicator.stands_still)
    return projected_day(
        baseline=None if baseline is None else baseline.value,
        baseline_day=None if baseline is None else baseline.day,
        current=value,
        as_of=as_of if reached is None else reached,
        target=None if milestone is None else milestone.target,
        direction=indicator.direction,
    )


def _value(indicator: Indicator, reading: Reading) -> Fraction | None:
    if reading.last_reported is None and not indicator.measure.additive:
        return None  # Nobody has observed anything yet, which is no zero.
    if indicator.measure.denominator is None:
        return Fraction(reading.numerator, indicator.measure.divisor)
    return Fraction(reading.numerator, reading.denominator) if reading.denominator else None
