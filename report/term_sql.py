"""A term of the catalogue as SQL on the event ledger: which records count, from when until when.

The SQL text is this module's own; the catalogue's values are parameters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from catalogue.terms import FREQUENCY_DAYS, Expiry, Term, TermMode
from catalogue.vocabulary import DEPARTMENT, fields_of, resolve_field
from events.registry import facts_of
from report.ledger import VISIBLE

NEVER: Final = 10**7
"""Later than any day: the end of what counts for ever."""

# `named` are the term's facts in their order; those that count, then those that only end. The
# fields are read before the rows are ordered, so that no content has to be sorted along.
_SEEN: Final = """
SELECT
    held.entity, held.subject, held.day, named.counts,
    {department} AS department,
    CASE WHEN named.counts THEN {amount} END AS amount,
    CASE WHEN named.counts THEN {category} END AS category,
    {wanted} AS wanted,
    {lifetime} AS lifetime,
    {following} AS following
FROM (
    SELECT * FROM event
    WHERE family = ${name}family AND {visible} AND content IS NOT NULL AND {only}
) AS held
JOIN (VALUES {named}) AS named (fact, position, counts) ON held.fact = named.fact
{definitions}
"""

# What a fact lacks is taken from its entity's definition in force on its day, or from the first.
_DEFINITIONS: Final = """
LEFT JOIN (
    SELECT
        entity, content, department,
        day, lag(day) OVER by_day AS earlier, lead(day) OVER by_day AS later
    FROM event
    WHERE family = ${name}family AND fact = ${name}defining AND {visible} AND content IS NOT NULL
    WINDOW by_day AS (PARTITION BY entity ORDER BY day)
) AS definition ON
    definition.entity = held.entity
    AND (definition.earlier IS NULL OR held.day >= definition.day)
    AND (definition.later IS NULL OR held.day < definition.later)
