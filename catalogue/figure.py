"""Figures for programs: judgements against the milestone in force, as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Self

from pydantic import BaseModel, ConfigDict

from catalogue.judgement import Judgement
from catalogue.model import Catalogue, Unit
from catalogue.progress import MilestoneStatus


class Figure(BaseModel):
    """One indicator in one territory on one day, against its milestone in force.

    `value` and `target` are in the indicator's unit (a ratio is 0 to 1), `progress_rate` in
    percent; None is "not known", never zero. `model_dump(mode="json")` gives plain JSON.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    programme: str
    indicator: str
    department: str | None
    """The département's INSEE code; None for the region."""
    unit: Unit
    value: float | None = None
    numerator: int | None = None
    denominator: int | None = None
    last_reported: date | None = None
    milestone: str | None = None
    target: float | None = None
    deadline: date | None = None
    assumed: bool = False
    """True where the promise states not both the target and the deadline."""
    progress_rate: float | None = None
    status: MilestoneStatus | None = None
    projected_day: date | None = None

    @classmethod
    def unknown(
        cls, catalogue: Catalogue, indicator: str, department: str | None, as_of: date
    ) -> Self:
        """Return the milestone in force on a day, without a figure."""
        declared = catalogue.indicator(indicator)
        milestone = declared.milestone_for(department, as_of)
        target = None if milestone is None else milestone.target
        return cls(
            programme=catalogue.programme_of(indicator).id,
            indicator=indicator,
            department=department,
            unit=declared.unit,
            milestone=None if milestone is None else milestone.id,
            target=None if target is None else float(target),
            deadline=None if milestone is None else milestone.day,
            assumed=milestone is not None and milestone.assumed,
        )


def figures_of(
    catalogue: Catalogue, judgements: Iterable[Judgement], as_of: date
) -> Iterator[Figure]:
    """Yield the figures of judgements whose milestone is in force on a day, one per territory."""
    for one in judgements:
        department = one.department
        milestone = one.milestone
        if milestone != one.indicator.milestone_for(department, as_of):
            continue
        yield Figure.unknown(catalogue, one.indicator.id, department, as_of).model_copy(
            update={
                "value": None if one.value is None else float(one.value),
                "numerator": None if one.withheld else one.numerator,
                "denominator": None if one.withheld else one.denominator,
                "last_reported": one.last_reported,
                "progress_rate": one.progress_rate,
                "status": one.status,
                "projected_day": None if one.projected is None else one.projected.day,
            }
        )
