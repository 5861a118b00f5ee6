"""The figures as they were known on a past day, from the ledger."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date
from typing import Final, TypeAlias

from broker.stored_record import RawRecord
from catalogue.model import Catalogue
from events.fact import Family
from events.record_rules import RULES, RecordRules, known_before
from events.topics import DEFAULT_PARTITIONS
from report.ledger import VISIBLE, EventLedger
from report.term_sql import course_sql
from streams.contribution import NO_CATEGORY, NO_DEPARTMENT
from streams.fold import Difference
from streams.state import Cell, day_of
from streams.state_store import StateStore
from streams.topic_fold import merge_events

#: One partition for all that the ledger tells.
_PARTITION: Final = 0
_EXPLANATIONS: Final = """
SELECT entity, fact, day, time, source, id, content
FROM event WHERE family = $family AND {visible}
"""
_States: TypeAlias = dict[str, dict[str, dict[str, Cell]]]
"""By entity, fact and effective day."""


def state_store_known_on(
    ledger: EventLedger,
    person_records: Iterable[RawRecord],
    catalogue: Catalogue,
    known_on: date,
    rules: RecordRules = RULES,
    *,
    partitions: int = DEFAULT_PARTITIONS,
) -> StateStore:
    """Return what workers would hold had they read only what was recorded up to a day (UTC).

    Its fold is that of all states; the states themselves are those of explanations and of persons
    alone. Persons are in no ledger: their states come from `person_records`, the records of their
    topics, as known on the day of their last publication.
    """
    state_store = StateStore(catalogue.terms)
    before = known_before(known_on)
    # First of all: the broker may refuse them.
    known_days = catalogue.known_through(known_on)
    merge_events(
        state_store, person_records, partitions=partitions, known_on=known_days, rules=rules
    )
    for family in Family:
        state_store.put(family, _PARTITION, {})  # The partition is there, with or without entities.
    with ledger.snapshot() as snapshot:
        for term in catalogue.terms:
            if term.family is not Family.EXPLANATIONS and not term.family.about_persons:
                compiled = course_sql(term, "term_")
                rows = snapshot.query(compiled.sql, {**compiled.parameters, "before": before})
                index = state_store.fold.indexes[term]
                state_store.fold.apply(_PARTITION, [_difference(index, rows)])
        said = snapshot.query(
            _EXPLANATIONS.format(visible=VISIBLE),
            {"family": Family.EXPLANATIONS, "before": before},
        )
    state_store.put(Family.EXPLANATIONS, _PARTITION, _states(said))
    return state_store


def _difference(
    index: int,
    rows: Iterable[tuple[str | None, str | None, int, int | None]],
) -> Difference:
    """Return what all entities contribute to a term, from the rows of `course_sql`."""
    found: Difference = []
    for code, category, day, amount in rows:
        department = code or NO_DEPARTMENT
        if amount is None:
            found.append((day, ((), ((index, department, NO_CATEGORY),)), 1))
        else:
            key = index, department, category or NO_CATEGORY
            found.append((day, (((key, 0, amount),), ()), 1))
    return found


def _states(rows: Iterable[tuple[str, str, int, int, str, str, str | None]]) -> _States:
    """Return the states of entities from their cells."""
    found: _States = {}
    for entity, fact, day, time, source, identifier, content in rows:
        attributes = None if content is None else json.loads(content)
        days = found.setdefault(entity, {}).setdefault(fact, {})
        days[day_of(date.fromordinal(day))] = Cell(time, source, identifier, attributes)
    return found
