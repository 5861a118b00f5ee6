"""A term of the catalogue as SQL questions, and their answers.

One is about a single day: what a term comes to, counted of the records that count on that day. The
other is about all days up to it: from when until when each record counts, added up by day.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final, NamedTuple

from catalogue.terms import FREQUENCY_DAYS, Expiry, Term, TermMode
from operations.audit.ledger import Ledger

__all__ = [
    "TermHistory",
    "TermQuery",
    "TermResult",
    "course",
    "evaluate",
    "last",
    "question",
    "total",
]

# SQLite adds up to 2^63 and fails beyond: a million of the largest amounts. In two parts it does
# not, for as many rows as it can hold.
_WHOLE: Final = 10**9

# `named` are the term's facts in their order; those that count, then those that only end. Where
# two facts of an entity tie in all that orders them, the one named later wins.
_AMOUNTS: Final = """
WITH named (fact, place, counts) AS (VALUES {named}), seen AS (
    SELECT *, row_number() OVER (
        PARTITION BY entity ORDER BY day DESC, time DESC, source DESC, id DESC, place DESC
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
WITH named (fact, place, counts) AS (VALUES {named}), seen AS (
    SELECT *, lead(day) OVER (
        PARTITION BY entity ORDER BY day, time, source, id, place
    ) AS following
    FROM named CROSS JOIN cell USING (fact)
    WHERE {concerned}
), span AS (
    SELECT department, day, min({replaced}, {expired}) AS until, ({amount}) AS amount
    FROM {rows}
    WHERE {conditions}
), step AS (
    SELECT department, day, amount FROM span WHERE until > day
    UNION ALL
    SELECT department, until, -amount FROM span WHERE until > day AND until <= :as_of
)
SELECT department, day, sum(amount / {whole}), sum(amount % {whole})
FROM step
GROUP BY 1, 2
"""

_DAYS: Final = """
WITH named (fact, place, counts) AS (VALUES {named})
SELECT DISTINCT department, day
FROM named CROSS JOIN cell USING (fact)
WHERE {concerned}
"""

#: Later than any day.
_NEVER: Final = 10**7

_REPORTS: Final = """
WITH named (fact, place, counts) AS (VALUES {named})
SELECT department, max(day)
FROM named CROSS JOIN cell USING (fact)
WHERE {concerned}
GROUP BY 1
"""

Place = str | None
"""A département's code, or None where the entity names none."""


class TermQuery(NamedTuple):
    """An SQL statement and what is bound to it; `:as_of` (an ordinal) is still to be given."""

    sql: str
    parameters: Mapping[str, str | int]


class TermResult(NamedTuple):
    """What a term comes to on a day, by the place of each record that counts.

    `amounts` are its amounts, `categories` their parts by category where the term has a breakdown,
    `reports` the last days of the facts that it looks at.
    """

    amounts: Mapping[Place, int]
    categories: Mapping[str, Mapping[Place, int]]
    reports: Mapping[Place, date]


class TermHistory(NamedTuple):
    """What a term comes to on every day up to one, by the place of each record.

    `steps` are by how much the amount changes on a day (proleptic ordinal), `reports` the days of
    the facts that it looks at.
    """

    steps: Mapping[Place, Mapping[int, int]]
    reports: Mapping[Place, frozenset[int]]


def total(amounts: Mapping[Place, int], department: Place, *, additive: bool = True) -> int:
    """The amount of a département; None: of the whole region, whether placed or not.

    The region's is its own, that of what has no place, where the measure is not additive.
    """
    if department is None and additive:
        return sum(amounts.values())
    return amounts.get(department, 0)


def last(reports: Mapping[Place, date], department: Place, *, additive: bool = True) -> date | None:
    """The last report of a département; None: of the whole region, as in `total`."""
    if department is None and additive:
        return max(reports.values(), default=None)
    return reports.get(department)


def evaluate(ledger: Ledger, term: Term, as_of: date) -> TermResult:
    """Answer what a term comes to on a day, from the cells that the ledger has settled."""
    asked = question(term)
    amounts: defaultdict[Place, int] = defaultdict(int)
    categories: defaultdict[str, dict[Place, int]] = defaultdict(dict)
    for department, category, wholes, rest in _ask(ledger, asked, as_of):
        amount = wholes * _WHOLE + rest
        amounts[department] += amount
        if category is not None:
            categories[category][department] = amount
    last_days = _REPORTS.format(named=_named(term), concerned=_concerned(term))
    reported = _ask(ledger, asked._replace(sql=last_days), as_of)
    reports = {department: date.fromordinal(day) for department, day in reported}
    return TermResult(amounts, categories, reports)


def course(ledger: Ledger, term: Term, as_of: date) -> TermHistory:
    """Answer what a term came to on every day up to one, from the cells that are settled."""
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
        whole=_WHOLE,
    )
    steps: defaultdict[Place, dict[int, int]] = defaultdict(dict)
    for department, day, wholes, rest in _ask(ledger, TermQuery(sql, parts.parameters), as_of):
        steps[department][day] = wholes * _WHOLE + rest
    reports: defaultdict[Place, set[int]] = defaultdict(set)
    days = _DAYS.format(named=_named(term), concerned=_concerned(term))
    for department, day in _ask(ledger, TermQuery(days, parts.parameters), as_of):
        reports[department].add(day)
    return TermHistory(steps, {place: frozenset(days) for place, days in reports.items()})


def question(term: Term) -> TermQuery:
    """Compile a term. Only our own words enter the SQL; the catalogue's values are bound."""
    parts = _parts(term)
    conditions = ["counts", *parts.conditions]
    if term.mode is TermMode.REPLACE:
        conditions.append("age = 1")
    if term.expires is not None:
        conditions.append(f"coalesce(:as_of - day <= {_lifetime(term.expires)}, TRUE)")
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
    """What both questions about a term have in common."""

    rows: str
    amount: str
    conditions: list[str]
    parameters: Mapping[str, str | int]


def _parts(term: Term) -> _QueryParts:
    parameters: dict[str, str | int] = {
        f"fact{at}": name for at, name in enumerate((*term.facts, *term.unless))
    }
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


def _ask(ledger: Ledger, asked: TermQuery, as_of: date) -> Iterator[Any]:
    return ledger.database.execute(asked.sql, {**asked.parameters, "as_of": as_of.toordinal()})


def _named(term: Term) -> str:
    counting = [True] * len(term.facts) + [False] * len(term.unless)
    return ", ".join(f"(:fact{at}, {at}, {counts})" for at, counts in enumerate(counting))


def _entities(term: Term) -> list[str]:
    return sorted(term.entities or ())


def _concerned(term: Term) -> str:
    """The condition that a cell is of a day up to the one asked for, and of a term's entity."""
    if term.entities is None:
        return "day <= :as_of"
    listed = ", ".join(f":entity{at}" for at, _ in enumerate(_entities(term)))
    # The plus keeps SQLite from looking all entities up by their days: it does not know how few
    # cells these have.
    return f"+day <= :as_of AND entity IN ({listed})"


def _field(name: str) -> str:
    """The JSON of a record's field: its own, or the one it borrows."""
    if not name.isidentifier():
        raise ValueError(name)
    return f"coalesce(content -> '$.{name}', borrowed -> '$.{name}')"


def _text(name: str) -> str:
    """A field as the catalogue writes its values: `77`, `true`; closed values hold no quotes."""
    return f"trim({_field(name)}, '\"')"


def _lifetime(expiry: Expiry) -> str:
    """How many days after its own an amount still counts; NULL where it always does."""
    if expiry.by is None:
        return str((expiry.days or 0) + expiry.grace_days)
    spans = " ".join(
        f"WHEN '{frequency}' THEN {days + expiry.grace_days}"
        for frequency, days in FREQUENCY_DAYS.items()
        if days is not None
    )
    return f"CASE {_text(expiry.by)} {spans} END"