"""

# The day of the entity's next record, which takes the place of this one.
_FOLLOWING: Final = """
lead(held.day) OVER (PARTITION BY held.entity ORDER BY {order})
"""

#: Of one fact an entity has one record a day: to compare texts would take half of the time.
_BY_DAY: Final = "held.day"
#: Where two facts of an entity are equal in all that orders them, the one named later is the next.
_BY_TIME: Final = "held.day, held.time, held.source, held.id, named.position"

# A record counts from its day until it expires or, in a term that replaces, until the entity's next
# record, whether that counts or only ends. Where the next one is of the same day, it never counts.
_COUNTING: Final = """
{name}seen AS MATERIALIZED ({seen}), {name}counting AS (
    SELECT
        entity, subject, department, day, {parts},
        least(coalesce(following, {never}), coalesce(day + lifetime + 1, {never})) AS ends
    FROM {name}seen
    WHERE counts AND wanted AND coalesce(following > day, TRUE)
)"""

_ALONE: Final = """
{name}span AS (SELECT *, day AS since FROM {name}counting),
{name}report AS (SELECT department, day FROM {name}seen WHERE {placed})"""

# The parts of the spans in which another term counts the entity too.
_AMONG: Final = """
{name}member AS MATERIALIZED ({members}), {name}span AS (
    SELECT
        own.* REPLACE (
            greatest(own.day, member.day) AS day,
            least(ends, coalesce(following, {never})) AS ends
        ),
        own.day AS since
    FROM {name}counting AS own JOIN {name}member AS member USING (entity)
    WHERE
        counts AND greatest(own.day, member.day) < least(ends, coalesce(following, {never}))
), {name}report AS (
    FROM (FROM {name}seen UNION ALL BY NAME FROM {name}member)
    SELECT department, day WHERE {placed}
)"""

_ONE_PART: Final = "category, coalesce(amount, 0) AS amount"
_PART_BY_KEY: Final = """
unnest(map_keys(amount)) AS category, unnest(map_values(amount)) AS amount
"""


class TermSql(NamedTuple):
    """The tables of a term, to be named after `WITH`, and their parameters.

    `NAMEspan` has the records that count: `entity`, `subject` (the entity of another family that it
    refers to), `department`, `category`, `amount`, `since` (the record's day), and the days from
    `day` to before `ends` on which it counts. `NAMEreport` has `department` and `day` of each of
    the term's facts.
    """

    tables: str
    parameters: Mapping[str, object]


def term_sql(term: Term, name: str) -> TermSql:
    """Compile a term, as known before the parameter `before`.

    `name` begins the names of its tables and parameters, so that a query may hold several terms.
    """
    fields = _Fields(term, name)
    by_key = term.breakdown is not None and fields.is_mapping
    category = "''"
    if term.breakdown is not None and not by_key:
        category = fields.text(term.breakdown)
    seen = fields.seen(amount=fields.by_key() if by_key else fields.total(), category=category)
    parts = _PART_BY_KEY if by_key else _ONE_PART
    counting = _COUNTING.format(name=name, seen=seen, parts=parts, never=NEVER)
    placed = "department IS NOT NULL" if DEPARTMENT in term.needed else "TRUE"
    if term.among is None:
        spans = _ALONE.format(name=name, placed=placed)
    else:
        others = _Fields(term.among, f"{name}among_")
        members = others.seen(amount="1")
        spans = _AMONG.format(name=name, members=members, never=NEVER, placed=placed)
        fields.parameters |= others.parameters
    return TermSql(f"{counting}, {spans}", fields.parameters)


class _Fields:
    """The SQL of the records that a term reads, and of their fields."""

    def __init__(self, term: Term, name: str) -> None:
        self.parameters: dict[str, object] = {f"{name}family": term.family.value}
        self._borrows = False
        self._term = term
        self._name = name

    @property
    def is_mapping(self) -> bool:
        """True where the amount is a mapping, whose values are added up."""
        field = self._term.amount
        use = None if field is None else resolve_field(self._term.facts[0], field)
        return use is not None and use.mapping

    def seen(self, *, amount: str, category: str = "''") -> str:
        """Return the query of the term's records."""
        term, name = self._term, self._name
        named = []
        for position, fact in enumerate((*term.facts, *term.unless)):
            self.parameters[f"{name}fact{position}"] = fact
            named.append(f"(${name}fact{position}, {position}, {position < len(term.facts)})")
        only = "TRUE"
        if term.entities is not None:
            self.parameters[f"{name}entities"] = sorted(term.entities)
            only = f"list_contains(${name}entities::VARCHAR[], entity)"
        columns = {
            "department": self._department((*term.facts, *term.unless)),
            "wanted": self.wanted(),
            "lifetime": "NULL" if term.expires is None else self.lifetime(term.expires),
        }
        definitions = ""
        if self._borrows:
            self.parameters[f"{name}defining"] = facts_of(term.family)[0].NAME
            definitions = _DEFINITIONS.format(name=name, visible=VISIBLE)
        return _SEEN.format(
            name=name,
            amount=amount,
            category=category,
            visible=VISIBLE,
            only=only,
            named=", ".join(named),
            definitions=definitions,
            following="NULL" if term.mode is not TermMode.REPLACE else self._following(),
            **columns,
        )

    def _following(self) -> str:
        facts = {*self._term.facts, *self._term.unless}
        return _FOLLOWING.format(order=_BY_DAY if len(facts) == 1 else _BY_TIME)

    def total(self) -> str:
        """Return the SQL of a record's amount: 1, a number, or the sum of a mapping's numbers."""
        if self._term.amount is None:
            return "1"
        if self.is_mapping:
            return f"list_sum(map_values({self.by_key()}))"
        return f"CAST({self._json(self._term.amount)} ->> '$' AS BIGINT)"

    def by_key(self) -> str:
        """Return the SQL of an amount that is a mapping."""
        value = "NULL" if self._term.amount is None else self._json(self._term.amount)
        return f"CAST({value} AS MAP(VARCHAR, BIGINT))"

    def wanted(self) -> str:
        """Return the SQL of whether a record satisfies the term's conditions."""
        found = ["TRUE"]
        for position, (field, values) in enumerate(self._term.where):
            self.parameters[f"{self._name}values{position}"] = sorted(values)
            listed = f"${self._name}values{position}::VARCHAR[]"
            found.append(f"list_contains({listed}, {self.text(field)})")
        for field in self._term.needed:
            facts = (*self._term.facts, *self._term.unless)
            value = self._department(facts) if field == DEPARTMENT else self._json(field)
            found.append(f"{value} IS NOT NULL")
        return " AND ".join(found)

    def lifetime(self, expiry: Expiry) -> str:
        """Return the SQL of how many days after its own an amount counts; NULL: for ever."""
        if expiry.by is None:
            return str((expiry.days or 0) + expiry.grace_days)
        spans = " ".join(
            f"WHEN '{frequency}' THEN {days + expiry.grace_days}"
            for frequency, days in FREQUENCY_DAYS.items()
            if days is not None
        )
        return f"CASE {self.text(expiry.by)} {spans} END"

    def text(self, field: str) -> str:
        """Return the SQL of a field as the catalogue writes its values: `77`, `true`."""
        return f"coalesce({self._json(field)} ->> '$', '')"

    def _department(self, facts: Sequence[str]) -> str:
        """Return the SQL of the département of records of some facts; NULL where they have none."""
        if self._is_own(DEPARTMENT, facts):
            return "held.department"
        if resolve_field(facts[0], DEPARTMENT) is None:
            return "NULL::VARCHAR"
        self._borrows = True
        return "coalesce(held.department, definition.department)"

    def _json(self, field: str) -> str:
        key = next(
            (name for name, path in self.parameters.items() if path == _pointer(field)),
            f"{self._name}field{len(self.parameters)}",
        )
        self.parameters[key] = _pointer(field)
        own = f"json_extract(held.content, ${key})"
        if self._is_own(field, self._term.facts):
            return own
        self._borrows = True
        return f"coalesce({own}, json_extract(definition.content, ${key}))"

    @staticmethod
    def _is_own(field: str, facts: Sequence[str]) -> bool:
        """Return whether each of some facts has the field itself, so that none borrows it."""
        return all(field in fields_of(fact) for fact in facts)


def _pointer(field: str) -> str:
    """Return a field's JSON pointer (RFC 6901)."""
    escaped = field.replace("~", "~0").replace("/", "~1")
    return f"/{escaped}"
