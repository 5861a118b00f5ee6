"""The registry of facts, by type and by name; a new fact is added here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from events.broadband import BroadbandCoverageReported
from events.coworking import CoworkingClosed, CoworkingOpened, CoworkingResized
from events.dataset import DatasetProbed, DatasetReleased, DatasetUpdated, DatasetWithdrawn
from events.equipment import EquipmentDelivered
from events.fact import Fact, Family
from events.grant import GrantCommitted, GrantPaid
from events.milestone import MilestoneExplained
from events.observation import IndicatorObserved
from events.school import (
    SchoolClosed,
    SchoolConnected,
    SchoolDisconnected,
    SchoolRegistered,
    SchoolWorkspaceActivated,
)
from events.training import TrainingAbandoned, TrainingCompleted, TrainingEnrolled
from events.workstation import WorkstationUsageReported

# The first fact of a family defines the entity. A later version of a fact has the same NAME and
# follows the earlier one; both are accepted.
_ALL: Final[tuple[type[Fact], ...]] = (
    SchoolRegistered,
    SchoolConnected,
    SchoolDisconnected,
    SchoolWorkspaceActivated,
    SchoolClosed,
    EquipmentDelivered,
    BroadbandCoverageReported,
    CoworkingOpened,
    CoworkingResized,
    CoworkingClosed,
    WorkstationUsageReported,
    TrainingEnrolled,
    TrainingCompleted,
    TrainingAbandoned,
    GrantCommitted,
    GrantPaid,
    DatasetReleased,
    DatasetUpdated,
    DatasetWithdrawn,
    DatasetProbed,
    IndicatorObserved,
    MilestoneExplained,
)

FACTS: Final[Mapping[str, type[Fact]]] = MappingProxyType({fact.TYPE: fact for fact in _ALL})
FACTS_BY_NAME: Final[Mapping[str, type[Fact]]] = MappingProxyType(
    {fact.NAME: fact for fact in _ALL}
)
"""The latest version of each fact."""


def facts_of(family: Family) -> tuple[type[Fact], ...]:
    """Return the facts of a family; the first one defines the entity."""
    return tuple(fact for fact in _ALL if fact.FAMILY is family)


def _borrows(fact: type[Fact]) -> bool:
    return not fact.attribute_kinds().keys() >= facts_of(fact.FAMILY)[0].attribute_kinds().keys()


BORROWING: Final = frozenset(name for name, fact in FACTS_BY_NAME.items() if _borrows(fact))
"""Facts that lack fields of the one that defines their entity, and borrow them.

They borrow from what was in force on their own day, or from the first definition if they precede
it.
"""
