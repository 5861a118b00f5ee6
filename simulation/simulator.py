"""The simulator: the stories of all producing systems, merged in the order of their sending."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from heapq import merge
from operator import attrgetter
from random import Random

from events.fact import Family
from simulation.broadband import simulate_broadband, simulate_fibre
from simulation.chance import stream
from simulation.coworking import simulate_coworking, simulate_workstations
from simulation.datasets import simulate_datasets
from simulation.emitter import Emitter, SimulatedRecord
from simulation.equipment import simulate_equipment
from simulation.explanations import simulate_explanations
from simulation.grants import simulate_grants
from simulation.invalid import simulate_invalid
from simulation.schools import simulate_schools
from simulation.times import FIRST_DAY, LAST_DAY
from simulation.trainings import simulate_trainings
from simulation.world import World, draw_world


@dataclass(frozen=True, slots=True)
class System:
    """A producing system: the family it reports on, its name in `source`, its story."""

    family: Family
    name: str
    story: Callable[[World, Random, Emitter], None]


SYSTEMS: tuple[System, ...] = (
    System(Family.SCHOOLS, "lycees", simulate_schools),
    System(Family.EQUIPMENT, "equipement", simulate_equipment),
    System(Family.BROADBAND, "tres-haut-debit", simulate_broadband),
    System(Family.COWORKING, "tiers-lieux", simulate_coworking),
    System(Family.WORKSTATIONS, "usage-tiers-lieux", simulate_workstations),
    System(Family.TRAININGS, "formation", simulate_trainings),
    System(Family.GRANTS, "subventions", simulate_grants),
    System(Family.DATASETS, "open-data", simulate_datasets),
    System(Family.EXPLANATIONS, "explications", simulate_explanations),
    System(Family.OBSERVATIONS, "arcep", simulate_fibre),
)


def simulate(seed: int, start: date = FIRST_DAY, end: date = LAST_DAY) -> Iterator[SimulatedRecord]:
    """Yield the records that are sent from `start` to `end`, both included, in order of sending.

    The same seed gives the same records, byte for byte, everywhere. A range gives exactly those
    of the whole 2016 to 2020 whose day is in it; no record is sent outside of these years.
    The stories are complete before the first record is yielded: seconds, and half a kilobyte of
    memory for each record of the range.
    """
    world = draw_world(seed)
    emitters: dict[Family, Emitter] = {}
    for system in SYSTEMS:
        emitter = Emitter(
            seed, system.family, system.name, first=max(start, FIRST_DAY), last=min(end, LAST_DAY)
        )
        system.story(world, stream(seed, f"story:{system.name}"), emitter)
        emitters[system.family] = emitter
    simulate_invalid(stream(seed, "invalid"), emitters)
    when_sent = attrgetter("sent")
    return merge(
        *(sorted(emitter.records, key=when_sent) for emitter in emitters.values()), key=when_sent
    )
