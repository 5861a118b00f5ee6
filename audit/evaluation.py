"""A term of the catalogue as SQL queries, and their results.

One is of a single day: the amount of the records that count on that day. The other is of all days
up to it: from when until when each record counts, added up by day.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final, NamedTuple

from audit.fact_numbers import FACT_NUMBERS
from audit.ledger import Ledger
from catalogue.terms import FREQUENCY_DAYS, Expiry, Term, TermMode

# SQLite adds up to 2^63 and fails beyond: a million of the largest amounts. In two parts it does
# not, for as many rows as it can hold.
_WHOLE: Final = 10**9

# `named` are the term's facts in their order; those that count, then those that only end. Where
# two facts of an entity tie in all that orders them, the one named later wins.
_AMOUNTS: Final = """
WITH named (fact, position, counts) AS (VALUES {named}), seen AS (
    SELECT *, row_number() OVER (
        PARTITION BY entity ORDER BY day DESC, time DESC, source DESC, id DESC, position DESC
    ) AS age
    FROM named CROSS JOIN cell USING (fact)
    WHERE {concerned}
)
SELECT department, {category}, sum(({amount}) / {whole}), sum(({amount}) % {whole})
FROM {rows}
WHERE {conditions}
GROUP BY 1, 2
"""

# Each record that counts does so from its day until it expires or, in a term that replaces, until
# the entity's next record, whether that counts or only ends. 0 days are none.
_STEPS: Final = """
WITH named (fact, position, counts) AS (VALUES {named}), seen AS (
    SELECT *, lead(day) OVER (
        PARTITION BY entity ORDER BY day, time, source, id, position
    ) AS following
    FROM named CROSS JOIN cell USING (fact)
    WHERE {concerned}
), span AS (
    SELECT
        entity, department, day, min({replaced}, {expired}) AS until, ({amount}) AS amount
    FROM {rows}
    WHERE {conditions}
){common_spans}, step AS (
    SELECT department, day, amount FROM {spans} WHERE until > day
    UNION ALL
    SELECT department, until, -amount FROM {spans} WHERE until > day AND until <= :as_of
)
SELECT department, day, sum(amount / {whole}), sum(amount % {whole})
FROM step
GROUP BY 1, 2
"""

# The entities that another term counts on the day: their last record there counts.
_AMONG: Final = """
entity IN (
    WITH named (fact, position, counts) AS (VALUES {named}), member AS (
        SELECT entity, counts, row_number() OVER (
            PARTITION BY entity ORDER BY day DESC, time DESC, source DESC, id DESC, position DESC
        ) AS age
        FROM named CROSS JOIN cell USING (fact)
        WHERE day <= :as_of
    )
    SELECT entity FROM member WHERE age = 1 AND counts
)
"""

# The parts of the spans in which another term counts the entity too.
_COMMON_SPANS: Final = """, other (fact, position, counts) AS (VALUES {named}), member AS (
    SELECT entity, counts, day, lead(day) OVER (
        PARTITION BY entity ORDER BY day, time, source, id, position
    ) AS following
    FROM other CROSS JOIN cell USING (fact)
    WHERE day <= :as_of
), common AS (
    SELECT
        entity, department, max(span.day, member.day) AS day,
        min(until, coalesce(following, {never})) AS until, amount
    FROM span JOIN member USING (entity)
    WHERE member.counts
)"""

_DAYS: Final = """
WITH named (fact, position, counts) AS (VALUES {named})
SELECT DISTINCT department, day
FROM named CROSS JOIN cell USING (fact)
WHERE {concerned}
"""

#: Later than any day.
_NEVER: Final = 10**7

_REPORTS: Final = """
WITH named (fact, position, counts) AS (VALUES {named})
SELECT department, max(day)
FROM named CROSS JOIN cell USING (fact)
WHERE {concerned}
GROUP BY 1
"""

DepartmentCode = str | None
"""A département's code, or None where the entity has none."""


