"""The explanations of milestones, from the states of their family or from any dated sums."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date

from catalogue.explanations import Explanation, Explanations
from catalogue.model import Promise
from events.milestone import ExplanationKind, MilestoneExplained
from events.observation import Territory
from streams.dated_sums import DatedSums
from streams.state import NO_DAYS, EntityState, moment_of


def explanations_in(states: Mapping[str, EntityState]) -> Iterator[tuple[Promise, Explanation]]:
    """Yield the explanations in states of their family, without retracted ones."""
    for entity, state in states.items():
        for day, cell in state.get(MilestoneExplained.NAME, NO_DAYS).items():
            said = cell.attributes
            if said is None:
                continue
            department = Territory(said["territory"]).department
            yield (
                (said["indicator"], said["milestone"], department),
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
                ),
            )


def explanations_of(sums: DatedSums) -> Explanations:
    """Return every explanation by milestone and territory, the newest first.

    Retracted ones are omitted. The cost is proportional to the number of explanations.
    """
    found: defaultdict[Promise, list[Explanation]] = defaultdict(list)
    for promise, explanation in sums.explanations():
        found[promise].append(explanation)
    order = list(ExplanationKind)
    for said_of in found.values():
        said_of.sort(key=lambda one: (-one.day.toordinal(), order.index(one.kind)))
    return found
