"""A large Région for the page: entities of all families but those of persons, over five years."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from events.broadband import BroadbandCoverageReported
from events.cloudevent import CloudEvent
from events.coworking import CoworkingOpened, CoworkingResized
from events.dataset import DatasetReleased, DatasetUpdated, Licence, Theme, UpdateFrequency
from events.equipment import EquipmentDelivered, EquipmentKind
from events.fact import Fact, Family
from events.grant import GrantCall, GrantCommitted, GrantPaid
from events.identifiers import Department, uai_check_letter
from events.school import (
    SchoolConnected,
    SchoolKind,
    SchoolRegistered,
    SchoolWorkspaceActivated,
)
from events.workstation import WorkstationAudience, WorkstationUsageReported
from tests.support.sources import source_of

FIRST_DAY: Final = date(2016, 1, 1)
DAYS: Final = 1_800
"""All happens within so many days: until the first of December 2020."""
DEPARTMENTS: Final = tuple(Department)
SITES: Final = 6_000
LYCEES: Final = 40_000


@dataclass(frozen=True, slots=True)
class Part:
    family: Family
    entities: int
    facts: Callable[[int], Iterator[Fact]]

    def events(self, first: float = 0.0, last: float = 1.0) -> Iterator[CloudEvent]:
        """Yield the events of the entities from one share of all to another."""
        for entity in range(round(first * self.entities), round(last * self.entities)):
            for number, fact in enumerate(self.facts(entity)):
                recorded = datetime.combine(fact.effective_day, time(8), UTC)
                yield CloudEvent(
                    id=f"{entity:08x}-{number}",
                    source=source_of(fact.NAME),
                    # A later one of the same day corrects the one before.
                    time=recorded + timedelta(days=2, minutes=number),
                    fact=fact,
                )


def uai(entity: int) -> str:
    digits = f"0{_department(entity).value}{entity // len(DEPARTMENTS):04}"
    return digits + uai_check_letter(digits)


def grant_id(entity: int) -> str:
    return f"grant-{entity:06}"


def dataset_id(entity: int) -> str:
    return f"dataset-{entity:05}"


def _department(entity: int) -> Department:
    return DEPARTMENTS[entity % len(DEPARTMENTS)]


def _commune(entity: int) -> str:
    return f"{_department(entity).value}{entity // len(DEPARTMENTS) % 1_000:03}"


def _day(entity: int, after: int = 0) -> date:
    """Return a day of an entity, or one some days later; never one after the last day."""
    # 7 919 is a prime: neighbours are far from each other in time.
    return FIRST_DAY + timedelta(days=min(entity * 7_919 % DAYS + after, DAYS))


def _lycee(entity: int) -> Iterator[Fact]:
    kinds = tuple(SchoolKind)
    yield SchoolRegistered(
        uai=uai(entity),
        registered_on=FIRST_DAY,
        name=f"Lycée {entity:05}",
        kind=kinds[entity % len(kinds)],
        commune=_commune(entity),
    )
    if entity % 5:
        yield SchoolConnected(uai=uai(entity), connected_on=_day(entity), downlink_mbps=1_000)
    if entity % 2:
        yield SchoolWorkspaceActivated(uai=uai(entity), activated_on=_day(entity, 90))


def _delivery(entity: int) -> Iterator[Fact]:
    kinds = tuple(EquipmentKind)
    yield EquipmentDelivered(
        delivery_id=f"delivery-{entity:06}",
        delivered_on=_day(entity),
        uai=uai(entity % LYCEES),
        department=_department(entity % LYCEES),
        kind=kinds[entity % len(kinds)],
        quantity=30,
        completes_plan=entity % 2 == 0,
    )


def _coverage(entity: int) -> Iterator[Fact]:
    for quarter in range(20):
        premises = 1_000 + 10 * quarter
        yield BroadbandCoverageReported(
            insee=_commune(entity),
            as_of=date(2016 + quarter // 4, 1 + 3 * (quarter % 4), 1),
            premises=premises,
            connectable_premises=premises * (quarter + 1) // 21,
        )


def _site(entity: int) -> Iterator[Fact]:
    identifier = f"site-{entity:05}"
    yield CoworkingOpened(
        site_id=identifier,
        opened_on=_day(entity),
        name=f"Tiers-lieu {entity:05}",
        department=_department(entity),
        commune=_commune(entity),
        workstations=20,
    )
    if entity % 4 == 0:
        yield CoworkingResized(site_id=identifier, resized_on=_day(entity, 200), workstations=30)


def _usage(entity: int) -> Iterator[Fact]:
    until = _day(entity, 30)
    yield WorkstationUsageReported(
        site_id=f"site-{entity % SITES:05}",
        period_start=until - timedelta(days=28 + entity // SITES),
        period_end=until,
        department=_department(entity),
        available_hours=3_000,
        occupied_hours=dict.fromkeys(WorkstationAudience, 300),
    )


def _grant(entity: int) -> Iterator[Fact]:
    calls = tuple(GrantCall)
    granted: dict[str, Any] = {
        "grant_id": grant_id(entity),
        "call": calls[entity % len(calls)],
        "siret": "23750007900312",
        "department": _department(entity),
    }
    yield GrantCommitted(committed_on=_day(entity), amount_cents=100_000, **granted)
    if entity % 10 == 0:
        yield GrantCommitted(committed_on=_day(entity), amount_cents=90_000, **granted)
    if entity % 3:
        yield GrantPaid(paid_on=_day(entity, 180), amount_cents=50_000, **granted)


def _dataset(entity: int) -> Iterator[Fact]:
    themes = tuple(Theme)
    yield DatasetReleased(
        dataset_id=dataset_id(entity),
        released_on=_day(entity),
        title=f"Jeu de données {entity:05}",
        theme=themes[entity % len(themes)],
        publisher="Région Île-de-France",
        licence=Licence.OPEN_LICENCE,
        update_frequency=UpdateFrequency.QUARTERLY,
    )
    for months in (4, 8):
        yield DatasetUpdated(dataset_id=dataset_id(entity), updated_on=_day(entity, 30 * months))


REGION: Final[Mapping[Family, Part]] = {
    part.family: part
    for part in (
        Part(Family.SCHOOLS, LYCEES, _lycee),
        Part(Family.EQUIPMENT, 40_000, _delivery),
        Part(Family.BROADBAND, 2_000, _coverage),
        Part(Family.COWORKING, SITES, _site),
        Part(Family.WORKSTATIONS, 2 * SITES, _usage),
        Part(Family.GRANTS, 90_000, _grant),
        Part(Family.DATASETS, 10_000, _dataset),
    )
}
ENTITIES: Final = sum(part.entities for part in REGION.values())
