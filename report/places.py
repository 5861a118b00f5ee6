"""Places: search by name or code, what holds for an entity, and communes with their share."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple

from catalogue.model import Catalogue, Indicator
from catalogue.publication import counts_persons
from events.fact import Family
from events.identifiers import commune_department
from events.record_rules import known_before
from report.charts.commune_map import CommuneOutline, codes_of, commune_of, communes
from report.evidence import evidence_of
from report.knowledge import Knowledge
from report.ledger import VISIBLE, EventLedger
from report.standing import Standing
from report.view import View
from report.words import REFERENCES, EntityKey, sorting_key

MOST_FOUND: Final = 50
"""How many entities, and how many communes, a search returns."""
MOST_REPORTING: Final = 10_000
"""More than there are communes, and lycées in one of them."""
LEAST_CHARACTERS: Final = 2
"""Shorter searches would find nearly everything."""
_MOST_WORDS: Final = 6

# Cut before it is grouped: a common word is in nearly every name.
_SEARCH: Final = """
WITH found AS (
    SELECT
        family, entity, name, department, day, sorted,
        lower(entity) = $text AS is_code, starts_with(sorted, $text) AS begins,
        ({is_named}) AS is_named
    FROM event
    WHERE name IS NOT NULL AND content IS NOT NULL AND {visible}
        AND (is_named OR commune IN (SELECT unnest($communes::VARCHAR[])))
    ORDER BY is_code DESC, begins DESC, is_named DESC, sorted, family, entity
    LIMIT 4 * $limit
)
SELECT family, entity, arg_max(name, day), arg_max(department, day)
FROM found
GROUP BY family, entity
ORDER BY
    bool_or(is_code) DESC, bool_or(begins) DESC, bool_or(is_named) DESC, max(sorted), family, entity
LIMIT $limit
"""

_HOLDS: Final = """
SELECT fact, max(day) AS since, arg_max(content, day)
FROM event
WHERE family = $family AND entity = $entity AND day <= $day AND {visible} AND content IS NOT NULL
GROUP BY fact
ORDER BY since DESC, fact
"""

_REFERRING: Final = """
SELECT family, entity, max(day) AS since
FROM event
WHERE family IN (SELECT unnest($families::VARCHAR[])) AND subject = $entity AND day <= $day
    AND {visible} AND content IS NOT NULL
GROUP BY family, entity
ORDER BY since DESC, family, entity
LIMIT $limit
"""


@dataclass(frozen=True, slots=True)
class FoundEntity:
    """An entity that has a name."""

    key: EntityKey
    name: str
    department: str | None


@dataclass(frozen=True, slots=True)
class SearchResults:
    """What a search finds, the best first; at most MOST_FOUND of each."""

    asked: str
    communes: tuple[CommuneOutline, ...]
    entities: tuple[FoundEntity, ...]
    has_more: bool

    @property
    def by_family(self) -> Mapping[Family, list[FoundEntity]]:
        """The entities of each family, first that of the best match."""
        groups: dict[Family, list[FoundEntity]] = {}
        for one in self.entities:
            groups.setdefault(one.key.family, []).append(one)
        return groups


@dataclass(frozen=True, slots=True)
class HeldFact:
    """A fact that holds for an entity on a day, and since when."""

    fact: str
    since: date
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EntityState:
    """What holds for an entity on a day."""

    facts: tuple[HeldFact, ...]
    referring: tuple[tuple[EntityKey, date], ...]
    """The newest of the entities that refer to it, such as deliveries to a lycée."""


class CommuneShare(NamedTuple):
    """What a commune adds to a ratio, and the latest day of its reports."""

    numerator: int
    denominator: int
    since: date

    @property
    def share(self) -> float | None:
        """The share; None where the commune has no denominator."""
        return self.numerator / self.denominator if self.denominator else None


@dataclass(frozen=True, slots=True)
class CommuneFigure:
    """A ratio in a commune, its département and the Région; `shares` are its neighbours' too."""

    indicator: Indicator
    own: CommuneShare | None
    text: str
    shares: Mapping[str, CommuneShare]
    department: Standing
    region: Standing


@dataclass(frozen=True, slots=True)
class CommunePage:
    """What holds for a commune, and what is in it."""

    commune: CommuneOutline
    department: str
    figures: tuple[CommuneFigure, ...]
    entities: tuple[FoundEntity, ...]


