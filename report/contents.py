"""What an event says, in French: the labels of its fields, and the words of their values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from catalogue.formatting import NO_BREAK, count_text, day_text, decimal_text
from catalogue.territories import TERRITORY_TITLES, territory_key
from catalogue.vocabulary import FLAG_WORDS, FieldUse, fields_of, is_money
from events.fact import bare_type
from events.observation import MICROS, Territory
from events.registry import FACTS_BY_NAME

FIELDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "amount_cents": "montant",
        "author_role": "fonction de l’auteur",
        "available_hours": "heures offertes",
        "commune": "commune (code INSEE)",
        "connectable_premises": "locaux raccordables",
        "dataset_id": "jeu de données",
        "delivery_id": "livraison",
        "department": "département",
        "distributions": "adresses relues",
        "downlink_mbps": "débit descendant (Mbit/s)",
        "failing_distributions": "adresses en défaut",
        "grant_id": "subvention",
        "indicator": "indicateur",
        "insee": "commune (code INSEE)",
        "milestone": "jalon",
        "name": "nom",
        "occupied_hours": "heures occupées",
        "period_start": "début de la période",
        "premises": "locaux recensés",
        "publisher": "éditeur",
        "quantity": "quantité",
        "siret": "SIRET",
        "site_id": "tiers-lieu",
        "territory": "territoire",
        "text": "texte",
        "title": "titre",
        "uai": "UAI",
        "unchanged_days": "jours sans changement",
        "value_micros": "valeur",
        "workstations": "postes de travail",
    }
)
"""The labels of fields; those of closed lists are declared with their codes."""

_COUNTRY: Final = "France"


def field_label(fact: str, field: str) -> str:
    """Return the French label of a fact's field; the field's own name where there is none."""
    if field in FIELDS:
        return FIELDS[field]
    use = fields_of(fact).get(field) if fact in FACTS_BY_NAME else None
    return (use.dimension if use is not None else "") or field


def content_items(fact: str, content: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the fields of an event as labels and texts, both French."""
    known = fields_of(fact) if fact in FACTS_BY_NAME else {}
    return [
        (field_label(fact, field), _text(fact, field, value, known.get(field)))
        for field, value in content.items()
    ]


def _text(  # noqa: PLR0911 - one for each kind of value
    fact: str,
    field: str,
    value: Any,  # noqa: ANN401 - JSON
    use: FieldUse | None,
) -> str:
    if value is None:
        return "non indiqué"
    if field in ("department", "territory"):
        return _territory(str(value))
    if isinstance(value, bool):
        return FLAG_WORDS[json.dumps(value)]
    if isinstance(value, int):
        return _number(field, value)
    words = {} if use is None else use.words
    if isinstance(value, Mapping):
        parts = (f"{words.get(key, key)} : {_value(one)}" for key, one in value.items())
        return " ; ".join(parts)
    if isinstance(value, str):
        return words.get(value) or _day(fact, field, value)
    return json.dumps(value, ensure_ascii=False)


def _value(value: Any) -> str:  # noqa: ANN401 - JSON
    return count_text(value) if isinstance(value, int) else str(value)


def _number(field: str, value: int) -> str:
    if is_money(field):
        return f"{decimal_text(Decimal(value).scaleb(-2), 2)}{NO_BREAK}€"
    return decimal_text(Decimal(value) / (MICROS if field == "value_micros" else 1))


def _territory(code: str) -> str:
    try:
        territory = Territory(code)
    except ValueError:
        return TERRITORY_TITLES.get(code, code)
    if territory is Territory.COUNTRY:
        return _COUNTRY
    return TERRITORY_TITLES[territory_key(territory.department)]


def _day(fact: str, field: str, text: str) -> str:
    kind = FACTS_BY_NAME[fact].attribute_kinds().get(field) if fact in FACTS_BY_NAME else None
    return day_text(date.fromisoformat(text)) if bare_type(kind) is date else text
