"""French words for facts and for the entities that they are about."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from events.fact import Family

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
