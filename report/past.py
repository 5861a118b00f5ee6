"""What was known of the figures at the end of a past day, from the ledger and persons' topics."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from itertools import islice
from typing import Final

from broker.reading import read_topics
from broker.stored_record import RawRecord
from catalogue.model import Catalogue
from events.fact import Family
from events.record_rules import RULES, RecordRules, known_before
from events.topics import DEFAULT_PARTITIONS
from report.knowledge import Knowledge
from report.ledger import LEDGER_TOPICS, PERSON_TOPICS, VISIBLE, EventLedger
from report.term_sql import NEVER, term_sql
from streams.contribution import NO_CATEGORY, NO_DEPARTMENT
from streams.decisions import read_decisions, without_skipped
from streams.fold import Difference
from streams.settings import Settings
from streams.state import Cell, day_of
from streams.state_store import StateStore
from streams.topic_fold import merge_events

BATCH: Final = 20_000
"""Records that are stored at once."""

#: One partition for all that the ledger has.
_PARTITION: Final = 0

# By how much a figure changes on a day; and, with amount and category NULL, the days of its facts.
_STEPS: Final = """
WITH {tables}, step AS (
    SELECT department, category, day, amount FROM term_span
    UNION ALL
    SELECT department, category, ends, -amount FROM term_span WHERE ends < {never}
)
SELECT department, category, day, sum(amount) FROM step GROUP BY ALL HAVING sum(amount) <> 0
UNION ALL
SELECT DISTINCT department, NULL, day, NULL FROM term_report
"""

_EXPLANATIONS: Final = """
SELECT entity, fact, day, time, source, id, content
FROM event WHERE family = $family AND {visible}
"""


def knowledge_on(
    ledger: EventLedger,
    person_records: Iterable[RawRecord],
    catalogue: Catalogue,
    known_on: date,
    rules: RecordRules = RULES,
    *,
    partitions: int = DEFAULT_PARTITIONS,
) -> Knowledge:
    """Return what would be known had only that been recorded which was by the end of a day (UTC).

    Persons are in no ledger: their figures come from `person_records`, the records of their topics,
    as known on the day of their last publication.
    """
    state_store = StateStore(catalogue.terms)
    # First of all: the broker may refuse them.
    merge_events(
        state_store,
        person_records,
        partitions=partitions,
        known_on=catalogue.known_through(known_on),
        rules=rules,
    )
    for family in Family:
        state_store.put(family, _PARTITION, {})  # The partition is there, with or without entities.
    before = {"before": known_before(known_on)}
    with ledger.snapshot() as query:
        for term in catalogue.terms:
            if term.family is not Family.EXPLANATIONS and not term.family.about_persons:
                compiled = term_sql(term, "term_")
                steps = _STEPS.format(tables=compiled.tables, never=NEVER)
                rows = query(steps, {**compiled.parameters, **before})
                difference = _difference(state_store.fold.indexes[term], rows)
                state_store.fold.apply(_PARTITION, [difference])
        explanations = _EXPLANATIONS.format(visible=VISIBLE)
        said = query(explanations, {"family": Family.EXPLANATIONS.value, **before})
    state_store.put(Family.EXPLANATIONS, _PARTITION, _states(said))
    return Knowledge.from_states(state_store, catalogue, known_on)


@contextmanager
def events_known_on(
    settings: Settings, catalogue: Catalogue, known_on: date
) -> Iterator[tuple[Knowledge, EventLedger]]:
    """Yield what was known on a day and the ledger behind it, read from the topics alone.

    Raises as `read_topics` and `EventLedger`.
    """
    security, rules = settings.security(), settings.record_rules()
    skipped = read_decisions(settings.broker, security=security).skipped
    with EventLedger(spill=settings.work_folder) as ledger:
        records = iter(read_topics(settings.broker, topics=LEDGER_TOPICS, security=security))
        while batch := list(islice(records, BATCH)):
            ledger.append(batch, rules, skipped)
        persons = without_skipped(
            read_topics(settings.broker, topics=PERSON_TOPICS, security=security), skipped
        )
        partitions = settings.partitions
        knowledge = knowledge_on(ledger, persons, catalogue, known_on, rules, partitions=partitions)
        yield knowledge, ledger


def _difference(
    index: int,
    rows: Iterable[tuple[str | None, str | None, int, int | None]],
) -> Difference:
    """Return what all entities contribute to a term, from the rows of `_STEPS`."""
    found: Difference = []
    for code, category, day, amount in rows:
        department = code or NO_DEPARTMENT
        if amount is None:
            found.append((day, ((), ((index, department, NO_CATEGORY),)), 1))
        else:
            key = index, department, category or NO_CATEGORY
            found.append((day, (((key, 0, amount),), ()), 1))
    return found


def _states(
    rows: Iterable[tuple[str, str, int, int, str, str, str | None]],
) -> dict[str, dict[str, dict[str, Cell]]]:
    """Return the states of entities, by fact and effective day, from their cells."""
    found: dict[str, dict[str, dict[str, Cell]]] = {}
    for entity, fact, day, time, source, identifier, content in rows:
        attributes = None if content is None else json.loads(content)
        days = found.setdefault(entity, {}).setdefault(fact, {})
        days[day_of(date.fromordinal(day))] = Cell(time, source, identifier, attributes)
    return found
