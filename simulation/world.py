"""The simulated Région, whatever happens to it: communes, public lycées, coworking sites."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from random import Random

from events.communes import ARRONDISSEMENTS, COMMUNES
from events.identifiers import Department, uai_check_letter
from events.school import SchoolKind
from events.territory import COMMUNE_LENGTH, TERRITORY
from report.charts.commune_map import commune_of, communes, position_at
from simulation.chance import day_between, one_of, split, stream
from simulation.figures import figures_by_department, has_role, region_figures

INVENTED = 20
"""Communes of a département without declared ones."""

COMMUNES_EVENNESS = 4
ARRONDISSEMENTS_EVENNESS = 40
"""How alike the sizes are: the larger the number, the more."""


@dataclass(frozen=True, slots=True)
class Commune:
    """A territory that reports its coverage.

    `size` is its weight in the département's premises, `turn` its position in the roll-out, from 0
    (first) to 1 (last).
    """

    insee: str
    department: Department
    size: float
    turn: float


Territory = Mapping[Department, tuple[Commune, ...]]
"""Communes by département."""


def draw_territory(seed: int) -> Territory:
    """Draw sizes and turns; the codes are the real ones."""
    return {department: _communes(seed, department) for department in Department}


def invented_communes(department: Department) -> list[str]:
    """Return codes for a département whose communes the territory's file does not declare."""
    width = COMMUNE_LENGTH - len(department.value)
    return [f"{department.value}{number:0{width}d}" for number in range(1, INVENTED + 1)]


def some_commune(chance: Random, communes: Sequence[Commune]) -> str:
    """Return the INSEE code of one commune, a large one more likely than a small one."""
    return one_of(chance, {commune.insee: commune.size for commune in communes})


def _communes(seed: int, department: Department) -> tuple[Commune, ...]:
    chance = stream(seed, f"communes:{department.value}")
    codes = list(COMMUNES[department] or invented_communes(department))
    chance.shuffle(codes)
    divided = not ARRONDISSEMENTS.keys().isdisjoint(codes)
    evenness = ARRONDISSEMENTS_EVENNESS if divided else COMMUNES_EVENNESS
    # The denser communes are wired first, as a rule.
    turns = sorted(range(len(codes)), key=lambda rank: rank + chance.random() * len(codes) / 2)
    turn_of = {rank: turn for turn, rank in enumerate(turns)}
    return tuple(
        Commune(
            insee=insee,
            department=department,
            # Premises of a divided commune are counted by arrondissement: once, not twice.
            size=0.0 if insee in ARRONDISSEMENTS else 1 / (rank + evenness),
            turn=turn_of[rank] / max(len(codes) - 1, 1),
        )
        for rank, insee in enumerate(codes)
    )


CLOSING_IN = "75"
CLOSING_ON = (date(2018, 8, 31), date(2019, 8, 31))
"""Two more lycées of Paris, merged with others on these days."""


@dataclass(frozen=True, slots=True)
class Lycee:
    """A public lycée; most never close. Its position is in its commune, or empty."""

    uai: str
    department: Department
    name: str
    kind: SchoolKind
    commune: str
    closes_on: date | None = None
    position: str = ""


def draw_lycees(seed: int, territory: Territory) -> tuple[Lycee, ...]:
    """Draw the lycées of each département: number and check letter, name, kind, commune."""
    chance = stream(seed, "lycees")
    lycees: list[Lycee] = []
    region = region_figures()
    uai_digits = {one.code: one.uai_digits for one in TERRITORY.departments}
    for department, figures in figures_by_department().items():
        closures: list[date | None] = [None] * figures.lycees
        if has_role(department, CLOSING_IN):
            closures += CLOSING_ON
        numbers = sorted(chance.sample(range(1, 3000), len(closures)))
        lycees += [
            Lycee(
                uai=digits + uai_check_letter(digits),
                department=department,
                name=f"Lycée {chance.choice(region.namesakes)}",
                kind=one_of(chance, region.school_kinds),
                commune=some_commune(chance, territory[department]),
                closes_on=closes_on,
            )
            for number, closes_on in zip(numbers, closures, strict=True)
            for digits in [f"{uai_digits[department]}{number:04d}"]
        ]
    return tuple(replace(one, position=_position(seed, one)) for one in lycees)


def _position(seed: int, lycee: Lycee) -> str:
    """Return a position in a lycée's commune; "" where the map does not have the commune."""
    outline = communes().get(commune_of(lycee.commune))
    if outline is None or not outline.path:
        return ""
    chance = stream(seed, f"position:{lycee.uai}")
    while True:
        across = chance.uniform(outline.left, outline.right)
        point = across, chance.uniform(outline.top, outline.bottom)
        if outline.contains(point):
            return position_at(point)


EXTENSIONS = (4, 6)
"""In how many steps a site grows."""

OPENED = (date(2013, 1, 7), date(2015, 11, 30))


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
    """Draw the sites' locations and their growth, which adds up to the curve of workstations."""
    chance = stream(seed, "sites")
    region = region_figures()
    departments = [
        department for department, one in figures_by_department().items() for _ in range(one.sites)
    ]
    site_ids = [f"site-{number:03d}" for number in range(1, len(departments) + 1)]
    levels = _draw_levels(site_ids, chance)
    return tuple(
        CoworkingSite(
            site_id=site_id,
            department=department,
            name=f"{chance.choice(region.workplaces)} {site_id.removeprefix('site-')}",
            commune=some_commune(chance, territory[department]),
            opened_on=day_between(chance, *OPENED),
            levels=levels[site_id],
            closure=CLOSURES.get(site_id),
        )
        for site_id, department in zip(site_ids, departments, strict=True)
    )


def _draw_levels(site_ids: list[str], chance: Random) -> Mapping[str, tuple[tuple[date, int], ...]]:
    growth = region_figures().curves.workstations
    last_day, workstations = growth.points[-1]
    sizes = split(int(workstations), [chance.uniform(0.5, 1.5) for _ in site_ids])
    extensions: list[tuple[str, int]] = []
    for site_id, size in zip(site_ids, sizes, strict=True):
        weights = [chance.uniform(0.5, 1.5) for _ in range(chance.randint(*EXTENSIONS))]
        extensions += [(site_id, added) for added in split(size, weights)]
    chance.shuffle(extensions)
    levels: dict[str, dict[date, int]] = defaultdict(dict)
    total = 0
    for site_id, added in extensions:
        total += added
        day = growth.day_reaching(total) or last_day
        closure = CLOSURES.get(site_id)
        if closure and closure.closed_on <= day < closure.reopened_on:
            day = closure.reopened_on
        levels[site_id][day] = max(levels[site_id].values(), default=0) + added
    return {site_id: tuple(levels[site_id].items()) for site_id in site_ids}


@dataclass(frozen=True, slots=True)
class World:
    """Communes, lycées and coworking sites."""

    territory: Territory
    lycees: tuple[Lycee, ...]
    sites: tuple[CoworkingSite, ...]


def draw_world(seed: int) -> World:
    """Draw the Région of a seed: the numbers are fixed; sizes, locations and dates are random."""
    territory = draw_territory(seed)
    return World(territory, draw_lycees(seed, territory), draw_sites(seed, territory))
