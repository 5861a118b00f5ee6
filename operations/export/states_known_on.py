"""Hindsight: the states as they were known at the end of a past day, from the raw topics.

The changelogs keep only the latest record of each fact and day; what was known before a correction
is on the topics of events.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta

from broker.stored_record import RawRecord
from catalogue.model import Catalogue
from events.errors import ContractError
from events.record_rules import RULES, RecordRules
from events.registry import Family
from events.topics import topic_name
from streams.state import Cell, cell_of, newest
from streams.state_store import StateStore

__all__ = ["states_known_on"]

#: One partition for all: an entity whose records lie on two partitions is one entity.
_PARTITION = 0


def states_known_on(
    records: Iterable[RawRecord],
    catalogue: Catalogue,
    known_on: date,
    *,
    rules: RecordRules = RULES,
) -> StateStore:
    """Return what workers would hold had they read only what was recorded up to a day (UTC).

    `records` are those of the topics of events, in any order; workers' copies of misrouted ones
    change nothing, and refused ones are passed over.
    """
    families = {topic_name(family): family for family in Family}
    before = datetime.combine(known_on, time(), UTC) + timedelta(days=1)
    states: dict[Family, dict[str, dict[str, dict[str, Cell]]]] = {
        family: defaultdict(lambda: defaultdict(dict)) for family in Family
    }
    for record in records:
        family = families[record.topic]
        try:
            event = rules.decode(record, family=family)
        except ContractError:
            continue
        if event.time >= before:
            continue
        fact, cell = event.fact, cell_of(event)
        days = states[family][fact.entity_id][fact.NAME]
        day = fact.effective_day.isoformat()
        known = days.get(day)
        days[day] = cell if known is None else newest(known, cell)
    state_store = StateStore(catalogue.terms)
    for family, entities in states.items():
        state_store.put(family, _PARTITION, entities)
    return state_store
