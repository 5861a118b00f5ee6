"""Coworking: the supported sites open, grow, and one closes for a time."""

from __future__ import annotations

from random import Random

from events.coworking import CoworkingClosed, CoworkingOpened, CoworkingResized
from simulation.chance import days_after
from simulation.emitter import Emitter
from simulation.period import FIRST_DAY
from simulation.world import CoworkingSite, World

CORRECTED_SHARE = 0.05
RECORDED_AFTER_DAYS = (0, 9)


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
        recorded = days_after(chance, day, *RECORDED_AFTER_DAYS)
        # The site's whole capacity, instead of what was really installed.
        wrongly = {"workstations": level * 2} if chance.random() < CORRECTED_SHARE else None
        emitter.send(resized, recorded, wrongly=wrongly)
