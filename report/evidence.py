"""The evidence of a figure: the entities behind it, what changed it, and the events of each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Literal, TypeAlias

from boundary.errors import SmartRegionError
from catalogue.model import Indicator
from catalogue.publication import counts_persons
from catalogue.terms import Term
from events.fact import Family
from events.record_rules import known_before
from events.registry import FACTS_BY_NAME
from events.topics import topic_name
from report.ledger import VISIBLE, EventLedger
from report.term_sql import term_sql
from report.words import NAME_FIELDS, REFERENCES, EntityKey
from streams.state import moment_of

EvidencePart: TypeAlias = Literal["all", "counted", "missing"]
EventState: TypeAlias = Literal["counts", "superseded", "duplicate", "retraction"]


class PersonsNotShownError(SmartRegionError):
    """The entities of an indicator or a family are persons, and are not shown."""

    def __init__(self, subject: str) -> None:
        super().__init__(f"{subject}: is about persons, who are shown as published counts only")


@dataclass(frozen=True, slots=True)
class EvidenceRow:
    """What an entity adds to a figure in one département on a day, and what it added on another.

    Denominators are None where the measure has none, and amounts `before` are 0 where there is no
    other day. `since` is the effective day of the record that the numerator's amount comes from (in
    a measure that adds up, the latest of them); where the numerator has none, the denominator's.
    `sources` are the entities whose events the amounts come from: the entity itself, and what
    refers to it (the deliveries of a lycée).
    """

    key: EntityKey
    name: str | None
    department: str | None
    numerator: int
    denominator: int | None
    numerator_before: int
    denominator_before: int | None
    since: date
    sources: tuple[EntityKey, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Some of the entities behind a figure or a change; `entities` is how many there are in all.

    `numerator` and `denominator` are the sums of all entities, whatever the part: the figure's
    reading, or by how much it changed.
    """

    rows: tuple[EvidenceRow, ...]
    entities: int
    numerator: int
    denominator: int | None


@dataclass(frozen=True, slots=True)
class EntityEvent:
    """One event of an entity, with its place in the topic.

    `content` is None for a retraction. `state` says what it does now: it is the latest of its
    fact and day and counts, or takes the day back; a later one has superseded it; it is a copy.
    """

    type: str
    fact: str
    source: str
    id: str
    effective_day: date
    time: datetime
    recorded_at: datetime
    topic: str
    partition: int
    offset: int
    content: Mapping[str, Any] | None
    state: EventState


@dataclass(frozen=True, slots=True)
class EntityEvents:
    """Some events of an entity, newest first; `events` is how many it has."""

    key: EntityKey
    name: str | None
    rows: tuple[EntityEvent, ...]
    events: int


_BY_NAME: Final = "department NULLS LAST, sorted NULLS LAST, entity, family"
_MISSING_FIRST: Final = f"(numerator < denominator) DESC, {_BY_NAME}"
_LARGEST_FIRST: Final = f"""
abs(numerator - numerator_before) + abs(denominator - denominator_before) DESC, {_BY_NAME}
"""
_PARTS: Final[Mapping[EvidencePart, str]] = {
    "all": "TRUE",
    "counted": "numerator <> 0",
    "missing": "numerator < denominator",
}
_CHANGED: Final = "numerator <> numerator_before OR denominator <> denominator_before"

_EVIDENCE: Final = """
WITH {tables}, asked (later, as_of) AS (VALUES {days}),
part (family, entity, subject, source, department, since, numerator, denominator, later) AS (
    {parts}
), amounts AS MATERIALIZED (
    SELECT
        family, entity, department, max(subject) AS subject,
        list(DISTINCT source ORDER BY source) FILTER (WHERE source IS NOT NULL) AS sources,
        coalesce(sum(numerator) FILTER (WHERE later), 0) AS numerator,
        coalesce(sum(denominator) FILTER (WHERE later), 0) AS denominator,
        coalesce(sum(numerator) FILTER (WHERE NOT later), 0) AS numerator_before,
        coalesce(sum(denominator) FILTER (WHERE NOT later), 0) AS denominator_before,
        coalesce(
            max(since) FILTER (WHERE part.numerator <> 0),
            max(since) FILTER (WHERE part.denominator <> 0),
            max(since)
        ) AS since
    FROM part
    GROUP BY family, entity, department
), totals AS (
    SELECT
        count(*) FILTER (WHERE {chosen}) AS entities,
        coalesce(sum(numerator - numerator_before), 0) AS numerators,
        coalesce(sum(denominator - denominator_before), 0) AS denominators
    FROM amounts
), named AS (
    SELECT amounts.*, {name} FROM amounts {names} WHERE {chosen}
), page AS (
    SELECT *, row_number() OVER (ORDER BY {order}) AS place
    FROM (SELECT * FROM named ORDER BY {order} LIMIT $limit OFFSET $offset)
)
SELECT
    entities, numerators, denominators, family, entity, name, department,
    numerator, denominator, numerator_before, denominator_before, since, sources
FROM totals LEFT JOIN page ON TRUE
ORDER BY place
"""

