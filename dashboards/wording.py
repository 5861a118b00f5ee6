"""The French words for units, for families, and for what becomes of events.

Those of the codes that figures are broken down by are declared with the codes (`events.code`).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from catalogue.model import Unit

UNITS: Mapping[Unit, str] = MappingProxyType({Unit.RATIO: "%", Unit.COUNT: "nb", Unit.EUROS: "€"})

FAMILIES: Mapping[str, str] = MappingProxyType(
    {
        "schools": "Lycées",
        "equipment": "Livraisons",
        "broadband": "Communes",
        "coworking": "Tiers-lieux",
        "workstations": "Relevés d’usage",
        "trainings": "Inscriptions",
        "grants": "Subventions",
        "datasets": "Jeux de données",
        "observations": "Indicateurs observés",
        "explanations": "Explications",
    }
)
#: A ratio changes by points of percentage; below two of them, by `POINT`.
CHANGE_UNITS: Mapping[Unit, str] = MappingProxyType({**UNITS, Unit.RATIO: "points"})
POINT: Final = "point"

OUTCOMES: Mapping[str, str] = MappingProxyType(
    {
        "accepted": "acceptés",
        "duplicate": "déjà connus",
        "superseded": "dépassés par un plus récent",
        "refused": "refusés",
        "misrouted": "renvoyés à leur partition",
    }
)

REASONS: Mapping[str, str] = MappingProxyType(
    {
        "null_value": "sans contenu",
        "not_a_cloudevent": "pas un CloudEvent",
        "invalid_json": "JSON illisible",
        "invalid_envelope": "enveloppe incorrecte",
        "unknown_type": "type inconnu",
        "invalid_data": "données incorrectes",
        "day_out_of_range": "jour impossible",
        "wrong_topic": "mauvais topic",
        "too_large": "trop volumineux",
        "too_complex": "trop complexe",
        "time_ahead": "daté dans le futur",
        "no_timestamp": "sans horodatage du courtier",
        "not_allowed": "hors de la déclaration du producteur",
        "not_owner": "fait d’un autre producteur",
        "person_data": "données personnelles",
        "unreadable": "lot illisible",
        "unprocessable": "non traitable",
        "passed_over": "écarté par l’exploitant",
    }
)

#: The fault of a topic that withholds no figures.
SETTINGS_FAULT: Final = "settings_changed"
#: What is wrong with a topic.
TOPIC_FAULTS: Mapping[str, str] = MappingProxyType(
    {
        "events_lost": "évènements perdus",
        "topic_missing": "supprimé",
        "topic_recreated": "supprimé et recréé",
        "partitions_added": "partitions ajoutées",
        "partition_unowned": "partition sans membre du groupe",
        SETTINGS_FAULT: "réglages modifiés",
        "records_deleted": "évènements supprimés",
        "log_diverged": "évènements remplacés",
    }
)

#: Whoever sends events and is not declared.
UNDECLARED = "Non déclarés"

#: What became of what came to the gateway.
GATEWAY_OUTCOMES: Mapping[str, str] = MappingProxyType(
    {"accepted": "acceptés", "refused": "refusés", "failed": "non écrits"}
)

#: Why the gateway did not take a whole request.
GATEWAY_REASONS: Mapping[str, str] = MappingProxyType(
    {
        "malformed_request": "requête incorrecte",
        "ambiguous_request": "requête contradictoire",
        "unauthenticated": "identité non prouvée",
        "not_found": "adresse inconnue",
        "method_not_allowed": "méthode non admise",
        "slow_request": "requête trop lente",
        "body_too_large": "corps trop volumineux",
        "batch_too_large": "lot trop grand",
        "unsupported_media_type": "format non lu",
        "batch_refused": "lot entièrement refusé",
        "over_quota": "quota dépassé",
        "repeated": "requête répétée",
        "internal_error": "erreur interne",
        "broker_away": "courtier absent",
        "overloaded": "surcharge",
    }
)
