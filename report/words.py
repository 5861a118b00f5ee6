"""Entities, facts and fields, and the French words for them."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from types import MappingProxyType
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from catalogue.formatting import NO_BREAK, count_text, day_text, decimal_text
from catalogue.territories import TERRITORY_TITLES, territory_key
from catalogue.vocabulary import FLAG_WORDS, FieldUse, fields_of, is_money
from events.coworking import CoworkingOpened
from events.dataset import DatasetReleased
from events.document import data_beside
from events.fact import Family, bare_type
from events.observation import MICROS, Territory
from events.registry import FACTS_BY_NAME
from events.school import SchoolRegistered
from report.charts.commune_map import communes


@dataclass(frozen=True, slots=True, order=True)
class EntityKey:
    """An entity: its family and its identifier."""

    family: Family
    entity: str

    @property
    def path(self) -> str:
        """The path of its page; identifiers may have slashes, and are quoted."""
        return f"entites/{self.family}/{quote(self.entity, safe='/')}"


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


class FrenchWords(NamedTuple):
    """The words of `words.yaml`: of an entity by family, of facts, fields and effects by name."""

    entities: Mapping[str, str]
    facts: Mapping[str, str]
    fields: Mapping[str, str]
    standings: Mapping[str, str]


@cache
def french_words() -> FrenchWords:
    """Read the words."""
    return FrenchWords(**data_beside(__file__))


def entity_name(key: EntityKey, name: str | None) -> str:
    """Return the name of an entity; what it is and its identifier where it has none."""
    commune = communes().get(key.entity) if key.family is Family.BROADBAND else None
    if commune is not None and commune.path:
        return commune.name
    return name or f"{french_words().entities[key.family]} {key.entity}"


def field_label(fact: str, field: str) -> str:
    """Return the French label of a fact's field; the field's own name where there is none."""
    fields = french_words().fields
    if field in fields:
        return fields[field]
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
    if value in (None, ""):
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
        return "France"
    return TERRITORY_TITLES[territory_key(territory.department)]


def _day(fact: str, field: str, text: str) -> str:
    kind = FACTS_BY_NAME[fact].attribute_kinds().get(field) if fact in FACTS_BY_NAME else None
    return day_text(date.fromisoformat(text)) if bare_type(kind) is date else text
