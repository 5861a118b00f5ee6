"""The evidence of a figure: the entities behind it, what changed it, and the events of each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from boundary.errors import SmartRegionError
from catalogue.model import Indicator
from catalogue.publication import counts_persons
from catalogue.terms import Measure, Term
from events.fact import Family
from events.record_rules import known_before
from events.registry import FACTS_BY_NAME
from events.topics import topic_name
from report.ledger import VISIBLE, EventLedger, LedgerSnapshot
from report.term_sql import longest_lifetime, term_sql
from report.words import NAME_FIELDS, REFERENCES, EntityKey
from streams.state import moment_of

EvidencePart: TypeAlias = Literal["all", "counted", "missing"]
Standing: TypeAlias = Literal["counts", "superseded", "duplicate", "retraction"]


class PersonsNotShownError(SmartRegionError):
    """The entities of an indicator or a family are persons, and are not shown."""

    def __init__(self, subject: str) -> None:
        super().__init__(f"{subject}: is about persons, who are shown as published counts only")


@dataclass(frozen=True, slots=True)
class EntityContribution:
    """What an entity adds to a figure in one département.

    `denominator` is None where the measure has none. `since` is the effective day of the record
    that the numerator's amount comes from (in a measure that adds up, the latest of them); where
    the numerator has none, the denominator's. `sources` are the entities whose events the amounts
    come from: the entity itself, and what refers to it (the deliveries of a lycée).
    """

    key: EntityKey
    name: str | None
    department: str | None
    numerator: int
    denominator: int | None
    since: date
    sources: tuple[EntityKey, ...]


@dataclass(frozen=True, slots=True)
class ContributionPage:
    """Some of the entities behind a figure; `entities` is how many the part has in all.

    `numerator` and `denominator` are the sums of all entities of the figure, whatever the part: its
    reading.
    """

    rows: tuple[EntityContribution, ...]
    entities: int
    numerator: int
    denominator: int | None


@dataclass(frozen=True, slots=True)
class ChangedEntity:
    """An entity whose amounts differ between two days; denominators None as in contributions."""

    key: EntityKey
    name: str | None
    department: str | None
    numerator_before: int
    numerator_after: int
    denominator_before: int | None
    denominator_after: int | None
    sources: tuple[EntityKey, ...]


@dataclass(frozen=True, slots=True)
class ChangePage:
    """Some of the entities that changed a figure; `entities` is how many did.

    `numerator` and `denominator` are by how much all of them changed it.
    """

    rows: tuple[ChangedEntity, ...]
    entities: int
    numerator: int
    denominator: int | None


@dataclass(frozen=True, slots=True)
class EntityEvent:
    """One event of an entity, with its place in the topic.

    `content` is None for a retraction. `standing` says what it does now: it is the latest of its
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
    standing: Standing


@dataclass(frozen=True, slots=True)
class EntityEventPage:
    """Some events of an entity, newest first; `events` is how many it has."""

    key: EntityKey
    name: str | None
    rows: tuple[EntityEvent, ...]
    events: int


#: Which rows are in a part; `numerator` and `denominator` are an entity's amounts.
_PARTS: Final[Mapping[EvidencePart, str]] = {
    "all": "TRUE",
    "counted": "numerator <> 0",
    "missing": "numerator < denominator",
}

_CONTRIBUTIONS: Final = """
WITH part ({columns}) AS ({parts}), amounts AS MATERIALIZED (
    SELECT
        family, entity, department, max(subject) AS subject,
        coalesce(sum(numerator), 0) AS numerator, {denominator} AS denominator,
        coalesce(
            max(day) FILTER (WHERE numerator <> 0), max(day) FILTER (WHERE denominator <> 0),
            max(day)
        ) AS since
    FROM part
    GROUP BY family, entity, department
), totals AS (
    SELECT
        count(*) FILTER (WHERE {chosen}) AS entities,
        coalesce(sum(numerator), 0) AS numerators, {denominators} AS denominators
    FROM amounts
), named AS (
    SELECT amounts.*, {name} FROM amounts {names} WHERE {chosen}
), page AS (
    SELECT *, row_number() OVER (ORDER BY {order}) AS place
    FROM (SELECT * FROM named ORDER BY {order} LIMIT $limit OFFSET $offset)
)
SELECT
    entities, numerators, denominators,
    family, entity, name, department, numerator, denominator, since
FROM totals LEFT JOIN page ON TRUE
ORDER BY place
"""

