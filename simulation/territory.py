"""The territory: communes and arrondissements, their sizes and their turns in the roll-out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from events.communes import COMMUNES, PARIS_AS_A_WHOLE
from events.identifiers import Department
from simulation.chance import one_of, stream

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


def some_commune(chance: Random, communes: Sequence[Commune]) -> str:
    """Return the INSEE code of one commune, a large one more likely than a small one."""
    return one_of(chance, {commune.insee: commune.size for commune in communes})


def _communes(seed: int, department: Department) -> tuple[Commune, ...]:
    chance = stream(seed, f"communes:{department.value}")
    codes = list(COMMUNES[department])
    chance.shuffle(codes)
    in_paris = department is Department.PARIS
    evenness = ARRONDISSEMENTS_EVENNESS if in_paris else COMMUNES_EVENNESS
    # The denser communes are wired first, as a rule.
    turns = sorted(range(len(codes)), key=lambda rank: rank + chance.random() * len(codes) / 2)
    turn_of = {rank: turn for turn, rank in enumerate(turns)}
    return tuple(
        Commune(
            insee=insee,
            department=department,
            # The premises of Paris are counted by arrondissement: once, not twice.
            size=0.0 if insee == PARIS_AS_A_WHOLE else 1 / (rank + evenness),
            turn=turn_of[rank] / (len(codes) - 1),
        )
        for rank, insee in enumerate(codes)
    )
