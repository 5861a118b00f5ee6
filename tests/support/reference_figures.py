"""Figures computed the slow and obvious way, from a list of records and a measure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from fractions import Fraction
from typing import Any, NamedTuple

from catalogue.terms import FREQUENCY_DAYS, Measure, Term
from events.observation import MICROS
from events.registry import facts_of


class Record(NamedTuple):
    """A fact of one entity; records of one day are in the order of their recording."""

    day: date
    fact: str
    entity: str
    fields: Mapping[str, Any]


def reference_figure(
    measure: Measure, records: Iterable[Record], as_of: date, category: str | None = None
) -> Fraction | None:
    """Return the figure on a day of a measure that is counted, of one category or of all."""
    entities: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        entities[record.entity].append(record)

    def total(term: Term) -> int:
        return sum(_amount(term, known, as_of, category) for known in entities.values())

    if measure.denominator is None:
        return Fraction(total(measure.numerator), measure.divisor)
    over = total(measure.denominator)
    return Fraction(total(measure.numerator), over) if over else None


def observed_figure(
    measure: Measure, records: Iterable[Record], as_of: date, department: str | None
) -> Fraction | None:
    """Return the figure on a day of a measure that was observed, in a département or the region."""
    suffix = "/R11" if department is None else f"/D{department}"
    known = sorted(
        (record.day, record.fields["value"])
        for record in records
        if record.entity in (measure.numerator.entities or ())
        and record.entity.endswith(suffix)
        and record.day <= as_of
    )
    return Fraction(str(known[-1][1])) * MICROS / measure.divisor if known else None


def _amount(term: Term, known: Sequence[Record], as_of: date, category: str | None) -> int:
    concerned = sorted(
        (
            record
            for record in known
            if record.fact in (*term.facts, *term.unless) and record.day <= as_of
        ),
        key=lambda record: record.day,
    )
    counting = concerned[-1:] if term.mode == "replace" else concerned
    if term.among is not None and not _amount(term.among, known, as_of, None):
        return 0
    return sum(_worth(term, record, known, as_of, category) for record in counting)


def _worth(
    term: Term, record: Record, known: Sequence[Record], as_of: date, category: str | None
) -> int:
    defining = [one for one in known if one.fact == facts_of(term.family)[0].NAME]
    borrowed = max(defining, key=lambda one: one.day).fields if defining else {}
    fields = {**borrowed, **record.fields}
    if record.fact not in term.facts:
        return 0
    if any(str(fields.get(name)).lower() not in values for name, values in term.where):
        return 0
    if term.expires is not None:
        by = term.expires.by
        days = term.expires.days if by is None else FREQUENCY_DAYS[fields[by]]
        if days is not None and (as_of - record.day).days > days + term.expires.grace_days:
            return 0
    amount = 1 if term.amount is None else fields[term.amount]
    if isinstance(amount, dict):
        split = term.breakdown is not None and category is not None
        return int(amount.get(category, 0) if split else sum(amount.values()))
    apart = category is not None and term.breakdown is not None
    return 0 if apart and fields.get(str(term.breakdown)) != category else int(amount)