_CHANGES: Final = """
WITH moved (entity) AS MATERIALIZED ({moved}),
part ({columns}) AS ({parts}),
amounts AS MATERIALIZED (
    SELECT
        family, entity, department, max(subject) AS subject,
        coalesce(sum(numerator) FILTER (WHERE NOT later), 0) AS numerator_before,
        coalesce(sum(numerator) FILTER (WHERE later), 0) AS numerator_after,
        coalesce(sum(denominator) FILTER (WHERE NOT later), 0) AS denominator_before,
        coalesce(sum(denominator) FILTER (WHERE later), 0) AS denominator_after
    FROM part
    GROUP BY family, entity, department
    HAVING numerator_before <> numerator_after OR denominator_before <> denominator_after
), totals AS (
    SELECT
        count(*) AS entities,
        coalesce(sum(numerator_after - numerator_before), 0) AS numerators,
        coalesce(sum(denominator_after - denominator_before), 0) AS denominators
    FROM amounts
), named AS (
    SELECT
        amounts.*, {name},
        abs(numerator_after - numerator_before)
            + abs(denominator_after - denominator_before) AS size
    FROM amounts {names}
), page AS (
    SELECT *, row_number() OVER (ORDER BY {order}) AS place
    FROM (SELECT * FROM named ORDER BY {order} LIMIT $limit OFFSET $offset)
)
SELECT
    entities, numerators, denominators,
    family, entity, name, department,
    numerator_before, numerator_after, denominator_before, denominator_after
FROM totals LEFT JOIN page ON TRUE
ORDER BY place
"""

_COLUMNS: Final = "family, entity, subject, department, day, numerator, denominator, later"

_BY_NAME: Final = "department NULLS LAST, sorted NULLS LAST, entity, family"
_MISSING_FIRST: Final = f"(numerator < denominator) DESC, {_BY_NAME}"
_LARGEST_FIRST: Final = f"size DESC, {_BY_NAME}"

_PART: Final = """
SELECT {family}, {entity}, department, day, {amounts}, later FROM ({rows}) WHERE {where}
"""

# An amount changes on the day of a record, and on the day after it has expired.
_MOVED: Final = """
SELECT {entity} FROM event
WHERE family = ${name}family AND {visible}
    AND day > least($since, $until) - ${name}lasts AND day <= greatest($since, $until)
"""

_MOVED_ENTITY: Final = "entity IN (SELECT entity FROM moved)"

# The facts of an entity may refer to one after the other: all its records are read.
_MOVED_SUBJECT: Final = """
entity IN (
    SELECT entity FROM event
    WHERE family = ${name}family AND subject IN (SELECT entity FROM moved)
)
"""

_OF_SUBJECTS: Final = """
entity IN (
    SELECT entity FROM event
    WHERE family = ${name}family AND list_contains($subjects::VARCHAR[], subject)
)
"""

_REFERRING: Final = """
SELECT DISTINCT subject, entity FROM ({rows}) WHERE list_contains($subjects::VARCHAR[], subject)
"""

