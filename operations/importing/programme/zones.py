"""PILOTE's zones as keys of a programme's file."""

from __future__ import annotations

from typing import Final

from catalogue.territories import REGION
from events.identifiers import Department
from events.observation import Territory

__all__ = ["DEPARTMENTS", "place_of"]

DEPARTMENTS: Final = tuple(department.value for department in Department)


def place_of(territory: Territory) -> str | None:
    """The territory's key: `region`, an INSEE code; None: the catalogue has no such place."""
    if territory is Territory.REGION:
        return REGION
    department = territory.department
    return None if department is None else department.value
