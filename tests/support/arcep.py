"""Files in the format of Arcep's "Ma connexion internet", statistics by commune."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from random import Random

from events.communes import ARRONDISSEMENTS as DIVIDED
from events.communes import COMMUNES

# The columns as Arcep publishes them (edition of 2026-03-31), names of territories included.
HEADING = (
    "code_insee;nom_com;code_dep;code_reg;nbr;type;inel_hd;elig_hd05;elig_hd3;elig_bhd8;elig_thd30;"
    "elig_thd100;elig_thd1g;date"
)
CLASSES = 6
ELSEWHERE = ("01001", "2A004", "29019", "40101", "97611")
"""Communes of other regions, of which Arcep's file has 33 600."""

ARRONDISSEMENTS = DIVIDED["75056"]
WHOLE = tuple(
    code for code in chain.from_iterable(COMMUNES.values()) if code not in ARRONDISSEMENTS
)
"""The communes of Île-de-France, Paris as one of them: as in Arcep's file."""


def row(
    insee: str,
    premises: int,
    classes: Sequence[int],
    *,
    day: str = "2020-09-30",
    networks: str = "all",
) -> str:
    """Write the line of a commune; `classes` from 0.5 Mbit/s to 1 Gbit/s."""
    cells = (insee, "Commune", insee[:2], "11", premises, networks, premises - classes[0], *classes)
    return ";".join(map(str, (*cells, day)))


def edition(
    seed: int = 1,
    communes: Iterable[str] = WHOLE,
    *,
    day: str = "2020-09-30",
    networks: str = "all",
    satellite: bool = False,
) -> str:
    """Make an edition with these communes and some of other regions; the numbers are seeded."""
    chance = Random(seed)
    rows = (
        row(insee, premises, classes, day=day, networks=networks)
        for insee in (*communes, *ELSEWHERE)
        for premises, classes in [_numbers(chance, satellite=satellite)]
    )
    return "\n".join((HEADING, *rows, ""))


def _numbers(chance: Random, *, satellite: bool) -> tuple[int, list[int]]:
    premises = chance.randint(50, 40_000)
    return premises, [premises] * CLASSES if satellite else [*_shrinking(chance, premises)]


def _shrinking(chance: Random, premises: int) -> Iterator[int]:
    for _ in range(CLASSES):
        premises -= chance.randint(0, premises // 10)
        yield premises
