"""Hindsight: the states as they were known at the end of a past day, from the raw topics.

The changelogs keep only the latest record of each fact and day; what was known before a correction
is on the topics of events.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time

from broker.stored_record import RawRecord
from catalogue.model import Catalogue
from events.cloudevent import CloudEvent
from events.errors import ContractError
from events.record_rules import RULES, RecordRules
from events.registry import Family
from events.topics import topic_name
from streams.state import Cell, cell_of, newest
from streams.state_store import StateStore

__all__ = ["events_known_on", "states_known_on"]

#: One partition for all: an entity whose records lie on two partitions is one entity.
_PARTITION = 0


def events_known_on(
    records: Iterable[RawRecord], known_on: date | None, rules: RecordRules
) -> Iterator[CloudEvent]:
    """Yield the accepted events that were recorded up to a day (UTC); None: all of them."""
    families = {topic_name(family): family for family in Family}
    end = None if known_on is None else datetime.combine(known_on, time.max, UTC)
    for record in records:
        try:
            event = rules.decode(record, family=families[record.topic])
        except ContractError:
            continue
        if end is None or event.time <= end:
            yield event


def states_known_on(
    records: Iterable[RawRecord],
    catalogue: Catalogue,
    known_on: date,
    *,
    rules: RecordRules = RULES,
) -> StateStore:
    """Return what workers would hold had they read only what was recorded up to a day (UTC).

    `records` are those of the topics of events, in any order; workers' copies of misrouted ones
    change nothing, and refused ones are skipped.
    """
    states: dict[Family, dict[str, dict[str, dict[str, Cell]]]] = {
        family: defaultdict(lambda: defaultdict(dict)) for family in Family
    }
    for event in events_known_on(records, known_on, rules):
        fact, cell = event.fact, cell_of(event)
        days = states[fact.FAMILY][fact.entity_id][fact.NAME]
        day = fact.effective_day.isoformat()
        known = days.get(day)
        days[day] = cell if known is None else newest(known, cell)
    state_store = StateStore(catalogue.terms)
    for family, entities in states.items():
        state_store.put(family, _PARTITION, entities)
    return state_store
