"""Facts about the use of workstations in intermediate workplaces."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import ClassVar

from pydantic import Field, ValidationInfo, field_validator

from events.code import Code
from events.fact import JSON, Fact, Family
from events.identifiers import Count, Day, Department, EntityId, also_checked, broken

LONGEST_PERIOD_DAYS = 366


class WorkstationAudience(Code, dimension="public"):
    """Who works at a workstation."""

    COMPANY = "company", "Entreprises"
    EMPLOYEE = "employee", "Salariés"
    SELF_EMPLOYED = "self_employed", "Indépendants"
    OTHER = "other", "Autres publics"


class WorkstationUsageReported(Fact):
    """How many hours of workstations a site offered and saw used over a period, by audience.

    The entity is the site *and* the period: a later report of the same period corrects it.
    """

    FAMILY: ClassVar[Family] = Family.WORKSTATIONS
    NAME: ClassVar[str] = "workstation.usage_reported"
    KEY: ClassVar[str] = "site_id"
    FURTHER_KEYS: ClassVar[tuple[str, ...]] = ("period_start",)
    DAY: ClassVar[str] = "period_end"

    site_id: EntityId
    period_start: Day
    period_end: Day = Field(
        description="last day of the period, YYYY-MM-DD, at most 366 days after its first",
        json_schema_extra=also_checked("period_length"),
    )
    department: Department
    available_hours: Count = Field(
        description="workstations times opening hours of the period: a whole number of hours"
    )
    occupied_hours: Mapping[WorkstationAudience, Count] = Field(
        description=(
            "hours in use by audience (company, employee, self_employed, other);"
            " together at most the available hours"
        ),
        json_schema_extra=also_checked("more_than_available"),
    )

    @field_validator("period_end")
    @classmethod
    def _ends_a_possible_period(cls, end: date, info: ValidationInfo) -> date:
        start = info.data.get("period_start")
        if start is not None and not 0 <= (end - start).days <= LONGEST_PERIOD_DAYS:
            remedy = f"send a day from {start} to 366 days later, or correct `period_start`"
            raise broken(
                "period_length", "is before the period's start, or over 366 days after it", remedy
            )
        return end

    @field_validator("occupied_hours")
    @classmethod
    def _fit_in_the_available(
        cls, occupied: Mapping[WorkstationAudience, int], info: ValidationInfo
    ) -> Mapping[WorkstationAudience, int]:
        available = info.data.get("available_hours")
        if available is not None and sum(occupied.values()) > available:
            remedy = f"send at most {available} in all, or correct `available_hours`"
            raise broken("more_than_available", "adds up to more than the available hours", remedy)
        return occupied

    def attributes(self) -> dict[str, JSON]:
        """The fact's own fields, the period's start and the audiences in their JSON form."""
        found = super().attributes()
        found["period_start"] = self.period_start.isoformat()
        found["occupied_hours"] = {
            audience.value: hours for audience, hours in self.occupied_hours.items()
        }
        return found
