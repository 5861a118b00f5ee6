"""Facts about equipment delivered to lycées."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field, ValidationInfo, field_validator

from events.code import Code
from events.fact import Fact, Family
from events.identifiers import (
    Day,
    Department,
    EntityId,
    PositiveCount,
    Uai,
    also_checked,
    broken,
    uai_department,
)


class EquipmentKind(Code, dimension="type de matériel"):
    """What was delivered."""

    TABLET = "tablet", "Tablettes"
    LAPTOP = "laptop", "Ordinateurs portables"
    DESKTOP = "desktop", "Ordinateurs fixes"
    INTERACTIVE_DISPLAY = "interactive_display", "Écrans interactifs"
    WIFI_ACCESS_POINT = "wifi_access_point", "Bornes wifi"


class EquipmentDelivered(Fact):
    """A delivery of digital equipment has been accepted by a lycée."""

    FAMILY: ClassVar[Family] = Family.EQUIPMENT
    NAME: ClassVar[str] = "equipment.delivered"
    KEY: ClassVar[str] = "delivery_id"
    DAY: ClassVar[str] = "delivered_on"
    FLAGS: ClassVar[Mapping[str, str]] = {"completes_plan": "achèvement du plan d’équipement"}

    delivery_id: EntityId = Field(examples=["delivery-2019-0042"])
    delivered_on: Day
    uai: Uai
    department: Department = Field(json_schema_extra=also_checked("department_differs"))
    """The département of the UAI."""
    kind: EquipmentKind
    quantity: PositiveCount
    completes_plan: bool = False
    """True when this delivery completes the lycée's equipment plan."""

    @field_validator("department")
    @classmethod
    def _is_the_school_s(cls, department: Department, info: ValidationInfo) -> Department:
        uai = info.data.get("uai")
        if uai is not None and uai_department(uai) is not department:
            remedy = f"send {uai_department(uai).value!r}, or correct the UAI"
            raise broken("department_differs", "differs from the département of the UAI", remedy)
        return department
