"""The public lycées, which the Région is in charge of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from events.identifiers import Department, uai_check_letter
from events.school import SchoolKind
from simulation.chance import one_of, stream
from simulation.territory import Territory, some_commune

LYCEES: Mapping[Department, int] = {
    Department.PARIS: 95,
    Department.SEINE_ET_MARNE: 54,
    Department.YVELINES: 49,
    Department.ESSONNE: 45,
    Department.HAUTS_DE_SEINE: 55,
    Department.SEINE_SAINT_DENIS: 68,
    Department.VAL_DE_MARNE: 47,
    Department.VAL_D_OISE: 45,
}
"""Public lycées open at the end. Source: Éducation nationale's directory, school year 2021-2022."""

CLOSING_ON = (date(2018, 8, 31), date(2019, 8, 31))
"""Two more lycées of Paris, merged with others on these days."""

KINDS = {
    SchoolKind.GENERAL_TECHNOLOGICAL: 0.38,
    SchoolKind.VOCATIONAL: 0.27,
    SchoolKind.POLYVALENT: 0.35,
}

NAMESAKES = (
    *("Marie Curie", "Jean Jaurès", "Victor Hugo", "Simone Veil", "Louis Pasteur"),
    *("Rosa Parks", "Albert Camus", "Olympe de Gouges", "Jules Ferry", "Germaine Tillion"),
    *("Émile Zola", "Joséphine Baker", "Gustave Eiffel", "Sonia Delaunay", "Léonard de Vinci"),
    *("George Sand", "Jacques Prévert", "Ada Lovelace", "Paul Éluard", "Camille Claudel"),
)


@dataclass(frozen=True, slots=True)
class Lycee:
    """A public lycée; most never close."""

    uai: str
    department: Department
    name: str
    kind: SchoolKind
    commune: str
    closes_on: date | None = None


def draw_lycees(seed: int, territory: Territory) -> tuple[Lycee, ...]:
    """Draw the lycées of each département: number and check letter, name, kind, commune."""
    chance = stream(seed, "lycees")
    lycees: list[Lycee] = []
    for department, count in LYCEES.items():
        closures = [None] * count + list(CLOSING_ON if department is Department.PARIS else ())
        numbers = sorted(chance.sample(range(1, 3000), len(closures)))
        lycees += [
            Lycee(
                uai=digits + uai_check_letter(digits),
                department=department,
                name=f"Lycée {chance.choice(NAMESAKES)}",
                kind=one_of(chance, KINDS),
                commune=some_commune(chance, territory[department]),
                closes_on=closes_on,
            )
            for number, closes_on in zip(numbers, closures, strict=True)
            for digits in [f"0{department.value}{number:04d}"]
        ]
    return tuple(lycees)