# A name is that of the entity's definition on its latest day.
_NAMES: Final = """
LEFT JOIN (
    SELECT entity, arg_max(name, day) AS name, arg_max(sorted, day) AS sorted
    FROM event
    WHERE family = $named AND name IS NOT NULL AND {visible} AND content IS NOT NULL
    GROUP BY entity
) AS definition ON definition.entity = {key} AND amounts.family = $of_rows
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


def contributions(  # noqa: PLR0913 - the figure, the days and the page, by name
    ledger: EventLedger,
    indicator: Indicator,
    department: str | None,
    as_of: date,
    known_on: date | None = None,
    *,
    part: EvidencePart = "all",
    limit: int = 50,
    offset: int = 0,
) -> ContributionPage:
    """Return the entities behind a figure on a day, as known at the end of another (UTC).

    Those missing come first: they are in the denominator, and not or not fully in the numerator. A
    count misses none. Raises `PersonsNotShownError`.
    """
    _refuse_persons(indicator)
    question = _Question(indicator.measure, department, known_on, as_of=as_of)
    is_ratio = indicator.measure.denominator is not None
    sql = _CONTRIBUTIONS.format(
        columns=_COLUMNS,
        parts=question.parts,
        denominator="coalesce(sum(denominator), 0)" if is_ratio else "NULL::HUGEINT",
        denominators="coalesce(sum(denominator), 0)" if is_ratio else "NULL",
        chosen=f"coalesce({_PARTS[part]}, FALSE)",
        order=_MISSING_FIRST if is_ratio else _BY_NAME,
        name=question.name,
        names=question.names,
    )
    (entities, numerator, denominator), found = question.answered(ledger, sql, limit, offset)
    rows = tuple(
        EntityContribution(key, name, code, over, under, date.fromordinal(since), sources)
        for key, sources, (name, code, over, under, since) in found
    )
    return ContributionPage(rows, entities, numerator, denominator)


def changes(  # noqa: PLR0913 - as in contributions
    ledger: EventLedger,
    indicator: Indicator,
    department: str | None,
    since: date,
    until: date,
    known_on: date | None = None,
    *,
    limit: int = 50,
    offset: int = 0,
) -> ChangePage:
    """Return the entities whose amounts differ between two days, the largest change first.

    Raises `PersonsNotShownError`.
    """
    _refuse_persons(indicator)
    question = _Question(indicator.measure, department, known_on, since=since, until=until)
    is_ratio = indicator.measure.denominator is not None
    sql = _CHANGES.format(
        moved=question.moved,
        columns=_COLUMNS,
        parts=question.parts,
        order=_LARGEST_FIRST,
        name=question.name,
        names=question.names,
    )
    (entities, numerator, denominator), found = question.answered(ledger, sql, limit, offset)
    rows = tuple(
        ChangedEntity(
            key,
            name,
            code,
            over_before,
            over_after,
            under_before if is_ratio else None,
            under_after if is_ratio else None,
            sources,
        )
        for key, sources, (name, code, over_before, over_after, under_before, under_after) in found
    )
    return ChangePage(rows, entities, numerator, denominator if is_ratio else None)


def events_of(
    ledger: EventLedger,
    family: Family,
    entity: str,
    known_on: date | None = None,
    *,
    limit: int = 50,
    offset: int = 0,
) -> EntityEventPage:
    """Return the events of an entity that were known at the end of a day (UTC), newest first.

    Raises `PersonsNotShownError`.
    """
    if family.about_persons:
        raise PersonsNotShownError(family.value)
    key = EntityKey(family, entity)
    parameters = {"family": family.value, "entity": entity, "before": known_before(known_on)}
    with ledger.snapshot() as snapshot:
        ((events, subject),) = snapshot.query(_EVENT_COUNT, parameters)
        rows = snapshot.query(_EVENTS, {**parameters, "limit": limit, "offset": offset})
        named, by_subject = _namesake(family)
        called = {**parameters, "family": named, "entity": subject if by_subject else entity}
        ((name,),) = snapshot.query(_NAME.format(visible=VISIBLE), called)
    return EntityEventPage(key, name, tuple(_EventRow(*row).event(family) for row in rows), events)


def _refuse_persons(indicator: Indicator) -> None:
    if counts_persons(indicator):
        raise PersonsNotShownError(indicator.id)


def _namesake(family: Family) -> tuple[str | None, bool]:
    """Return the family whose events name an entity, and whether they name what it refers to."""
    reference = REFERENCES.get(family)
    if family in _NAMED:
        return family.value, False
    if reference is not None and reference.family in _NAMED:
        return reference.family.value, True
    return None, False


_NAMED: Final = frozenset(FACTS_BY_NAME[fact].FAMILY for fact in NAME_FIELDS)


class _EventRow(NamedTuple):
    """The columns of `_EVENTS`."""

    type: str
    fact: str
    source: str
    id: str
    day: int
    time: int
    recorded: int
    partition: int
    offset: int
    content: str | None
    latest: bool
    copied: bool

    @property
    def standing(self) -> Standing:
        """What the event does."""
        if self.latest:
            return "retraction" if self.content is None else "counts"
        return "duplicate" if self.copied else "superseded"

    def event(self, family: Family) -> EntityEvent:
        """Return it as it is shown."""
        return EntityEvent(
            type=self.type,
            fact=self.fact,
            source=self.source,
            id=self.id,
            effective_day=date.fromordinal(self.day),
            time=moment_of(self.time),
            recorded_at=moment_of(self.recorded * 1000),
            topic=topic_name(family),
            partition=self.partition,
            offset=self.offset,
            content=None if self.content is None else json.loads(self.content),
            standing=self.standing,
        )


class _Question:
    """The SQL of what entities add to a measure in a territory, on one day or on two."""

    def __init__(
        self,
        measure: Measure,
        department: str | None,
        known_on: date | None,
        **days: date,
    ) -> None:
        """Ask of one day, or of two: the earlier amounts are those of the first."""
        self.parameters: dict[str, object] = {"before": known_before(known_on)}
        self.parameters |= {name: day.toordinal() for name, day in days.items()}
        self._measure = measure
        self._days = tuple(days)
        self._changes = len(days) > 1
        #: The family of the rows: that of the denominator, where the numerator refers to it.
        self._family = measure.terms[-1].family
        self._where = "TRUE"
        if department is not None:
            self._where = "department = $department"
            self.parameters["department"] = department
        elif not measure.additive:
            # An observation of a département is not part of the observation of the Région.
            self._where = "department IS NULL"
        named, by_subject = _namesake(self._family)
        self.name = "NULL AS name, NULL AS sorted"
        self.names = ""
        if named is not None:
            self.name = "definition.name, definition.sorted"
            key = "amounts.subject" if by_subject else "amounts.entity"
            self.names = _NAMES.format(visible=VISIBLE, key=key)
            self.parameters |= {"named": named, "of_rows": self._family.value}

    @property
    def parts(self) -> str:
        """Return the query of the amounts on the days, of all terms."""
        parts = []
        for position, term in enumerate(self._measure.terms):
            name = f"term{position}_"
            refers = self._is_referring(term)
            only = "TRUE"
            if self._changes:
                only = _MOVED_SUBJECT if refers else _MOVED_ENTITY
            compiled = term_sql(term, name, self._days, only=only.format(name=name))
            self.parameters |= compiled.parameters
            self.parameters[f"{name}of"] = (self._family if refers else term.family).value
            parts.append(
                _PART.format(
                    family=f"${name}of",
                    entity="subject, NULL" if refers else "entity, subject",
                    amounts="amount, NULL" if position == 0 else "NULL, amount",
                    rows=compiled.sql,
                    where=self._where,
                )
            )
        return " UNION ALL ".join(parts)

    @property
    def moved(self) -> str:
        """Return the query of the entities whose rows may differ between the two days."""
        parts = []
        for position, term in enumerate(self._measure.terms):
            name = f"term{position}_"
            self.parameters[f"{name}lasts"] = longest_lifetime(term)
            entity = "subject" if self._is_referring(term) else "entity"
            parts.append(_MOVED.format(entity=entity, name=name, visible=VISIBLE))
        return " UNION ".join(parts)

    def answered(
        self, ledger: EventLedger, sql: str, limit: int, offset: int
    ) -> tuple[tuple[Any, ...], list[tuple[EntityKey, tuple[EntityKey, ...], tuple[Any, ...]]]]:
        """Return the totals of a query, and of each row its entity, its sources and its columns."""
        with ledger.snapshot() as snapshot:
            found = snapshot.query(sql, self.parameters | {"limit": limit, "offset": offset})
            keys = [EntityKey(Family(row[3]), row[4]) for row in found if row[3] is not None]
            sources = self._sources(snapshot, keys)
        rows = [
            (key, tuple(sources[key]), tuple(row[5:]))
            for key, row in zip(keys, found, strict=False)
        ]
        return tuple(found[0][:3]), rows

    def _sources(
        self, snapshot: LedgerSnapshot, keys: Iterable[EntityKey]
    ) -> Mapping[EntityKey, Sequence[EntityKey]]:
        """Return the entities whose events the amounts of these come from."""
        found = {key: [key] for key in keys}
        term = self._measure.numerator
        if not found or not self._is_referring(term):
            return found
        compiled = term_sql(term, "of_", self._days, only=_OF_SUBJECTS.format(name="of_"))
        parameters = {
            **compiled.parameters,
            **{name: self.parameters[name] for name in ("before", *self._days)},
            "subjects": [key.entity for key in found],
        }
        referring = snapshot.query(_REFERRING.format(rows=compiled.sql), parameters)
        for subject, entity in sorted(referring):
            found[EntityKey(self._family, subject)].append(EntityKey(term.family, entity))
        return found

    def _is_referring(self, term: Term) -> bool:
        reference = REFERENCES.get(term.family)
        return (
            term.family is not self._family
            and reference is not None
            and reference.family is self._family
        )
