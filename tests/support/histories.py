"""Events in one line each, and small histories whose events interact, repeat and contradict."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from itertools import count, pairwise
from typing import Any, Final

from hypothesis import strategies as st
from pydantic_core import to_json

from events.cloudevent import CloudEvent
from events.fact import Fact, Family
from events.identifiers import uai_check_letter
from events.registry import FACTS_BY_NAME, facts_of
from streams.state import EMPTY, NO_DAYS, Cell, EntityState, cell_of
from tests.support.sources import source_of
from tests.support.states import merge_states


def uai(digits: str) -> str:
    """Complete the seven digits of a UAI: `0750001` is in Paris, `0770001` in Seine-et-Marne."""
    return digits + uai_check_letter(digits)


#: Few entities, so that a short history has several events about the same one.
ENTITIES: Final[Mapping[Family, Sequence[str]]] = {
    **dict.fromkeys(Family, ("one", "two", "three")),
    Family.SCHOOLS: (uai("0750001"), uai("0750002"), uai("0770001")),
    Family.BROADBAND: ("75056", "77288", "93066"),
    Family.TRAININGS: ("enrolment-000001", "enrolment-000002", "enrolment-000003"),
    # With a territory: one entity each.
    Family.OBSERVATIONS: ("IND-001", "IND-002"),
    Family.EXPLANATIONS: ("schools_connected_ratio", "workstations_created"),
}

#: Few effective days, some of them so close that an expiry falls between.
DAYS: Final = ("2018-01-01", "2018-01-02", "2018-01-09", "2018-02-05", "2019-02-01")

#: Few moments, sources and ids, so that corrections collide and ids are reused.
_TIMES: Final = ("2019-06-01T00:00:00", "2019-06-01T00:00:00.000001", "2019-06-02T00:00:00")
_SYSTEMS: Final = ("one", "other")
_IDS: Final = ("1", "2", "3")
_RETRACTED: Final = 0.2
_POOL_SIZE: Final = 400

_COMMUNES: Final = {"75": "75056", "77": "77288", "93": "93066"}
_CHOICES: Final[Mapping[str, Sequence[Any]]] = {
    "completes_plan": (False, True),
    "connectable_premises": (0, 1, 2),
    "department": tuple(_COMMUNES),
    "occupied_hours": ({}, {"company": 1}, {"company": 2, "employee": 0}, {"employee": 1}),
    "territory": ("D75", "D77", "R11"),
    "uai": ENTITIES[Family.SCHOOLS],
    "value": (-1.5, 0, 2),
    "workstations": (0, 1, 2),
}

_DEFAULTS: Final[Mapping[str, object]] = {
    "amount_cents": 100,
    "audience": "job_seeker",
    "author_role": "Responsable du programme",
    "available_hours": 100,
    "call": "second_digital_chance",
    "commune": "77288",
    "connectable_premises": 5,
    "department": "77",
    "downlink_mbps": 1000,
    "kind": "vocational",
    "licence": "odbl",
    "milestone": "all_connected",
    "name": "Nom",
    "occupied_hours": {},
    "period_start": "2018-01-01",
    "position": "",
    "premises": 10,
    "programme": "second_digital_chance",
    "publisher": "Région",
    "quantity": 30,
    "reason": "fault",
    "siret": "23750007900312",
    "territory": "D77",
    "text": "Les travaux ont pris du retard.",
    "theme": "transport",
    "title": "Titre",
    "uai": uai("0770001"),
    "update_frequency": "monthly",
    "value": 12.5,
    "workstations": 20,
}

_numbers = count(1)


def event(
    name: str,
    entity: str,
    day: str,
    /,
    *,
    at: str | None = None,
    source: str | None = None,
    id: str | None = None,  # noqa: A002 - CloudEvents' own word
    **fields: object,
) -> CloudEvent:
    """Return the event of a fact about an entity on a day.

    It is recorded `at` noon of the day (UTC), by the owner of the fact, under a new id, unless said
    otherwise.
    """
    fact = FACTS_BY_NAME[name]
    data = {field: _DEFAULTS[field] for field in fact.model_fields if field in _DEFAULTS}
    if name == "equipment.delivered":
        data["kind"] = "tablet"
    data |= {fact.KEY: entity, fact.DAY: day, **fields}
    return CloudEvent(
        id=id or f"event-{next(_numbers):06}",  # Ids are compared as text: the later is greater.
        source=source or source_of(name),
        time=datetime.fromisoformat(at or f"{day}T12:00:00").replace(tzinfo=UTC),
        fact=fact.model_validate_json(to_json(data)),
    )


def enrolled(
    number: int, department: str, audience: str = "job_seeker", *, day: str = "2018-01-01"
) -> list[CloudEvent]:
    """Return so many enrolments of an audience in a département."""
    return [
        event(
            "training.enrolled",
            f"enrolment-{department}-{audience.replace('_', '-')}-{index:05}",
            day,
            department=department,
            audience=audience,
        )
        for index in range(number)
    ]


@cache
def pool(family: Family) -> Sequence[CloudEvent]:
    """Return a few hundred events about few entities on few days, the same in every run."""
    chance = random.Random(family.value)
    return [_any_event(chance, family) for _ in range(_POOL_SIZE)]


def events_of(family: Family) -> st.SearchStrategy[CloudEvent]:
    """Draw an event of a family's pool: a single choice of Hypothesis, whatever its fields."""
    return st.sampled_from(pool(family))


