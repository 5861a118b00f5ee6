"""Invalid records: the mistakes of faulty producing systems, each a few times, on any day."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any, NamedTuple

from events.broadband import BroadbandCoverageReported
from events.coworking import CoworkingResized
from events.dataset import DatasetUpdated
from events.equipment import EquipmentDelivered, EquipmentKind
from events.errors import RefusalReason
from events.fact import JSON, Fact, Family
from events.grant import GrantCall, GrantCommitted
from events.identifiers import Department
from events.milestone import ExplanationKind, MilestoneExplained
from events.observation import IndicatorObserved, Territory
from events.school import SchoolWorkspaceActivated
from events.training import TrainingCompleted
from events.workstation import WorkstationAudience, WorkstationUsageReported
from simulation.chance import day_between
from simulation.emitter import Emitter
from simulation.fibre import FIBRE
from simulation.period import FIRST_DAY, LAST_DAY
from simulation.world import World

COPIES = 3
"""How often each flaw shows."""

SIRET = "23750007900312"


UAI_OF_PARIS = "0750001U"
SIRET_MISTYPED = "23750007900313"


class Flaw(NamedTuple):
    """One mistake in a family's lines: the reason of its refusal, and how a valid line changes."""

    family: Family
    reason: RefusalReason
    spoil: Callable[[str], str]


def _written(event: object) -> str:
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"))


def _edited(edit: Callable[[dict[str, Any]], object]) -> Callable[[str], str]:
    """Return what reads a line's event, edits it and writes it again."""

    def spoil(line: str) -> str:
        event = json.loads(line)
        edit(event)
        return _written(event)

    return spoil


def _in_data(**changes: JSON) -> Callable[[str], str]:
    return _edited(lambda event: event["data"].update(changes))


def _in_envelope(**changes: JSON) -> Callable[[str], str]:
    return _edited(lambda event: event.update(changes))


def _without(field: str) -> Callable[[str], str]:
    return _edited(lambda event: event["data"].pop(field))


@_edited
def _wrong_letter(event: dict[str, Any]) -> None:
    uai = event["data"]["uai"]
    event["data"]["uai"] = uai[:-1] + ("A" if uai[-1] != "A" else "B")


@_edited
def _day_to_come(event: dict[str, Any]) -> None:
    day = date.fromisoformat(event["data"]["updated_on"])
    event["data"]["updated_on"] = (day + timedelta(days=30)).isoformat()


@_edited
def _without_zone(event: dict[str, Any]) -> None:
    event["time"] = event["time"].removesuffix("Z")


def _cut_short(line: str) -> str:
    return line[: len(line) * 2 // 3]


def _several_at_once(line: str) -> str:
    return f"[{line}]"


def _data_alone(line: str) -> str:
    return _written(json.loads(line)["data"])


_OTHER_TYPE = _in_envelope(type="fr.iledefrance.smartregion.school.repainted.v1")
_OTHER_DEPARTMENT = _in_data(department="77", uai=UAI_OF_PARIS)
_MORE_CONNECTABLE_THAN_ALL = _in_data(premises=1200, connectable_premises=1300)
_COMMUNE_OF_ANOTHER_REGION = _in_data(insee="69123")
_MORE_OCCUPIED_THAN_AVAILABLE = _in_data(available_hours=10)
_NO_WORDS = _in_data(text=" ")
_OF_THE_COUNTRY = _in_data(territory="FRANCE")
_ANOTHER_CENTURY = _in_data(committed_on="1917-02-01")

FLAWS: tuple[Flaw, ...] = (
    Flaw(Family.SCHOOLS, RefusalReason.INVALID_DATA, _wrong_letter),
    Flaw(Family.SCHOOLS, RefusalReason.UNKNOWN_TYPE, _OTHER_TYPE),
    Flaw(Family.EQUIPMENT, RefusalReason.INVALID_DATA, _OTHER_DEPARTMENT),
    Flaw(Family.EQUIPMENT, RefusalReason.INVALID_DATA, _in_data(quantity=0)),
    Flaw(Family.BROADBAND, RefusalReason.INVALID_DATA, _MORE_CONNECTABLE_THAN_ALL),
    Flaw(Family.BROADBAND, RefusalReason.INVALID_DATA, _COMMUNE_OF_ANOTHER_REGION),
    Flaw(Family.COWORKING, RefusalReason.INVALID_DATA, _in_data(meeting_rooms=4)),
    Flaw(Family.COWORKING, RefusalReason.INVALID_JSON, _cut_short),
    Flaw(Family.WORKSTATIONS, RefusalReason.INVALID_DATA, _MORE_OCCUPIED_THAN_AVAILABLE),
    Flaw(Family.WORKSTATIONS, RefusalReason.INVALID_ENVELOPE, _without_zone),
    Flaw(Family.TRAININGS, RefusalReason.NOT_A_CLOUDEVENT, _several_at_once),
    Flaw(Family.TRAININGS, RefusalReason.INVALID_DATA, _without("completed_on")),
    Flaw(Family.GRANTS, RefusalReason.INVALID_DATA, _in_data(siret=SIRET_MISTYPED)),
    Flaw(Family.GRANTS, RefusalReason.DAY_OUT_OF_RANGE, _ANOTHER_CENTURY),
    Flaw(Family.DATASETS, RefusalReason.DAY_OUT_OF_RANGE, _day_to_come),
    Flaw(Family.DATASETS, RefusalReason.NOT_A_CLOUDEVENT, _data_alone),
    Flaw(Family.EXPLANATIONS, RefusalReason.INVALID_DATA, _NO_WORDS),
    Flaw(Family.EXPLANATIONS, RefusalReason.INVALID_DATA, _OF_THE_COUNTRY),
    Flaw(Family.OBSERVATIONS, RefusalReason.INVALID_DATA, _in_data(value="n/d")),
    Flaw(Family.OBSERVATIONS, RefusalReason.INVALID_DATA, _in_data(territory="D60")),
)


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
        MilestoneExplained(
            indicator="premises_connectable_ratio",
            milestone="whole_territory",
            territory=Territory.REGION,
            explained_on=day,
            kind=ExplanationKind.ACTION,
            text="Les travaux continuent.",
            author_role="Responsable du programme Très haut débit",
        ),
        IndicatorObserved(
            indicator=FIBRE, territory=Territory.REGION, observed_on=day, value=Decimal(2_000_000)
        ),
    )
    return {fact.FAMILY: fact for fact in facts}
