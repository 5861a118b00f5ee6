"""Rules within the facts of one family."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from pydantic import ValidationError

from events.broadband import BroadbandCoverageReported
from events.coworking import CoworkingOpened
from events.equipment import EquipmentDelivered, EquipmentKind
from events.identifiers import Department
from events.workstation import WorkstationAudience, WorkstationUsageReported


def covered(*, premises: int, connectable: int) -> BroadbandCoverageReported:
    return BroadbandCoverageReported(
        insee="77288", as_of=date(2018, 3, 31), premises=premises, connectable_premises=connectable
    )


def test_full_coverage_is_accepted() -> None:
    assert covered(premises=10, connectable=10).attributes()["department"] == "77"


def test_more_than_all_is_refused() -> None:
    with pytest.raises(ValidationError, match="more than the commune's `premises`"):
        covered(premises=10, connectable=11)


def opened(commune: str) -> CoworkingOpened:
    return CoworkingOpened(
        site_id="site-1",
        opened_on=date(2016, 9, 1),
        name="Le Quai",
        department=Department("91"),
        commune=commune,
        workstations=0,
    )


def test_commune_of_another_department_is_refused() -> None:
    assert opened("91228").commune == "91228"
    with pytest.raises(ValidationError, match="not in the département of the site"):
        opened("77288")


def delivered(department: Department) -> EquipmentDelivered:
    return EquipmentDelivered(
        delivery_id="d-1",
        delivered_on=date(2019, 3, 11),
        uai="0750419Y",
        department=department,
        kind=EquipmentKind.TABLET,
        quantity=30,
    )


def test_another_department_is_refused() -> None:
    assert delivered(Department("75")).completes_plan is False
    with pytest.raises(ValidationError, match="differs from the département of the UAI"):
        delivered(Department("78"))


START = date(2019, 3, 11)


def reported(*, days: int = 6, available: int = 100, company: int = 0) -> WorkstationUsageReported:
    return WorkstationUsageReported(
        site_id="site-1",
        period_start=START,
        period_end=START + timedelta(days=days),
        department=Department("91"),
        available_hours=available,
        occupied_hours={WorkstationAudience.COMPANY: company, WorkstationAudience.OTHER: 1},
    )


def test_the_entity_is_the_site_and_the_period() -> None:
    assert reported().entity_id == "site-1/2019-03-11"


@pytest.mark.parametrize("days", [0, 366])
def test_periods_from_a_day_to_a_year_are_accepted(days: int) -> None:
    assert reported(days=days).effective_day == START + timedelta(days=days)


@pytest.mark.parametrize("days", [-1, 367])
def test_impossible_periods_are_refused(days: int) -> None:
    with pytest.raises(ValidationError, match="before the period's start, or over 366 days"):
        reported(days=days)


def test_more_hours_than_available_are_refused() -> None:
    assert reported(available=100, company=99).available_hours == 100
    with pytest.raises(ValidationError, match="more than the available hours"):
        reported(available=100, company=100)
