"""The supported coworking sites, and how many workstations each has from which day on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from random import Random

from events.identifiers import Department
from simulation.chance import day_between, split, stream
from simulation.curve import Curve
from simulation.departments import department_figures
from simulation.territory import Territory, some_commune

WORKSTATIONS = 1145
"""Workstations of all sites at the end."""

GROWTH = Curve(
    (
        (date(2016, 3, 1), 0),
        (date(2016, 12, 31), 170),
        (date(2017, 12, 31), 420),
        (date(2018, 12, 31), 690),
        (date(2019, 12, 31), 990),
        # The spring of 2020 builds nothing.
        (date(2020, 3, 15), 1040),
        (date(2020, 6, 1), 1041),
        (date(2020, 11, 20), WORKSTATIONS),
    )
)
"""Workstations of all sites: the promised number six weeks before the end."""

EXTENSIONS = (4, 6)
"""In how many steps a site grows."""

OPENED = (date(2013, 1, 7), date(2015, 11, 30))

WORKPLACES = ("La Fabrique", "Le Relais", "L’Atelier", "La Station", "Le Comptoir", "La Ruche")


@dataclass(frozen=True, slots=True)
class Closure:
    """A time without a site: closed on one day, open again on another."""

    closed_on: date
    reopened_on: date


CLOSURES: Mapping[str, Closure] = {"site-022": Closure(date(2018, 3, 31), date(2018, 11, 5))}
"""By site: 41 sites were to be kept, and for seven months there are 40."""


@dataclass(frozen=True, slots=True)
class CoworkingSite:
    """A coworking site, open since before 2016 and without new workstations then.

    `levels`: workstations from a day on, in ascending order of days; none during the closure.
    """

    site_id: str
    department: Department
    name: str
    commune: str
    opened_on: date
    levels: tuple[tuple[date, int], ...]
    closure: Closure | None = None

    def workstations_on(self, day: date) -> int:
        """Return how many workstations are in service on a day."""
        if self.closure and self.closure.closed_on <= day < self.closure.reopened_on:
            return 0
        return max((level for since, level in self.levels if since <= day), default=0)


def draw_sites(seed: int, territory: Territory) -> tuple[CoworkingSite, ...]:
    """Draw the sites' locations and their growth, which adds up to `GROWTH`."""
    chance = stream(seed, "sites")
    figures = department_figures()
    departments = [department for department, one in figures.items() for _ in range(one.sites)]
    site_ids = [f"site-{number:03d}" for number in range(1, len(departments) + 1)]
    levels = _draw_levels(site_ids, chance)
    return tuple(
        CoworkingSite(
            site_id=site_id,
            department=department,
            name=f"{chance.choice(WORKPLACES)} {site_id.removeprefix('site-')}",
            commune=some_commune(chance, territory[department]),
            opened_on=day_between(chance, *OPENED),
            levels=levels[site_id],
            closure=CLOSURES.get(site_id),
        )
        for site_id, department in zip(site_ids, departments, strict=True)
    )


def _draw_levels(site_ids: list[str], chance: Random) -> Mapping[str, tuple[tuple[date, int], ...]]:
    sizes = split(WORKSTATIONS, [chance.uniform(0.5, 1.5) for _ in site_ids])
    extensions: list[tuple[str, int]] = []
    for site_id, size in zip(site_ids, sizes, strict=True):
        weights = [chance.uniform(0.5, 1.5) for _ in range(chance.randint(*EXTENSIONS))]
        extensions += [(site_id, added) for added in split(size, weights)]
    chance.shuffle(extensions)
    levels: dict[str, dict[date, int]] = defaultdict(dict)
    total = 0
    for site_id, added in extensions:
        total += added
        day = GROWTH.day_reaching(total) or GROWTH.points[-1][0]
        closure = CLOSURES.get(site_id)
        if closure and closure.closed_on <= day < closure.reopened_on:
            day = closure.reopened_on
        levels[site_id][day] = max(levels[site_id].values(), default=0) + added
    return {site_id: tuple(levels[site_id].items()) for site_id in site_ids}
