"""A term of the catalogue as one SQL question about a day, and its answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final, NamedTuple

from catalogue.terms import FREQUENCY_DAYS, Expiry, Mode, Term
from streams.audit.ledger import Ledger

__all__ = ["Answer", "Question", "evaluate", "last", "question", "total"]

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

_REPORTS: Final = """
WITH named (fact, place, counts) AS (VALUES {named})
SELECT department, max(day)
FROM named CROSS JOIN cell USING (fact)
WHERE {concerned}
GROUP BY 1
"""

Place = str | None
"""A département's code, or None where the entity names none."""


class Question(NamedTuple):
    """An SQL statement and what is bound to it; `:as_of` (an ordinal) is still to be given."""

    sql: str
    parameters: Mapping[str, str | int]


class Answer(NamedTuple):
    """What a term comes to on a day, by the place of each record that counts.

    `amounts` are its amounts, `categories` their parts by category where the term has a breakdown,
    `reports` the last days of the facts that it looks at.
    """

    amounts: Mapping[Place, int]
    categories: Mapping[str, Mapping[Place, int]]
    reports: Mapping[Place, date]


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


def evaluate(ledger: Ledger, term: Term, as_of: date) -> Answer:
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
    return Answer(amounts, categories, reports)


def question(term: Term) -> Question:
    """Compile a term. Only our own words enter the SQL; the catalogue's values are bound."""
    names = (*term.facts, *term.unless)
    parameters: dict[str, str | int] = {f"fact{at}": name for at, name in enumerate(names)}
    conditions = ["counts"]
    if term.mode is Mode.REPLACE:
        conditions.append("age = 1")
    parameters |= {f"entity{at}": entity for at, entity in enumerate(_entities(term))}
    for at, (field, values) in enumerate(term.where):
        wanted = {f"value{at}_{each}": value for each, value in enumerate(sorted(values))}
        parameters |= wanted
        listed = ", ".join(f":{name}" for name in wanted)
        conditions.append(f"{_text(field)} IN ({listed})")
    if term.expires is not None:
        conditions.append(f"coalesce(:as_of - day <= {_lifetime(term.expires)}, TRUE)")
    # json_each gives a plain number one row, and a mapping one row for each of its keys.
    rows, amount = "seen", "1"
    if term.amount is not None:
        rows, amount = f"seen, json_each({_field(term.amount)}) AS part", "part.value"
    category = "NULL"
    if term.breakdown is not None:
        category = "part.key" if term.breakdown == term.amount else _text(term.breakdown)
    sql = _AMOUNTS.format(
        named=_named(term),
        concerned=_concerned(term),
        category=category,
        amount=amount,
        whole=_WHOLE,
        rows=rows,
        conditions=" AND ".join(conditions),
    )
    return Question(sql, parameters)


def _ask(ledger: Ledger, asked: Question, as_of: date) -> Iterator[Any]:
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
