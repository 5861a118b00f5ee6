"""The simulated Région's first years as a page knows them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import cache
from typing import Final

from broker.stored_record import RawRecord
from catalogue.loader import load_catalogue
from catalogue.model import Catalogue
from events.record_rules import RULES, RecordRules
from report.knowledge import Knowledge
from report.view import View
from streams.state_store import StateStore
from streams.topic_fold import merge_events
from tests.support.ledgers import simulated_years

LAST_DAY: Final = date(2018, 12, 31)
"""The last day of the simulation; figures until then are known."""

shipped = cache(load_catalogue)


@cache
def simulated_records() -> tuple[RawRecord, ...]:
    """Return the simulation's records as a broker keeps them."""
    return tuple(simulated_years(1, LAST_DAY))


def states_held_on(
    records: Iterable[RawRecord], catalogue: Catalogue, day: date, rules: RecordRules = RULES
) -> StateStore:
    """Return the states that workers would derive from the records up to a day (UTC)."""
    state_store = StateStore(catalogue.terms)
    merge_events(state_store, records, known_on=catalogue.known_through(day), rules=rules)
    return state_store


@cache
def knowledge() -> Knowledge:
    catalogue: Catalogue = shipped()
    state_store = states_held_on(simulated_records(), catalogue, date(2020, 1, 1))
    return Knowledge.from_states(state_store, catalogue)


def view(
    as_of: date = LAST_DAY, territory: str = "region", *, known_on: date | None = None
) -> View:
    return View(as_of, known_on, territory, today=LAST_DAY)
