"""The states as they were known at the end of a past day, all of them in memory."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from broker.stored_record import RawRecord
from catalogue.model import Catalogue
from events.record_rules import RULES, RecordRules
from streams.state_store import StateStore
from streams.topic_fold import merge_events


def states_held_on(
    records: Iterable[RawRecord], catalogue: Catalogue, day: date, rules: RecordRules = RULES
) -> StateStore:
    """Return what workers would hold of what was recorded up to a day (UTC)."""
    state_store = StateStore(catalogue.terms)
    merge_events(state_store, records, known_on=catalogue.known_through(day), rules=rules)
    return state_store
