"""Facts about intermediate workplaces (tiers-lieux): opened, resized, closed."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, ValidationInfo, field_validator

from events.fact import Fact, Family
from events.identifiers import (
    CommuneCode,
    Count,
    Day,
    Department,
    EntityId,
    Label,
    also_checked,
    broken,
    commune_department,
)


class CoworkingFact(Fact):
    """A fact about one site that the Région supports."""

    FAMILY: ClassVar[Family] = Family.COWORKING
    KEY: ClassVar[str] = "site_id"

    site_id: EntityId


class CoworkingOpened(CoworkingFact):
    """A supported site has opened, with so many workstations."""

    NAME: ClassVar[str] = "coworking.opened"
    DAY: ClassVar[str] = "opened_on"

    opened_on: Day
    name: Label = Field(examples=["Tiers-lieu des Halles"])
    department: Department
    commune: CommuneCode = Field(
        description="INSEE code of the site's commune, which is in its département",
        json_schema_extra=also_checked("commune_elsewhere"),
    )
    workstations: Count

    @field_validator("commune")
    @classmethod
    def _is_in_the_department(cls, commune: str, info: ValidationInfo) -> str:
        department = info.data.get("department")
        if department is not None and commune_department(commune) is not department:
            remedy = f"send a commune of {department.value!r}, or correct `department`"
            raise broken("commune_elsewhere", "is not in the département of the site", remedy)
        return commune


class CoworkingResized(CoworkingFact):
    """A site has another number of workstations from this day on."""

    NAME: ClassVar[str] = "coworking.resized"
    DAY: ClassVar[str] = "resized_on"

    resized_on: Day
    workstations: Count


class CoworkingClosed(CoworkingFact):
    """A site has closed, or lost the Région's support."""

    NAME: ClassVar[str] = "coworking.closed"
    DAY: ClassVar[str] = "closed_on"

    closed_on: Day
