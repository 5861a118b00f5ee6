"""The facts that exist."""

from collections import Counter

import pytest

from events.fact import Fact, Family
from events.registry import FACTS, facts_of


def test_types_carry_name_and_version() -> None:
    assert all(
        kind == f"fr.iledefrance.smartregion.{fact.NAME}.v{fact.VERSION}"
        for kind, fact in FACTS.items()
    )


def test_every_subclass_with_a_name_is_registered() -> None:
    def named(kind: type[Fact]) -> set[type[Fact]]:
        below = {found for child in kind.__subclasses__() for found in named(child)}
        return below | ({kind} if hasattr(kind, "NAME") else set())

    assert {kind for kind in named(Fact) if kind.__module__.startswith("events.")} == set(
        FACTS.values()
    )


@pytest.mark.parametrize("family", Family)
def test_a_family_s_facts_share_their_key(family: Family) -> None:
    assert len({fact.KEY for fact in facts_of(family)}) == 1


def test_every_fact_belongs_to_one_family() -> None:
    counted = Counter(fact for family in Family for fact in facts_of(family))
    assert counted == Counter(FACTS.values())


@pytest.mark.parametrize(
    ("family", "defining"),
    [
        (Family.SCHOOLS, "school.registered"),
        (Family.COWORKING, "coworking.opened"),
        (Family.TRAININGS, "training.enrolled"),
        (Family.GRANTS, "grant.committed"),
        (Family.DATASETS, "dataset.released"),
    ],
)
def test_the_first_fact_defines_the_entity(family: Family, defining: str) -> None:
    assert defining == facts_of(family)[0].NAME
