"""Facts about lycées: registered, connected, disconnected, workspace activated, closed."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from events.code import Code
from events.fact import Fact, Family
from events.identifiers import CommuneCode, Day, Label, Position, PositiveCount, Uai


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
    WITHIN: ClassVar[str] = "0{department}*"
    DEPARTMENT_AT: ClassVar[slice] = slice(1, 3)

    uai: Uai


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