# Amounts of what refers to an entity are that entity's.
_PART: Final = """
SELECT {key}, department, since, {amounts}, later
FROM {term}span JOIN asked ON day <= as_of AND as_of < ends
WHERE {where}
"""

# A name is that of the entity's definition on its latest day.
_NAMES: Final = """
LEFT JOIN (
    SELECT entity, arg_max(name, day) AS name, arg_max(sorted, day) AS sorted
    FROM event
    WHERE family = $named AND name IS NOT NULL AND {visible} AND content IS NOT NULL
    GROUP BY entity
) AS definition ON definition.entity = {key} AND amounts.family = $family
"""

_EVENTS: Final = """
SELECT
    type, fact, source, id, day, time, recorded, "partition", "offset", content,
    until >= $before AS latest,
    row_number() OVER (
        PARTITION BY fact, day, source, id
        ORDER BY until >= $before DESC, forwarded, recorded, "partition", "offset"
    ) > 1 AS copied
FROM event
WHERE family = $family AND entity = $entity AND known < $before
ORDER BY time DESC, recorded DESC, day DESC, fact, source, id, "partition", "offset" DESC
LIMIT $limit OFFSET $offset
"""

_EVENT_COUNT: Final = """
SELECT count(*), max(subject) FROM event
WHERE family = $family AND entity = $entity AND known < $before
"""

_NAME: Final = """
SELECT arg_max(name, day) FROM event
WHERE family = $family AND entity = $entity AND name IS NOT NULL AND content IS NOT NULL
    AND {visible}
"""


def evidence_of(  # noqa: PLR0913 - the figure, the days and the page, by name
    ledger: EventLedger,
    indicator: Indicator,
    department: str | None,
    until: date,
    known_on: date | None = None,
    *,
    since: date | None = None,
    part: EvidencePart = "all",
    limit: int = 50,
    offset: int = 0,
) -> Evidence:
    """Return the entities behind a figure on a day, or behind its change since another day.

    All is as known at the end of `known_on` (UTC). Behind a figure those missing come first: they
    are in the denominator, and not or not fully in the numerator. A count misses none. Behind a
    change, which has no parts, are the entities whose amounts differ, the largest change first.
    Raises `PersonsNotShownError`.
    """
    if counts_persons(indicator):
        raise PersonsNotShownError(indicator.id)
    measure = indicator.measure
    is_ratio = measure.denominator is not None
    #: The family of the rows: that of the denominator, where the numerator refers to it.
    family = measure.terms[-1].family
    parameters: dict[str, object] = {
        "before": known_before(known_on),
        "until": until.toordinal(),
        "limit": limit,
        "offset": offset,
    }
    chosen = _PARTS[part] if is_ratio or part != "missing" else "FALSE"
    order, days = _MISSING_FIRST if is_ratio else _BY_NAME, "(TRUE, $until)"
    if since is not None:
        chosen, order, days = _CHANGED, _LARGEST_FIRST, "(FALSE, $since), (TRUE, $until)"
        parameters["since"] = since.toordinal()
    where = "TRUE"
    if department is not None:
        where = "department = $department"
        parameters["department"] = department
    elif not measure.additive:
        # An observation of a département is not part of the observation of the Région.
        where = "department IS NULL"
    name, names = "NULL AS name, NULL AS sorted", ""
    named, by_subject = _namesake(family)
    if named is not None:
        name = "definition.name, definition.sorted"
        key = "amounts.subject" if by_subject else "amounts.entity"
        names = _NAMES.format(visible=VISIBLE, key=key)
        parameters |= {"named": named, "family": family.value}
    tables, parts = [], []
    for position, term in enumerate(measure.terms):
        prefix = f"term{position}_"
        compiled = term_sql(term, prefix)
        tables.append(compiled.tables)
        refers = _refers(term, family)
        of = family if refers else term.family
        parameters |= {**compiled.parameters, f"{prefix}of": of.value}
        entity = "subject, NULL, entity" if refers else "entity, subject, NULL"
        amounts = "amount, NULL" if position == 0 else "NULL, amount"
        parts.append(
            _PART.format(key=f"${prefix}of, {entity}", amounts=amounts, term=prefix, where=where)
        )
    sql = _EVIDENCE.format(
        tables=", ".join(tables),
        days=days,
        parts=" UNION ALL ".join(parts),
        chosen=chosen,
        name=name,
        names=names,
        order=order,
    )
    found = ledger.query(sql, parameters)
    entities, numerator, denominator = found[0][:3]
    rows = tuple(_row(measure.numerator, is_ratio, *row[3:]) for row in found if row[3] is not None)
    return Evidence(rows, entities, numerator, denominator if is_ratio else None)


