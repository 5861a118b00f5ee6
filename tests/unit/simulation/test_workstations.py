"""Workstations: a report for each site and month, busy until the spring of 2020."""

from __future__ import annotations

from collections import Counter
from datetime import date

from events.identifiers import Department
from events.workstation import WorkstationUsageReported
from simulation.period import month_end
from tests.support.simulated import Story


def occupancy(story: Story, month: date) -> float:
    """Occupied share of the hours that all sites offered in a month."""
    reports = [r for r in story.facts(WorkstationUsageReported) if r.period_start == month]
    occupied = sum(sum(report.occupied_hours.values()) for report in reports)
    return occupied / sum(report.available_hours for report in reports)


def test_reports_are_monthly(story: Story) -> None:
    """Each known report covers one whole month, and a site has one for it."""
    reports = story.facts(WorkstationUsageReported)
    assert all(
        r.period_start.day == 1 and r.period_end == month_end(r.period_start) for r in reports
    )
    assert set(Counter((r.site_id, r.period_start) for r in reports).values()) == {1}


def test_every_site_reports_until_november_2020_but_those_of_val_d_oise(story: Story) -> None:
    """Val-d'Oise's five sites are silent from July 2020 on."""
    latest = story.latest(WorkstationUsageReported).values()
    last_month: dict[str, date] = {}
    for report in sorted(latest, key=lambda report: report.period_start):
        last_month[report.site_id] = report.period_start
    silent = {r.site_id for r in latest if r.department is Department.VAL_D_OISE}
    assert len(last_month) == 41
    assert {last_month[site] for site in silent} == {date(2020, 6, 1)}
    assert {last_month[site] for site in last_month.keys() - silent} == {date(2020, 11, 1)}


def test_occupancy_rises_and_falls_with_the_lockdown(story: Story) -> None:
    """Above half in February 2020, below a sixth in April."""
    assert occupancy(story, date(2017, 1, 1)) < occupancy(story, date(2019, 1, 1))
    assert occupancy(story, date(2020, 2, 1)) > 0.5
    assert occupancy(story, date(2020, 4, 1)) < 0.15
