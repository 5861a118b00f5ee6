"""The simulated Région: what is there, whatever happens to it."""

from __future__ import annotations

from dataclasses import dataclass

from simulation.lycees import Lycee, draw_lycees
from simulation.sites import CoworkingSite, draw_sites
from simulation.territory import Territory, draw_territory


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