def histories(family: Family, *, max_size: int = 12) -> st.SearchStrategy[list[CloudEvent]]:
    return st.lists(events_of(family), max_size=max_size)


@st.composite
def deliveries(draw: st.DrawFn, history: Sequence[CloudEvent]) -> list[list[CloudEvent]]:
    """Draw the batches in which a history may arrive: in any order, with duplicates."""
    repeated = draw(st.lists(st.sampled_from(history), max_size=4)) if history else []
    arriving = draw(st.permutations([*history, *repeated]))
    cuts = sorted(draw(st.lists(st.integers(0, len(arriving)), max_size=4)))
    edges = [0, *cuts, len(arriving)]
    return [arriving[start:end] for start, end in pairwise(edges)]


def _any_event(chance: random.Random, family: Family) -> CloudEvent:
    kind = chance.choice(facts_of(family))
    day = chance.choice(DAYS)
    fields = {
        name: _any_value(chance, kind, name)
        for name in kind.model_fields
        if name not in (kind.KEY, kind.DAY, "retracted")
    }
    # Fields that must agree with each other.
    if family is Family.EQUIPMENT:
        fields["department"] = fields["uai"][1:3]
    elif family is Family.BROADBAND:
        fields["premises"] += fields["connectable_premises"]
    elif kind.NAME == "coworking.opened":
        fields["commune"] = _COMMUNES[fields["department"]]
    elif family is Family.WORKSTATIONS:
        fields["available_hours"] += sum(fields["occupied_hours"].values())
        fields["period_start"] = chance.choice([day, f"{day[:4]}-01-01"])
    return event(
        kind.NAME,
        chance.choice(ENTITIES[family]),
        day,
        at=chance.choice(_TIMES),
        source=f"{source_of(kind.NAME)}:{chance.choice(_SYSTEMS)}",
        id=chance.choice(_IDS),
        retracted=chance.random() < _RETRACTED,
        **fields,
    )


def _any_value(chance: random.Random, kind: type[Fact], name: str) -> Any:  # noqa: ANN401 - JSON
    if name in _CHOICES:
        return chance.choice(_CHOICES[name])
    annotation = kind.model_fields[name].annotation
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return chance.choice(list(annotation)).value
    return chance.randint(1, 3) if annotation is int else _DEFAULTS[name]


def with_cell(state: EntityState, fact: str, day: str, cell: Cell) -> EntityState:
    """Return a copy of the state with one cell set; facts without it are the same objects."""
    return {**state, fact: {**state.get(fact, NO_DAYS), day: cell}}


def state_of(*history: CloudEvent) -> EntityState:
    state = EMPTY
    for one in history:
        day = one.fact.effective_day.isoformat()
        state = merge_states(state, with_cell(EMPTY, one.fact.NAME, day, cell_of(one)))
    return state