class TermQuery(NamedTuple):
    """An SQL statement and its parameters, without `:as_of` (an ordinal)."""

    sql: str
    parameters: Mapping[str, str | int]


class TermResult(NamedTuple):
    """The result of a term on a day, by the département of each record that counts.

    `amounts` are its amounts, `categories` their parts by category where the term has a breakdown,
    `reports` the last days of its facts.
    """

    amounts: Mapping[DepartmentCode, int]
    categories: Mapping[str, Mapping[DepartmentCode, int]]
    reports: Mapping[DepartmentCode, date]


class TermHistory(NamedTuple):
    """The result of a term on every day up to one, by the département of each record.

    `steps` are by how much the amount changes on a day (proleptic ordinal), `reports` the days of
    its facts.
    """

    steps: Mapping[DepartmentCode, Mapping[int, int]]
    reports: Mapping[DepartmentCode, frozenset[int]]


def total(
    amounts: Mapping[DepartmentCode, int], department: DepartmentCode, *, additive: bool = True
) -> int:
    """Return the amount of a département; None: of the whole region.

    The region's is the sum where the measure is additive, else that of what has no département.
    """
    if department is None and additive:
        return sum(amounts.values())
    return amounts.get(department, 0)


def last(
    reports: Mapping[DepartmentCode, date], department: DepartmentCode, *, additive: bool = True
) -> date | None:
    """Return the last report of a département; None: of the whole region, as in `total`."""
    if department is None and additive:
        return max(reports.values(), default=None)
    return reports.get(department)


def evaluate(ledger: Ledger, term: Term, as_of: date) -> TermResult:
    """Return the result of a term on a day, from the cells that the ledger has settled."""
    query = query_of(term)
    amounts: defaultdict[DepartmentCode, int] = defaultdict(int)
    categories: defaultdict[str, dict[DepartmentCode, int]] = defaultdict(dict)
    for department, category, wholes, rest in _run(ledger, query, as_of):
        amount = wholes * _WHOLE + rest
        amounts[department] += amount
        if category is not None:
            categories[category][department] = amount
    last_days = _REPORTS.format(named=_read(term), concerned=_concerned(term))
    reported = _run(ledger, query._replace(sql=last_days), as_of)
    reports = {department: date.fromordinal(day) for department, day in reported}
    return TermResult(amounts, categories, reports)


def course(ledger: Ledger, term: Term, as_of: date) -> TermHistory:
    """Return the result of a term on every day up to one, from the settled cells."""
    parts = _parts(term)
    expired = "NULL" if term.expires is None else f"day + {_lifetime(term.expires)} + 1"
    sql = _STEPS.format(
        named=_named(term),
        concerned=_concerned(term),
        replaced=f"coalesce(following, {_NEVER})" if term.mode is TermMode.REPLACE else _NEVER,
        expired=f"coalesce({expired}, {_NEVER})",
        amount=parts.amount,
        rows=parts.rows,
        conditions=" AND ".join(["counts", *parts.conditions]),
        common_spans=""
        if term.among is None
        else _COMMON_SPANS.format(named=_named(term.among, "among"), never=_NEVER),
        spans="span" if term.among is None else "common",
        whole=_WHOLE,
    )
    steps: defaultdict[DepartmentCode, dict[int, int]] = defaultdict(dict)
    for department, day, wholes, rest in _run(ledger, TermQuery(sql, parts.parameters), as_of):
        steps[department][day] = wholes * _WHOLE + rest
    reports: defaultdict[DepartmentCode, set[int]] = defaultdict(set)
    days = _DAYS.format(named=_read(term), concerned=_concerned(term))
    for department, day in _run(ledger, TermQuery(days, parts.parameters), as_of):
        reports[department].add(day)
    return TermHistory(steps, {code: frozenset(days) for code, days in reports.items()})


