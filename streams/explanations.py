"""The explanations of milestones, from the states of their family."""

from __future__ import annotations

from collections import defaultdict
from datetime import date

from catalogue.explanations import Explanation, Explanations
from catalogue.model import Promise
from events.fact import Family
from events.milestone import ExplanationKind, MilestoneExplained
from events.observation import Territory
from streams.state import NO_DAYS, moment_of
from streams.state_store import StateStore

__all__ = ["explanations_of"]


def explanations_of(state_store: StateStore) -> Explanations:
    """Return every explanation by milestone and territory, the newest first.

    Retracted ones are left out. The cost is proportional to their number.
    """
    found: defaultdict[Promise, list[Explanation]] = defaultdict(list)
    states = (
        (entity, state)
        for family, partition in state_store.partitions()
        if family is Family.EXPLANATIONS
        for entity, state in state_store.states(family, partition).items()
    )
    for entity, state in states:
        for day, cell in state.get(MilestoneExplained.NAME, NO_DAYS).items():
            said = cell.attributes
            if said is None:
                continue
            department = Territory(said["territory"]).department
            found[said["indicator"], said["milestone"], department].append(
                Explanation(
                    entity,
                    department,
                    date.fromisoformat(day),
                    ExplanationKind(said["kind"]),
                    said["text"],
                    said["author_role"],
                    moment_of(cell.time),
                    cell.source,
                    cell.id,
                )
            )
    order = list(ExplanationKind)
    for said_of in found.values():
        said_of.sort(key=lambda one: (-one.day.toordinal(), order.index(one.kind)))
    return found
