"""What differs between the départements: the figures of departments.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cache
from typing import Annotated, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, TypeAdapter

from events.document import data_beside
from events.identifiers import Department
from simulation.curve import Curve


def _yearly(shares: list[float]) -> Curve:
    return Curve.yearly(*shares)


def _thousands(points: Mapping[date, int]) -> Curve:
    return Curve(tuple((day, thousands * 1000) for day, thousands in points.items()))


_Shares: TypeAlias = Annotated[Curve, BeforeValidator(_yearly)]
_Thousands: TypeAlias = Annotated[Curve, BeforeValidator(_thousands)]


class DepartmentFigures(BaseModel):
    """The figures of a département; departments.yaml says what they are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lycees: int
    connected: _Shares
    equipped: _Shares
    sites: int
    premises: _Thousands
    connectable: _Thousands
    trainings: float
    grants: float


@cache
def department_figures() -> Mapping[Department, DepartmentFigures]:
    """Return the figures of each département."""
    figures = TypeAdapter(dict[Department, DepartmentFigures])
    return figures.validate_python(data_beside(__file__))
