"""Workstations: each site's monthly usage; Val-d'Oise's sites stop reporting in 2020."""

from __future__ import annotations

from datetime import date
from random import Random

from events.identifiers import Department
from events.workstation import WorkstationAudience, WorkstationUsageReported
from simulation.chance import days_after, split
from simulation.emitter import Emitter
from simulation.figures import region_figures
from simulation.period import FIRST_DAY, month_end, months
from simulation.world import CoworkingSite, World

LAST_MONTH = date(2020, 11, 1)
"""December is reported in January."""

SITE_DIFFERS_BY = 0.25
MONTH_DIFFERS_BY = 0.10

AUDIENCES = {
    WorkstationAudience.COMPANY: 0.34,
    WorkstationAudience.EMPLOYEE: 0.28,
    WorkstationAudience.SELF_EMPLOYED: 0.31,
    WorkstationAudience.OTHER: 0.07,
}

OPENING_HOURS = 9
OPENING_DAYS = (19, 22)

SILENT = Department.VAL_D_OISE
SILENT_FROM = date(2020, 7, 1)
"""From this month on, Val-d'Oise's sites report nothing any more."""

REPORTED_AFTER_DAYS = (3, 12)
CORRECTED_SHARE = 0.015
RETRACTED_SHARE = 0.003


def simulate_workstations(world: World, chance: Random, emitter: Emitter) -> None:
    """Emit each site's hours, month by month, from its first workstation on."""
    for site in world.sites:
        busy = 1 + chance.uniform(-SITE_DIFFERS_BY, SITE_DIFFERS_BY)
        for month in months(FIRST_DAY, LAST_MONTH):
            workstations = site.workstations_on(month)
            if workstations and not (site.department is SILENT and month >= SILENT_FROM):
                _report(_usage(site, month, workstations, busy, chance), chance, emitter)


def _usage(
    site: CoworkingSite, month: date, workstations: int, busy: float, chance: Random
) -> WorkstationUsageReported:
    end = month_end(month)
    available = workstations * OPENING_HOURS * chance.randint(*OPENING_DAYS)
    differs = busy * (1 + chance.uniform(-MONTH_DIFFERS_BY, MONTH_DIFFERS_BY))
    occupied = round(available * min(1.0, region_figures().curves.occupancy.on(end) * differs))
    weights = [weight * chance.uniform(0.6, 1.4) for weight in AUDIENCES.values()]
    return WorkstationUsageReported(
        site_id=site.site_id,
        period_start=month,
        period_end=end,
        department=site.department,
        available_hours=available,
        occupied_hours=dict(zip(AUDIENCES, split(occupied, weights), strict=True)),
    )


def _report(usage: WorkstationUsageReported, chance: Random, emitter: Emitter) -> None:
    reported = days_after(chance, usage.period_end, *REPORTED_AFTER_DAYS)
    fate = chance.random()
    # One audience was forgotten at first.
    some = {"occupied_hours": {**usage.occupied_hours, WorkstationAudience.EMPLOYEE: 0}}
    emitter.send(usage, reported, wrongly=some if fate < CORRECTED_SHARE else None)
    if fate > 1 - RETRACTED_SHARE:
        # A report for a period that was not one.
        middle = {"period_start": usage.period_start.replace(day=2)}
        emitter.retract(usage.model_copy(update=middle), reported)
