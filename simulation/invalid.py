"""Invalid records: each flaw, a few times, on days of chance."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from random import Random

from events.broadband import BroadbandCoverageReported
from events.coworking import CoworkingResized
from events.dataset import DatasetUpdated
from events.equipment import EquipmentDelivered, EquipmentKind
from events.fact import Fact, Family
from events.grant import GrantCall, GrantCommitted
from events.identifiers import Department
from events.school import SchoolWorkspaceActivated
from events.training import TrainingCompleted
from events.workstation import WorkstationAudience, WorkstationUsageReported
from simulation.chance import day_between
from simulation.emitter import Emitter
from simulation.flaws import FLAWS
from simulation.period import FIRST_DAY, LAST_DAY
from simulation.world import World

__all__ = ["COPIES", "simulate_invalid"]

COPIES = 3
"""How often each flaw shows."""

SIRET = "23750007900312"


def simulate_invalid(world: World, chance: Random, emitters: Mapping[Family, Emitter]) -> None:
    """Send each flaw's lines through the outbox of its family."""
    for flaw in FLAWS:
        for _ in range(COPIES):
            day = day_between(chance, FIRST_DAY, LAST_DAY)
            fact = _valid_facts(day, world, chance)[flaw.family]
            emitters[flaw.family].spoil(fact, day, flaw.spoil)


def _valid_facts(day: date, world: World, chance: Random) -> Mapping[Family, Fact]:
    """Return a fact of each family to be spoilt, about things that exist or might."""
    lycee = chance.choice(world.lycees)
    site = chance.choice(world.sites)
    commune = chance.choice(world.territory[Department.YVELINES])
    number = chance.randrange(10**6)
    facts: tuple[Fact, ...] = (
        SchoolWorkspaceActivated(uai=lycee.uai, activated_on=day),
        EquipmentDelivered(
            delivery_id=f"delivery-{number:06d}",
            delivered_on=day,
            uai=lycee.uai,
            department=lycee.department,
            kind=EquipmentKind.TABLET,
            quantity=30,
        ),
        BroadbandCoverageReported(
            insee=commune.insee, as_of=day, premises=1200, connectable_premises=800
        ),
        CoworkingResized(site_id=site.site_id, resized_on=day, workstations=30),
        WorkstationUsageReported(
            site_id=site.site_id,
            period_start=day.replace(day=1),
            period_end=day,
            department=site.department,
            available_hours=4000,
            occupied_hours={WorkstationAudience.COMPANY: 1500},
        ),
        TrainingCompleted(enrolment_id=f"k1-{number:032x}", completed_on=day),
        GrantCommitted(
            grant_id=f"grant-{number:06d}",
            committed_on=day,
            call=GrantCall.SECOND_DIGITAL_CHANCE,
            siret=SIRET,
            amount_cents=25_000_00,
            department=lycee.department,
        ),
        DatasetUpdated(dataset_id=f"idf-{number:06d}", updated_on=day),
    )
    return {fact.FAMILY: fact for fact in facts}