def query_of(term: Term) -> TermQuery:
    """Compile a term. The SQL text is ours alone; the catalogue's values are parameters."""
    parts = _parts(term)
    conditions = ["counts", *parts.conditions]
    if term.mode is TermMode.REPLACE:
        conditions.append("age = 1")
    if term.expires is not None:
        conditions.append(f"coalesce(:as_of - day <= {_lifetime(term.expires)}, TRUE)")
    if term.among is not None:
        conditions.append(_AMONG.format(named=_named(term.among, "among")))
    category = "NULL"
    if term.breakdown is not None:
        category = "part.key" if term.breakdown == term.amount else _text(term.breakdown)
    sql = _AMOUNTS.format(
        named=_named(term),
        concerned=_concerned(term),
        category=category,
        amount=parts.amount,
        whole=_WHOLE,
        rows=parts.rows,
        conditions=" AND ".join(conditions),
    )
    return TermQuery(sql, parts.parameters)


class _QueryParts(NamedTuple):
    """The common parts of both queries of a term."""

    rows: str
    amount: str
    conditions: list[str]
    parameters: Mapping[str, str | int]


def _parts(term: Term) -> _QueryParts:
    parameters: dict[str, str | int] = _facts(term, "fact")
    if term.among is not None:
        parameters |= _facts(term.among, "among")
    parameters |= {f"entity{at}": entity for at, entity in enumerate(_entities(term))}
    conditions = []
    for at, (field, values) in enumerate(term.where):
        wanted = {f"value{at}_{each}": value for each, value in enumerate(sorted(values))}
        parameters |= wanted
        listed = ", ".join(f":{name}" for name in wanted)
        conditions.append(f"{_text(field)} IN ({listed})")
    if term.amount is None:
        return _QueryParts("seen", "1", conditions, parameters)
    # json_each gives a plain number one row, and a mapping one row for each of its keys.
    rows = f"seen, json_each({_field(term.amount)}) AS part"
    return _QueryParts(rows, "part.value", conditions, parameters)


def _run(ledger: Ledger, query: TermQuery, as_of: date) -> Iterator[Any]:
    return ledger.database.execute(query.sql, {**query.parameters, "as_of": as_of.toordinal()})


def _facts(term: Term, name: str) -> dict[str, str | int]:
    """Return the parameters of a term's own facts, which begin with `name`."""
    own = (*term.facts, *term.unless)
    return {f"{name}{at}": FACT_NUMBERS[fact] for at, fact in enumerate(own)}


def _named(term: Term, name: str = "fact") -> str:
    counting = [True] * len(term.facts) + [False] * len(term.unless)
    return ", ".join(f"(:{name}{at}, {at}, {counts})" for at, counts in enumerate(counting))


def _read(term: Term) -> str:
    """Return the facts that a term depends on: all of them are its reports."""
    own = _named(term)
    return own if term.among is None else f"{own}, {_named(term.among, 'among')}"


def _entities(term: Term) -> list[str]:
    return sorted(term.entities or ())


def _concerned(term: Term) -> str:
    """Return the condition that a cell is of a day up to `as_of`, and of a term's entity."""
    if term.entities is None:
        return "day <= :as_of"
    listed = ", ".join(f":entity{at}" for at, _ in enumerate(_entities(term)))
    return f"day <= :as_of AND entity IN ({listed})"


def _field(name: str) -> str:
    """Return the SQL of a record's field: its own, or the borrowed one."""
    if not name.isidentifier():
        raise ValueError(name)
    return f"coalesce(content -> '$.{name}', borrowed -> '$.{name}')"


def _text(name: str) -> str:
    """Return the SQL of a field as the catalogue writes its values: `77`, `true`."""
    return f"trim({_field(name)}, '\"')"


def _lifetime(expiry: Expiry) -> str:
    """Return the SQL of how many days an amount counts after its own; NULL: always."""
    if expiry.by is None:
        return str((expiry.days or 0) + expiry.grace_days)
    spans = " ".join(
        f"WHEN '{frequency}' THEN {days + expiry.grace_days}"
        for frequency, days in FREQUENCY_DAYS.items()
        if days is not None
    )
    return f"CASE {_text(expiry.by)} {spans} END"
