"""A term of the catalogue as a query of the event ledger: what each entity adds to it on a day.

The SQL text is this module's own; the catalogue's values are parameters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from catalogue.terms import FREQUENCY_DAYS, Expiry, Term, TermMode
from catalogue.vocabulary import DEPARTMENT, fields_of, resolve_field
from events.registry import facts_of
from report.ledger import VISIBLE

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
    WHERE family = ${name}family AND {dated} AND {visible} AND content IS NOT NULL
        AND {only}
) AS held
JOIN (VALUES {named}) AS named (fact, position, counts) ON held.fact = named.fact
{definitions}
"""

# What an entity's facts lack is taken from its defining fact on that fact's latest day.
_DEFINITIONS: Final = """
LEFT JOIN (
    SELECT entity, arg_max(content, day) AS content, arg_max(department, day) AS department
    FROM event
    WHERE family = ${name}family AND fact = ${name}defining AND {visible} AND content IS NOT NULL
    GROUP BY entity
) AS definition ON definition.entity = held.entity
"""

# The day of the entity's next record, which takes the place of this one.
_FOLLOWING: Final = """
lead(held.day) OVER (PARTITION BY held.entity ORDER BY {order})
"""

#: Of one fact an entity has one record a day: to compare texts would take half of the time.
_BY_DAY: Final = "held.day"
#: Where two facts of an entity are equal in all that orders them, the one named later is the next.
_BY_TIME: Final = "held.day, held.time, held.source, held.id, named.position"

_COUNTED: Final = """
SELECT entity, subject, department, coalesce(amount, 0) AS amount, day, later
FROM ({seen}) CROSS JOIN (VALUES {days}) AS asked (later, as_of)
WHERE counts AND wanted AND day <= as_of
    AND coalesce(following > as_of, TRUE) AND coalesce(as_of - day <= lifetime, TRUE)
    AND {among}
"""

# Another term counts the entity on that day.
_AMONG: Final = """
(entity, later) IN (
    SELECT entity, later
    FROM ({members}) CROSS JOIN (VALUES {days}) AS asked (later, as_of)
    WHERE counts AND day <= as_of AND coalesce(following > as_of, TRUE)
)
"""

# Each record that counts does so from its day until it expires or, in a term that replaces, until
# the entity's next record, whether that counts or only ends. Where that is on the same day, it
# never does.
_COURSE: Final = """
WITH seen AS MATERIALIZED ({seen}), span AS (
    SELECT
        entity, department, day, {parts},
        least(coalesce(following, {never}), coalesce(day + lifetime + 1, {never})) AS ends
    FROM seen
    WHERE counts AND wanted AND coalesce(following > day, TRUE)
){common_spans}, step AS (
    SELECT department, category, day, amount FROM {spans}
    UNION ALL
    SELECT department, category, ends, -amount FROM {spans} WHERE ends < {never}
)
SELECT department, category, day, sum(amount) FROM step GROUP BY ALL HAVING sum(amount) <> 0
UNION ALL
SELECT DISTINCT department, NULL, day, NULL FROM {read}
"""

# The parts of the spans in which another term counts the entity too.
_COMMON_SPANS: Final = """, member AS MATERIALIZED ({members}), common AS (
    SELECT
        span.department, span.category, span.amount, greatest(span.day, member.day) AS day,
        least(ends, coalesce(following, {never})) AS ends
    FROM span JOIN member USING (entity)
    WHERE counts AND greatest(span.day, member.day) < least(ends, coalesce(following, {never}))
)"""

_READ: Final = "(SELECT department, day FROM seen UNION ALL SELECT department, day FROM member)"

_ONE_PART: Final = "category, coalesce(amount, 0) AS amount"
_PART_BY_KEY: Final = """
unnest(map_keys(amount)) AS category, unnest(map_values(amount)) AS amount
"""

#: Later than any day.
_NEVER: Final = 10**7


