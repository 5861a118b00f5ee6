"""The public lycées, which the Région is in charge of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from events.identifiers import Department, uai_check_letter
from events.school import SchoolKind
from simulation.chance import one_of, stream
from simulation.departments import department_figures
from simulation.territory import Territory, some_commune

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
    for department, figures in department_figures().items():
        closures: list[date | None] = [None] * figures.lycees
        if department is Department.PARIS:
            closures += CLOSING_ON
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
