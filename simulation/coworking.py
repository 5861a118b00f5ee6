"""Coworking: the supported sites open, grow, and one closes for a time; their monthly usage.

Val-d'Oise's sites stop reporting in 2020.
"""

from __future__ import annotations

from datetime import date
from random import Random

from catalogue.reference_day import month_end
from events.coworking import CoworkingClosed, CoworkingOpened, CoworkingResized
from events.workstation import WorkstationAudience, WorkstationUsageReported
from simulation.chance import split
from simulation.emitter import Emitter
from simulation.figures import has_role, region_figures
from simulation.times import FIRST_DAY, months
from simulation.world import CoworkingSite, World

LAST_MONTH = date(2020, 11, 1)
"""December is reported in January."""

SITE_DIFFERS_BY = 0.25
MONTH_DIFFERS_BY = 0.10

OPENING_HOURS = 9
OPENING_DAYS = (19, 22)

SILENT = "95"
SILENT_FROM = date(2020, 7, 1)
"""From this month on, Val-d'Oise's sites report nothing any more."""


def simulate_coworking(world: World, chance: Random, emitter: Emitter) -> None:
    """Emit each site's opening, extensions and closure."""
    for site in world.sites:
        first = CoworkingOpened(
            site_id=site.site_id,
            opened_on=site.opened_on,
            name=site.name,
            department=site.department,
            commune=site.commune,
            workstations=0,
        )
        emitter.send(first, FIRST_DAY, punctual=True)
        _extend(site, chance, emitter)
        if site.closure is not None:
            closed_on, reopened_on = site.closure.closed_on, site.closure.reopened_on
            closed = CoworkingClosed(site_id=site.site_id, closed_on=closed_on)
            again = {"opened_on": reopened_on, "workstations": site.workstations_on(reopened_on)}
            emitter.send(closed, closed_on, punctual=True)
            emitter.send(first.model_copy(update=again), reopened_on, punctual=True)


def _extend(site: CoworkingSite, chance: Random, emitter: Emitter) -> None:
    for day, level in site.levels:
        if site.closure is not None and day == site.closure.reopened_on:
            continue  # Emitted with the reopening.
        resized = CoworkingResized(site_id=site.site_id, resized_on=day, workstations=level)
        # The site's whole capacity, instead of what was really installed.
        emitter.report(resized, chance, {"workstations": level * 2})


def simulate_workstations(world: World, chance: Random, emitter: Emitter) -> None:
    """Emit each site's hours, month by month, from its first workstation on."""
    for site in world.sites:
        busy = 1 + chance.uniform(-SITE_DIFFERS_BY, SITE_DIFFERS_BY)
        for month in months(FIRST_DAY, LAST_MONTH):
            workstations = site.workstations_on(month)
            if workstations and not (has_role(site.department, SILENT) and month >= SILENT_FROM):
                _report(_usage(site, month, workstations, busy, chance), chance, emitter)


def _usage(
    site: CoworkingSite, month: date, workstations: int, busy: float, chance: Random
) -> WorkstationUsageReported:
    end = month_end(month)
    available = workstations * OPENING_HOURS * chance.randint(*OPENING_DAYS)
    differs = busy * (1 + chance.uniform(-MONTH_DIFFERS_BY, MONTH_DIFFERS_BY))
    occupied = round(available * min(1.0, region_figures().curves.occupancy.on(end) * differs))
    audiences = region_figures().workstation_audiences
    weights = [weight * chance.uniform(0.6, 1.4) for weight in audiences.values()]
    return WorkstationUsageReported(
        site_id=site.site_id,
        period_start=month,
        period_end=end,
        department=site.department,
        available_hours=available,
        occupied_hours=dict(zip(audiences, split(occupied, weights), strict=True)),
    )


def _report(usage: WorkstationUsageReported, chance: Random, emitter: Emitter) -> None:
    # One audience was forgotten at first.
    some = {"occupied_hours": {**usage.occupied_hours, WorkstationAudience.EMPLOYEE: 0}}
    reported = emitter.report(usage, chance, some)
    if reported is not None:
        # A report for a period that was not one.
        middle = {"period_start": usage.period_start.replace(day=2)}
        emitter.retract(usage.model_copy(update=middle), reported)
