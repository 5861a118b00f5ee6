"""The states as they were known at the end of a past day, all of them in memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

from broker.stored_record import RawRecord
from catalogue.model import Catalogue
from events.fact import Family
from events.record_rules import RULES
from operations.export.states_known_on import events_known_on
from streams.state import Cell, cell_of, newest
from streams.state_store import StateStore


def states_held_on(records: Iterable[RawRecord], catalogue: Catalogue, day: date) -> StateStore:
    """Return what workers would hold, on one partition, of what was recorded up to a day (UTC)."""
    states: dict[Family, dict[str, dict[str, dict[str, Cell]]]] = {
        family: defaultdict(lambda: defaultdict(dict)) for family in Family
    }
    for event in events_known_on(records, catalogue.known_through(day), RULES):
        fact, cell = event.fact, cell_of(event)
        days = states[fact.FAMILY][fact.entity_id][fact.NAME]
        effective = fact.effective_day.isoformat()
        known = days.get(effective)
        days[effective] = cell if known is None else newest(known, cell)
    state_store = StateStore(catalogue.terms)
    for family, entities in states.items():
        state_store.put(family, 0, entities)
    return state_store
