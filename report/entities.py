"""What readers call an entity: its key, its name, and the entity that its facts are about."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple

from events.coworking import CoworkingOpened
from events.dataset import DatasetReleased
from events.fact import Family
from events.school import SchoolRegistered


@dataclass(frozen=True, slots=True, order=True)
class EntityKey:
    """An entity: its family and its identifier."""

    family: Family
    entity: str


class EntityReference(NamedTuple):
    """The field by which the facts of a family refer to an entity of another."""

    field: str
    family: Family


NAME_FIELDS: Final[Mapping[str, str]] = MappingProxyType(
    {SchoolRegistered.NAME: "name", CoworkingOpened.NAME: "name", DatasetReleased.NAME: "title"}
)
"""The field that holds the entity's name, by fact. Communes and grants have none in any event."""

REFERENCES: Final[Mapping[Family, EntityReference]] = MappingProxyType(
    {
        Family.EQUIPMENT: EntityReference("uai", Family.SCHOOLS),
        Family.WORKSTATIONS: EntityReference("site_id", Family.COWORKING),
    }
)


#: `L’Atelier` stands before `Le Comptoir`, `Œuvre` before `Ombre`.
_LIGATURES: Final = str.maketrans({"’": "", "'": "", "œ": "oe", "Œ": "Oe", "æ": "ae", "Æ": "Ae"})


def sorting_key(name: str) -> str:
    """Return what a French reader sorts a name by: without accents, capitals and apostrophes."""
    apart = unicodedata.normalize("NFKD", name.translate(_LIGATURES))
    return "".join(one for one in apart if not unicodedata.combining(one)).casefold()
