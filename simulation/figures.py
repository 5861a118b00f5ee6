"""The figures of the simulated Région: figures.yaml, which says what they are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cache
from itertools import cycle
from typing import Annotated, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict

from events.dataset import Licence, Theme, UpdateFrequency
from events.document import data_beside
from events.equipment import EquipmentKind
from events.grant import GrantCall
from events.identifiers import Department
from events.school import SchoolKind
from events.territory import TERRITORY
from events.training import TrainingAudience
from events.workstation import WorkstationAudience
from simulation.times import Curve


def _yearly(shares: list[float]) -> Curve:
    return Curve.yearly(*shares)


def _points(points: Mapping[date, float]) -> Curve:
    return Curve(tuple((day, float(value)) for day, value in points.items()))


_Shares: TypeAlias = Annotated[Curve, BeforeValidator(_yearly)]
_Points: TypeAlias = Annotated[Curve, BeforeValidator(_points)]


class _FiguresModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DepartmentFigures(_FiguresModel):
    """The figures of a département."""

    lycees: int
    connected: _Shares
    equipped: _Shares
    sites: int
    premises: _Points
    connectable: _Points
    trainings: float
    grants: float


class Curves(_FiguresModel):
    """The curves of the whole Région."""

    workstations: _Points
    occupancy: _Points
    enrolments: _Points
    priority_audience: _Points
    fibre: _Points


class DatasetFigures(_FiguresModel):
    """The datasets of a frequency."""

    number: int
    days_between: tuple[int, int]


class ThemeFigures(_FiguresModel):
    """The datasets of a theme."""

    share: float
    titles: tuple[str, ...]


class Habits(_FiguresModel):
    """The habits of a producing system."""

    recorded_after: tuple[int, int]
    corrected: float
    retracted: float


class CallFigures(_FiguresModel):
    """The grants of a call."""

    grants: int
    committed_cents: int
    opens: date
    closes: date


class RegionFigures(_FiguresModel):
    """All figures."""

    departments: Mapping[str, DepartmentFigures]
    """By the code of a calibrated département, which are those of Île-de-France."""
    curves: Curves
    datasets: Mapping[UpdateFrequency, DatasetFigures]
    themes: Mapping[Theme, ThemeFigures]
    publishers: tuple[str, ...]
    namesakes: tuple[str, ...]
    workplaces: tuple[str, ...]
    habits: Mapping[str, Habits]
    calls: Mapping[GrantCall, CallFigures]
    instalments: tuple[tuple[float, tuple[int, int]], ...]
    quantities: Mapping[EquipmentKind, tuple[int, int]]
    school_kinds: Mapping[SchoolKind, float]
    workstation_audiences: Mapping[WorkstationAudience, float]
    priority_audiences: Mapping[TrainingAudience, float]
    other_audiences: Mapping[TrainingAudience, float]
    licences: Mapping[Licence, float]


@cache
def region_figures() -> RegionFigures:
    """Return the figures of figures.yaml."""
    return RegionFigures.model_validate(data_beside(__file__, TERRITORY.words))


@cache
def roles() -> Mapping[Department, str]:
    """Return the calibrated département whose figures and stories each département has.

    In Île-de-France it is itself; in another Région they are given out in turn.
    """
    return dict(zip(Department, cycle(region_figures().departments)))


@cache
def figures_by_department() -> Mapping[Department, DepartmentFigures]:
    """Return the figures of each département."""
    return {department: region_figures().departments[role] for department, role in roles().items()}


def has_role(department: Department, role: str) -> bool:
    """Return whether a département is the first one with the stories of a calibrated one."""
    return next((one for one, own in roles().items() if own == role), None) is department
