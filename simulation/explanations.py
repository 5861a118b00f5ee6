"""Explanations: what the owners of the programmes say of their milestones, and take back."""

from __future__ import annotations

from datetime import date
from functools import cache
from random import Random

from pydantic import BaseModel, ConfigDict

from events.document import data_beside
from events.milestone import ExplanationKind, MilestoneExplained
from events.observation import Territory
from simulation.emitter import Emitter
from simulation.figures import roles
from simulation.world import World


class Said(BaseModel):
    """What an owner says of a milestone in a territory on a day."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    day: date
    milestone: str
    """An indicator's id and a milestone's id, with a slash between them."""
    territory: Territory
    kind: ExplanationKind
    role: str
    text: str
    wrongly: str | None = None
    """What the text was before its correction."""


class Explanations(BaseModel):
    """All that the owners say, in the order of their days, and what they take back."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    said: tuple[Said, ...]
    retracted: tuple[Said, ...]


@cache
def simulated_explanations() -> Explanations:
    """Return the explanations of explanations.yaml."""
    return Explanations.model_validate(data_beside(__file__))


def simulate_explanations(_world: World, chance: Random, emitter: Emitter) -> None:
    """Emit what the owners say, with their corrections, and what they take back.

    Their texts are about the départements of Île-de-France: in another Région nobody explains.
    """
    if any(department.value != role for department, role in roles().items()):
        return
    explanations = simulated_explanations()
    for said in explanations.said:
        wrongly = None if said.wrongly is None else {"text": said.wrongly}
        recorded = emitter.recorded(chance, said.day)
        emitter.send(_explained(said), recorded, wrongly=wrongly)
    for said in explanations.retracted:
        emitter.retract(_explained(said), emitter.recorded(chance, said.day))


def _explained(said: Said) -> MilestoneExplained:
    indicator, _, milestone = said.milestone.partition("/")
    return MilestoneExplained(
        indicator=indicator,
        milestone=milestone,
        territory=said.territory,
        explained_on=said.day,
        kind=said.kind,
        text=said.text,
        author_role=said.role,
    )
