"""PILOTE's zones as keys of a programme's file."""

from __future__ import annotations

from typing import Final

from catalogue.territories import REGION
from events.identifiers import Department
from events.observation import Territory

__all__ = ["DEPARTMENTS", "zone_key"]

DEPARTMENTS: Final = tuple(department.value for department in Department)


def zone_key(territory: Territory) -> str | None:
    """Return a territory's key: `region` or an Insee code; None where the catalogue has none."""
    if territory is Territory.REGION:
        return REGION
    department = territory.department
    return None if department is None else department.value