def search(ledger: EventLedger, text: str, known_on: date | None) -> SearchResults:
    """Return what carries a text, in its name or code, and what lies in a commune of that name.

    Accents and case do not count. All words must be found. Persons have no names in the ledger.
    """
    asked = " ".join(text.split())
    plain = sorting_key(asked)
    if len(plain) < LEAST_CHARACTERS:
        return SearchResults(asked, (), (), has_more=False)
    words = plain.split()[:_MOST_WORDS]
    places = [one for one in communes().values() if _is_found(one, plain, words)]
    places.sort(key=lambda one: (not sorting_key(one.name).startswith(plain), one.name))
    parameters: dict[str, object] = {f"word{place}": word for place, word in enumerate(words)}
    in_name = " AND ".join(f"contains(sorted, ${name})" for name in parameters)
    is_named = f"({in_name}) OR contains(lower(entity), $text)"
    # A commune brings what lies in it only if whole words begin its name: many names begin alike.
    meant = [
        code
        for one in places
        if one.code == plain or _spaced(one.name).startswith(_spaced(asked))
        for code in codes_of(one.code)
    ]
    parameters |= {"text": plain, "communes": [plain, *meant]}
    found = _entities(ledger, is_named, parameters, known_on, MOST_FOUND + 1)
    return SearchResults(
        asked,
        tuple(places[:MOST_FOUND]),
        found[:MOST_FOUND],
        has_more=len(found) > MOST_FOUND or len(places) > MOST_FOUND,
    )


def _is_found(commune: CommuneOutline, plain: str, words: list[str]) -> bool:
    name = sorting_key(commune.name)
    return (
        commune.code.startswith(plain)
        or commune.code == commune_of(plain)
        or all(word in name for word in words)
    )


def _spaced(name: str) -> str:
    return sorting_key(name).replace("-", " ") + " "


def _entities(
    ledger: EventLedger,
    is_named: str,
    parameters: Mapping[str, object],
    known_on: date | None,
    limit: int,
) -> tuple[FoundEntity, ...]:
    sql = _SEARCH.format(visible=VISIBLE, is_named=is_named)
    rows = ledger.query(sql, {**parameters, "before": known_before(known_on), "limit": limit})
    return tuple(
        FoundEntity(EntityKey(Family(family), entity), name, department)
        for family, entity, name, department in rows
    )


def state_of(ledger: EventLedger, key: EntityKey, view: View) -> EntityState:
    """Return what holds for an entity on a view's day; of each fact the latest that day has."""
    parameters = {
        "entity": key.entity,
        "day": view.as_of.toordinal(),
        "before": known_before(view.known_on),
    }
    families = [one.value for one, refers in REFERENCES.items() if refers.family is key.family]
    limited = {**parameters, "families": families, "limit": MOST_FOUND}
    with ledger.snapshot() as query:
        facts = query(_HOLDS.format(visible=VISIBLE), {**parameters, "family": key.family.value})
        referring = query(_REFERRING.format(visible=VISIBLE), limited)
    return EntityState(
        tuple(HeldFact(fact, date.fromordinal(day), json.loads(text)) for fact, day, text in facts),
        tuple(
            (EntityKey(Family(family), one), date.fromordinal(day))
            for family, one, day in referring
        ),
    )


def communal_indicators(catalogue: Catalogue) -> tuple[Indicator, ...]:
    """Return the ratios whose evidence is by commune."""
    return ratios_by(catalogue, Family.BROADBAND)


def ratios_by(catalogue: Catalogue, family: Family) -> tuple[Indicator, ...]:
    """Return the ratios whose evidence is by entity of a family, none of them about persons."""
    return tuple(
        one
        for one in catalogue.indicators
        if one.measure.denominator is not None
        and one.measure.terms[-1].family is family
        and not counts_persons(one)
    )


def shares_by_commune(
    ledger: EventLedger, indicator: Indicator, view: View
) -> Mapping[str, CommuneShare]:
    """Return what each commune of a view's territory adds to a ratio, by INSEE code."""
    department = view.department_for(indicator)
    found = evidence_of(
        ledger, indicator, department, view.as_of, view.known_on, limit=MOST_REPORTING
    )
    shares: dict[str, CommuneShare] = {}
    for row in found.rows:
        code = commune_of(row.key.entity)
        over, under, since = shares.get(code, (0, 0, row.since))
        shares[code] = CommuneShare(
            over + row.numerator, under + (row.denominator or 0), max(since, row.since)
        )
    return shares


def commune_page(
    knowledge: Knowledge, ledger: EventLedger, commune: CommuneOutline, view: View
) -> CommunePage:
    """Return what holds for a commune on a view's day, as known on its day."""
    code = commune_department(commune.code)
    figures = []
    for indicator in communal_indicators(knowledge.catalogue):
        shares = shares_by_commune(ledger, indicator, view.of(code))
        own = shares.get(commune.code)
        share = None if own is None else own.share
        department = knowledge.standing(indicator, code, view.as_of)
        text = "" if share is None else department.text(share)
        region = knowledge.standing(indicator, None, view.as_of)
        figures.append(CommuneFigure(indicator, own, text, shares, department, region))
    entities = _entities(
        ledger,
        "false",
        {"text": "", "communes": codes_of(commune.code)},
        view.known_on,
        MOST_REPORTING,
    )
    return CommunePage(commune, code, tuple(figures), entities)
