"""The facts that exist."""

import pytest

from events.fact import Fact, Family
from events.registry import FACTS, facts_of


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
