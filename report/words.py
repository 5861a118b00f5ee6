"""Entities and facts, and the French words for them."""

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


ENTITIES: Final[Mapping[Family, str]] = MappingProxyType(
    {
        Family.SCHOOLS: "Lycée",
        Family.EQUIPMENT: "Livraison",
        Family.BROADBAND: "Commune",
        Family.COWORKING: "Tiers-lieu",
        Family.WORKSTATIONS: "Relevé d’usage",
        Family.TRAININGS: "Inscription",
        Family.GRANTS: "Subvention",
        Family.DATASETS: "Jeu de données",
        Family.OBSERVATIONS: "Indicateur observé",
        Family.EXPLANATIONS: "Explication",
    }
)
"""One entity of a family."""

FACTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "school.registered": "à la charge de la Région",
        "school.connected": "lien à très haut débit réceptionné",
        "school.disconnected": "lien à très haut débit coupé",
        "school.workspace_activated": "espace numérique de travail ouvert",
        "school.closed": "fermé",
        "equipment.delivered": "matériel livré",
        "broadband.coverage_reported": "couverture relevée",
        "coworking.opened": "ouvert",
        "coworking.resized": "nombre de postes changé",
        "coworking.closed": "fermé",
        "workstation.usage_reported": "usage relevé",
        "training.enrolled": "inscrit",
        "training.completed": "formation achevée",
        "training.abandoned": "formation abandonnée",
        "grant.committed": "subvention engagée",
        "grant.paid": "subvention versée",
        "dataset.released": "ouvert",
        "dataset.updated": "mis à jour",
        "dataset.withdrawn": "retiré",
        "dataset.probed": "données relues",
        "indicator.observed": "valeur observée",
        "milestone.explained": "jalon expliqué",
    }
)
"""What happened, by a fact's name."""

STANDINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "counts": "compte",
        "superseded": "remplacé par un plus récent",
        "duplicate": "reçu une seconde fois",
        "retraction": "annule ce jour",
    }
)
"""What an event does now, by `report.evidence.Standing`."""