def events_of(
    ledger: EventLedger,
    family: Family,
    entity: str,
    known_on: date | None = None,
    *,
    limit: int = 50,
    offset: int = 0,
) -> EntityEvents:
    """Return the events of an entity that were known at the end of a day (UTC), newest first.

    Raises `PersonsNotShownError`.
    """
    if family.about_persons:
        raise PersonsNotShownError(family.value)
    parameters = {"family": family.value, "entity": entity, "before": known_before(known_on)}
    with ledger.snapshot() as query:
        ((events, subject),) = query(_EVENT_COUNT, parameters)
        rows = query(_EVENTS, {**parameters, "limit": limit, "offset": offset})
        named, by_subject = _namesake(family)
        called = {**parameters, "family": named, "entity": subject if by_subject else entity}
        ((name,),) = query(_NAME.format(visible=VISIBLE), called)
    found = tuple(_event(family, *row) for row in rows)
    return EntityEvents(EntityKey(family, entity), name, found, events)


def _event(family: Family, *row: Any) -> EntityEvent:
    """Return a row of `_EVENTS` as it is shown."""
    kind, fact, source, name, day, time, recorded, partition, offset, content, latest, copied = row
    if latest:
        state: EventState = "retraction" if content is None else "counts"
    else:
        state = "duplicate" if copied else "superseded"
    return EntityEvent(
        type=kind,
        fact=fact,
        source=source,
        id=name,
        effective_day=date.fromordinal(day),
        time=moment_of(time),
        recorded_at=moment_of(recorded * 1000),
        topic=topic_name(family),
        partition=partition,
        offset=offset,
        content=None if content is None else json.loads(content),
        state=state,
    )


def _row(numerator: Term, is_ratio: bool, *row: Any) -> EvidenceRow:  # noqa: FBT001 - of a query
    family, entity, name, department, over, under, over_before, under_before, since, sources = row
    key = EntityKey(Family(family), entity)
    return EvidenceRow(
        key=key,
        name=name,
        department=department,
        numerator=over,
        denominator=under if is_ratio else None,
        numerator_before=over_before,
        denominator_before=under_before if is_ratio else None,
        since=date.fromordinal(since),
        sources=(key, *(EntityKey(numerator.family, one) for one in sources or ())),
    )


def _refers(term: Term, family: Family) -> bool:
    """Return whether the entities of a term refer to those of another family."""
    reference = REFERENCES.get(term.family)
    return term.family is not family and reference is not None and reference.family is family


def _namesake(family: Family) -> tuple[str | None, bool]:
    """Return the family whose events name an entity, and whether they name what it refers to."""
    named = {FACTS_BY_NAME[fact].FAMILY for fact in NAME_FIELDS}
    if family in named:
        return family.value, False
    reference = REFERENCES.get(family)
    if reference is not None and reference.family in named:
        return reference.family.value, True
    return None, False
