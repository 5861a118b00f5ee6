"""Territories of the catalogue, as PILOTE's zones and as keys of a programme's file."""

from __future__ import annotations

from typing import Final

from events.identifiers import Department
from events.observation import Territory

__all__ = ["DEPARTMENTS", "REGION", "place_of", "territory_of"]

REGION: Final = "region"
DEPARTMENTS: Final = tuple(department.value for department in Department)


def place_of(territory: Territory) -> str | None:
    """The territory's key: `region`, an INSEE code; None: the catalogue has no such place."""
    if territory is Territory.REGION:
        return REGION
    department = territory.department
    return None if department is None else department.value


def territory_of(place: str | None) -> Territory:
    """The territory of a key, or of a département's code; None is the region."""
    return Territory.REGION if place in (None, REGION) else Territory(f"D{place}")
