"""Tomorrow's release: `smart-region` with a second version of a contract beside the first.

`python -m tests.support.newer_release worker`. The facts are collected when the contracts are
first imported: the new one must be defined before.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import ClassVar

from events import registry
from events.fact import Fact
from events.identifiers import PositiveCount
from events.school import SchoolConnected


class SchoolConnectedTwo(SchoolConnected):
    """The lycée's high-speed link has been accepted, with its speed in both directions."""

    VERSION: ClassVar[int] = 2

    uplink_mbps: PositiveCount


def release() -> None:
    known: tuple[type[Fact], ...] = (*registry._ALL, SchoolConnectedTwo)
    by_type = {fact.TYPE: fact for fact in known}
    by_name = {fact.NAME: fact for fact in known}
    for name, value in (
        ("_ALL", known),
        ("FACTS", MappingProxyType(by_type)),
        ("FACTS_BY_NAME", MappingProxyType(by_name)),
    ):
        setattr(registry, name, value)


if __name__ == "__main__":
    release()

    from smart_region import main

    main()
