"""A term of the catalogue as a query of the audit's ledger: its amounts on every day up to one."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final, NamedTuple

from audit.ledger import FACT_NUMBERS, Ledger
from catalogue.terms import FREQUENCY_DAYS, Expiry, Term, TermMode
from catalogue.vocabulary import DEPARTMENT

# SQLite adds up to 2^63 and fails beyond: a million of the largest amounts. In two parts it does
# not, for as many rows as it can hold.
_WHOLE: Final = 10**9

# `named` are the term's facts in their order; those that count, then those that only end. Where
# two facts of an entity tie in all that orders them, the one named later wins. Each record that
# counts does so from its day until it expires or, in a term that replaces, until the entity's next
# record, whether that counts or only ends. 0 days are none.
_STEPS: Final = """
WITH named (fact, position, counts) AS (VALUES {named}), seen AS (
    SELECT *, lead(day) OVER (
        PARTITION BY entity ORDER BY day, time, source, id, position
    ) AS following
    FROM named CROSS JOIN cell USING (fact)
    WHERE {concerned}
), span AS (
    SELECT
        entity, department, {category} AS category, day, min({replaced}, {expired}) AS until,
        ({amount}) AS amount
    FROM {rows}
    WHERE {conditions}
){common_spans}, step AS (
    SELECT department, category, day, amount FROM {spans} WHERE until > day
    UNION ALL
    SELECT department, category, until, -amount FROM {spans}
    WHERE until > day AND until <= :as_of
)
SELECT department, category, day, sum(amount / {whole}), sum(amount % {whole})
FROM step
GROUP BY 1, 2, 3
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
        entity, department, category, max(span.day, member.day) AS day,
        min(until, coalesce(following, {never})) AS until, amount
    FROM span JOIN member USING (entity)
    WHERE member.counts
)"""

_DAYS: Final = """
WITH named (fact, position, counts) AS (VALUES {named})
SELECT DISTINCT department, day
FROM named CROSS JOIN cell USING (fact)
WHERE {concerned} AND {placed}
"""

#: Later than any day.
_NEVER: Final = 10**7

DepartmentCode = str | None
"""A département's code, or None where the entity has none."""


class TermCourse(NamedTuple):
    """The result of a term on every day up to one, by the département of each record.

    `steps` are by how much the amount changes on a day (proleptic ordinal), `reports` the days of
    the term's facts. On the last day, `amounts` are the amounts, and `categories` their parts where
    the term has a breakdown; `last_reports` are the last days of the facts.
    """

    steps: Mapping[DepartmentCode, Mapping[int, int]]
    reports: Mapping[DepartmentCode, frozenset[int]]
    amounts: Mapping[DepartmentCode, int]
    categories: Mapping[str, Mapping[DepartmentCode, int]]
    last_reports: Mapping[DepartmentCode, date]


def total(
    amounts: Mapping[DepartmentCode, int], department: DepartmentCode, *, additive: bool = True
) -> int:
    """Return the amount of a département; None: of the whole region.

    The region's is the sum if the measure is additive, otherwise the amount without a département.
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


def course(ledger: Ledger, term: Term, as_of: date) -> TermCourse:
    """Return the result of a term on every day up to one, from the settled cells.

    The SQL text is ours alone; the catalogue's values are parameters.
    """
    parameters = _facts(term, "fact")
    if term.among is not None:
        parameters |= _facts(term.among, "among")
    parameters |= {f"entity{at}": entity for at, entity in enumerate(_entities(term))}
    conditions = ["counts", *(f"{_text(field)} IS NOT NULL" for field in term.needed)]
    for at, (field, values) in enumerate(term.where):
        wanted = {f"value{at}_{each}": value for each, value in enumerate(sorted(values))}
        parameters |= wanted
        listed = ", ".join(f":{name}" for name in wanted)
        conditions.append(f"{_text(field)} IN ({listed})")
    rows, amount, category = "seen", "1", "NULL"
    if term.amount is not None:
        # json_each gives a plain number one row, and a mapping one row for each of its keys.
        rows, amount = f"seen, json_each({_field(term.amount)}) AS part", "part.value"
    if term.breakdown is not None:
        category = "part.key" if term.breakdown == term.amount else _text(term.breakdown)
    expired = "NULL" if term.expires is None else f"day + {_lifetime(term.expires)} + 1"
    sql = _STEPS.format(
        named=_named(term),
        concerned=_concerned(term),
        category=category,
        replaced=f"coalesce(following, {_NEVER})" if term.mode is TermMode.REPLACE else _NEVER,
        expired=f"coalesce({expired}, {_NEVER})",
        amount=amount,
        rows=rows,
        conditions=" AND ".join(conditions),
        common_spans=""
        if term.among is None
        else _COMMON_SPANS.format(named=_named(term.among, "among"), never=_NEVER),
        spans="span" if term.among is None else "common",
        whole=_WHOLE,
    )
    parameters["as_of"] = as_of.toordinal()
    steps: defaultdict[DepartmentCode, Counter[int]] = defaultdict(Counter)
    categories: defaultdict[str, Counter[DepartmentCode]] = defaultdict(Counter)
    for department, part, day, wholes, rest in _run(ledger, sql, parameters):
        change = wholes * _WHOLE + rest
        steps[department][day] += change
        if part is not None:
            categories[part][department] += change
    reports: defaultdict[DepartmentCode, set[int]] = defaultdict(set)
    placed = "department IS NOT NULL" if DEPARTMENT in term.needed else "TRUE"
    asked = _DAYS.format(named=_read(term), concerned=_concerned(term), placed=placed)
    for department, day in _run(ledger, asked, parameters):
        reports[department].add(day)
    return TermCourse(
        steps,
        {code: frozenset(days) for code, days in reports.items()},
        {code: sum(days.values()) for code, days in steps.items()},
        categories,
        {code: date.fromordinal(max(days)) for code, days in reports.items()},
    )


def _run(ledger: Ledger, sql: str, parameters: Mapping[str, str | int]) -> Iterator[Any]:
    return ledger.database.execute(sql, parameters)


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
    """Return the SQL of how many days an amount counts after its own; NULL: always.

    `report.term_sql` has the same for the evidence of a figure, which the audit checks.
    """
    if expiry.by is None:
        return str((expiry.days or 0) + expiry.grace_days)
    spans = " ".join(
        f"WHEN '{frequency}' THEN {days + expiry.grace_days}"
        for frequency, days in FREQUENCY_DAYS.items()
        if days is not None
    )
    return f"CASE {_text(expiry.by)} {spans} END"
