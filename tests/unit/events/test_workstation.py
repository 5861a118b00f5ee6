"""Use of workstations."""

from datetime import date, timedelta

import pytest
from pydantic import ValidationError

from events.identifiers import Department
from events.workstation import WorkstationAudience, WorkstationUsageReported

START = date(2019, 3, 11)


def reported(*, days: int = 6, available: int = 100, company: int = 0) -> WorkstationUsageReported:
    return WorkstationUsageReported(
        site_id="site-1",
        period_start=START,
        period_end=START + timedelta(days=days),
        department=Department.ESSONNE,
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


def test_full_occupation_is_accepted() -> None:
    assert reported(available=100, company=99).available_hours == 100


def test_more_hours_than_available_are_refused() -> None:
    with pytest.raises(ValidationError, match="more than the available hours"):
        reported(available=100, company=100)
