"""Facts about lycées: registered, connected, disconnected, workspace activated, closed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from events.code import Code
from events.fact import JSON, Fact, Family
from events.identifiers import (
    CommuneCode,
    Day,
    Department,
    Label,
    Position,
    PositiveCount,
    Uai,
    uai_department,
)
from events.territory import TERRITORY


class SchoolKind(Code, dimension="type de lycée"):
    """What a lycée teaches."""

    GENERAL_TECHNOLOGICAL = "general_technological", "Général et technologique"
    VOCATIONAL = "vocational", "Professionnel"
    POLYVALENT = "polyvalent", "Polyvalent"


class DisconnectionReason(Code, dimension="cause"):
    """Why a lycée lost its high-speed link."""

    FAULT = "fault", "Panne"
    WORKS = "works", "Travaux"
    CLOSURE = "closure", "Fermeture"


class SchoolFact(Fact):
    """A fact about one lycée, identified by its UAI, which also determines its département."""

    FAMILY: ClassVar[Family] = Family.SCHOOLS
    KEY: ClassVar[str] = "uai"

    uai: Uai

    @classmethod
    def entities_in(cls, territory: str) -> str | None:
        """Return the pattern of the UAIs of a département; None for any other territory."""
        digits = {f"D{one.code}": one.uai_digits for one in TERRITORY.departments}
        return f"{digits[territory]}*" if territory in digits else None

    def attributes(self) -> dict[str, JSON]:
        """Return the fact's fields and the lycée's département."""
        found = super().attributes()
        found["department"] = uai_department(self.uai)._value_
        return found

    @classmethod
    def attribute_kinds(cls) -> Mapping[str, object]:
        """Return the fact's fields and the département."""
        return {**super().attribute_kinds(), "department": Department}


class SchoolRegistered(SchoolFact):
    """A lycée is in the Région's charge from this day on."""

    NAME: ClassVar[str] = "school.registered"
    DAY: ClassVar[str] = "registered_on"

    registered_on: Day
    name: Label = Field(examples=["Lycée Charlemagne"])
    kind: SchoolKind
    commune: CommuneCode
    position: Position = ""


class SchoolConnected(SchoolFact):
    """A lycée's high-speed link has been accepted."""

    NAME: ClassVar[str] = "school.connected"
    DAY: ClassVar[str] = "connected_on"

    connected_on: Day
    downlink_mbps: PositiveCount = Field(
        description="downlink speed of the accepted link: a whole number of Mbit/s"
    )


class SchoolDisconnected(SchoolFact):
    """A lycée no longer has its high-speed link."""

    NAME: ClassVar[str] = "school.disconnected"
    DAY: ClassVar[str] = "disconnected_on"

    disconnected_on: Day
    reason: DisconnectionReason


class SchoolWorkspaceActivated(SchoolFact):
    """A lycée's digital workspace (ENT) is open to its pupils and teachers."""

    NAME: ClassVar[str] = "school.workspace_activated"
    DAY: ClassVar[str] = "activated_on"

    activated_on: Day


class SchoolClosed(SchoolFact):
    """A lycée has closed for good."""

    NAME: ClassVar[str] = "school.closed"
    DAY: ClassVar[str] = "closed_on"

    closed_on: Day
