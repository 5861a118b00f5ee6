"""Facts about grants of the Région's calls: committed, paid."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from events.code import Code
from events.fact import Fact, Family
from events.identifiers import Cents, Day, Department, EntityId, Siret


class GrantCall(Code, dimension="appel à projets"):
    """The calls that grants answer."""

    DIGITAL_VOCATIONAL_TRAINING = (
        "digital_vocational_training",
        "Numérique et formation professionnelle",
    )
    SECOND_DIGITAL_CHANCE = "second_digital_chance", "2ème chance numérique"
    SHARED_WORKPLACES = "shared_workplaces", "Tiers-lieux"


class GrantFact(Fact):
    """A fact about one grant: its call, its beneficiary and its amount."""

    FAMILY: ClassVar[Family] = Family.GRANTS
    KEY: ClassVar[str] = "grant_id"

    grant_id: EntityId = Field(examples=["grant-2019-0042"])
    call: GrantCall
    siret: Siret = Field(
        description=(
            "SIRET of the organisation that receives the grant: 14 digits, the last one their"
            " check (Luhn)"
        )
    )
    amount_cents: Cents
    department: Department


class GrantCommitted(GrantFact):
    """The Région has voted the grant."""

    NAME: ClassVar[str] = "grant.committed"
    DAY: ClassVar[str] = "committed_on"

    committed_on: Day


class GrantPaid(GrantFact):
    """A part of the grant, or all of it, was paid on this day."""

    NAME: ClassVar[str] = "grant.paid"
    DAY: ClassVar[str] = "paid_on"

    paid_on: Day