class TermSql(NamedTuple):
    """A query and its parameters, without those of the days.

    Its rows are the records that count on each day: `entity`, `subject` (the entity of another
    family that it refers to), `department`, `amount`, `day` (its own), and `later`, which is true
    for the second of two days. Where the term adds up, an entity may have several on a day.
    """

    sql: str
    parameters: Mapping[str, object]


def term_sql(term: Term, name: str, days: Sequence[str], *, only: str = "TRUE") -> TermSql:
    """Compile a term for the days in one or two parameters, as known before the parameter `before`.

    `name` begins the names of its own parameters, so that a query may hold several terms. `only` is
    a condition that restricts the entities.
    """
    fields = _Fields(term, name)
    dated = f"day <= greatest({', '.join(f'${day}' for day in days)})"
    seen = fields.seen(amount=fields.total(), dated=dated, only=only, department=term.facts)
    asked = ", ".join(f"({later > 0}, ${day})" for later, day in enumerate(days))
    among = "TRUE"
    if term.among is not None:
        members = fields.members(term.among, dated=dated, only=only)
        among = _AMONG.format(members=members, days=asked)
    return TermSql(_COUNTED.format(seen=seen, days=asked, among=among), fields.parameters)


def course_sql(term: Term, name: str) -> TermSql:
    """Compile a term for all days, as known before the parameter `before`.

    Its rows are the steps of the figure, `(department, category, day, amount)`: by how much it
    changes on a day; and, with amount and category NULL, the days of the term's facts.
    """
    fields = _Fields(term, name)
    by_key = term.breakdown is not None and fields.is_mapping
    category = "''"
    if term.breakdown is not None and not by_key:
        category = fields.text(term.breakdown)
    seen = fields.seen(
        amount=fields.by_key() if by_key else fields.total(),
        category=category,
        department=(*term.facts, *term.unless),
    )
    common_spans, spans, read = "", "span", "seen"
    if term.among is not None:
        members = fields.members(term.among)
        common_spans = _COMMON_SPANS.format(members=members, never=_NEVER)
        spans, read = "common", _READ
    course = _COURSE.format(
        seen=seen,
        parts=_PART_BY_KEY if by_key else _ONE_PART,
        common_spans=common_spans,
        spans=spans,
        read=read,
        never=_NEVER,
    )
    return TermSql(course, fields.parameters)


def longest_lifetime(term: Term) -> int:
    """Return for how many days after its own an amount of a term may count and then end.

    0 for amounts that only another record ends.
    """
    if term.expires is None:
        return 0
    days = term.expires.days
    if term.expires.by is not None:
        days = max(days for days in FREQUENCY_DAYS.values() if days is not None)
    return (days or 0) + term.expires.grace_days + 1


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

    def seen(
        self,
        *,
        amount: str,
        department: Sequence[str],
        category: str = "''",
        dated: str = "TRUE",
        only: str = "TRUE",
    ) -> str:
        """Return the query of the term's records; `department`: the facts that need theirs."""
        term, name = self._term, self._name
        named = []
        for position, fact in enumerate((*term.facts, *term.unless)):
            self.parameters[f"{name}fact{position}"] = fact
            named.append(f"(${name}fact{position}, {position}, {position < len(term.facts)})")
        conditions = [only]
        if term.entities is not None:
            self.parameters[f"{name}entities"] = sorted(term.entities)
            conditions.append(f"list_contains(${name}entities::VARCHAR[], entity)")
        columns = {
            "department": self._department(department),
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
            dated=dated,
            visible=VISIBLE,
            only=" AND ".join(conditions),
            named=", ".join(named),
            definitions=definitions,
            following="NULL" if term.mode is not TermMode.REPLACE else self._following(),
            **columns,
        )

    def members(self, term: Term, **conditions: str) -> str:
        """Return the query of the records of another term, and add its parameters to these."""
        others = _Fields(term, f"{self._name}among_")
        seen = others.seen(amount="1", department=(*term.facts, *term.unless), **conditions)
        self.parameters |= others.parameters
        return seen

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
