"""Facts about very-high-speed broadband coverage of communes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field, ValidationInfo, field_validator

from events.fact import JSON, Fact, Family
from events.identifiers import (
    CommuneCode,
    Count,
    Day,
    Department,
    also_checked,
    broken,
    commune_department,
)


class BroadbandCoverageReported(Fact):
    """How many premises of a commune exist, and can be connected at very high speed, on a day."""

    FAMILY: ClassVar[Family] = Family.BROADBAND
    NAME: ClassVar[str] = "broadband.coverage_reported"
    KEY: ClassVar[str] = "insee"
    DAY: ClassVar[str] = "as_of"
    WITHIN: ClassVar[str] = "{department}*"

    insee: CommuneCode
    as_of: Day
    premises: Count = Field(
        description=(
            "dwellings and business premises of the commune, a whole number; operators' surveys"
            " make it grow"
        )
    )
    connectable_premises: Count = Field(
        description=(
            "those of `premises` that can be connected at very high speed, 30 Mbit/s and more, by"
            " wire; never more than `premises`"
        ),
        json_schema_extra=also_checked("more_than_premises"),
    )

    @field_validator("connectable_premises")
    @classmethod
    def _are_among_the_premises(cls, connectable: int, info: ValidationInfo) -> int:
        premises = info.data.get("premises")
        if premises is not None and connectable > premises:
            remedy = f"send at most {premises}, or correct `premises`"
            raise broken("more_than_premises", "is more than the commune's `premises`", remedy)
        return connectable

    def attributes(self) -> dict[str, JSON]:
        """Return the fact's fields and the commune's département."""
        found = super().attributes()
        found["department"] = commune_department(self.insee)._value_
        return found

    @classmethod
    def attribute_kinds(cls) -> Mapping[str, object]:
        """Return the fact's fields and the département."""
        return {**super().attribute_kinds(), "department": Department}
