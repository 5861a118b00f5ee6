"""The facts that exist."""

from events.fact import Fact
from events.registry import FACTS


def test_every_subclass_with_a_name_is_registered() -> None:
    def named(kind: type[Fact]) -> set[type[Fact]]:
        below = {found for child in kind.__subclasses__() for found in named(child)}
        return below | ({kind} if hasattr(kind, "NAME") else set())

    assert {kind for kind in named(Fact) if kind.__module__.startswith("events.")} == set(
        FACTS.values()
    )
